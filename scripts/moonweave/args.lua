-- args.lua: the parameters of a composite: known names only, aliases resolved, defaults filled in.
--   local a = args("txt2img", given, { "model", "prompt", seed = 1, steps = 20 }, { num_inference_steps = "steps" })
-- Names in the list part have no default; those that `required` lists must be given.
local mw = require "moonweave"

local function names_of(known)
  local names = {}
  for n in pairs(known) do names[#names + 1] = n end
  table.sort(names)
  return table.concat(names, ", ")
end

return function(name, given, declared, alias, required)
  if type(given) ~= "table" then
    mw.fail(name .. ": takes its parameters by name: mw." .. name .. " { name = value, ... }")
  end
  local known, result, seen = {}, {}, {}
  for key, default in pairs(declared) do
    if type(key) == "number" then known[default] = true else known[key], result[key] = true, default end
  end
  for key, value in pairs(given) do
    local full = known[key] and key or alias[key]
    if not full then
      mw.fail(name .. ": has no parameter '" .. tostring(key) .. "'; it takes: " .. names_of(known))
    end
    if seen[full] then
      mw.fail(name .. ": '" .. full .. "' is given twice (as '" .. key .. "' too)")
    end
    seen[full], result[full] = true, value
  end
  for _, key in ipairs(required or {}) do
    if result[key] == nil then mw.missing(name, key) end
  end
  return result
end
