-- shown.lua: what a composite was given, in words for its messages.
local mw = require "moonweave"

return function(value)
  if mw.is_handle(value) then return "a handle (its :value() may do)" end
  if value ~= value then return "NaN" end
  if type(value) == "string" then return ('"%.99s"'):format(value) end
  return type(value) == "number" and tostring(value) or "a " .. type(value)
end
