-- The scripts run in LuaJIT; scripts/types is made by `make docs` and declares what the engine defines.
std = "luajit"
exclude_files = { "scripts/types" }
