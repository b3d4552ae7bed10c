-- parts.lua: what a composite takes as a handle, or as what makes one: a model or its path, a layout or its table.
--   parts("lmd", a): a.model and a.layout become handles; a layout's table is read in the mode a.mode.
local mw = require "moonweave"
local shown = require "moonweave.shown"

local function refuse(name, parameter, takes, got)
  mw.fail(("%s: '%s' must be %s, got %s"):format(name, parameter, takes, shown(got)))
end

return function(name, a)
  if not mw.is_handle(a.model) then
    if type(a.model) ~= "string" then refuse(name, "model", "a checkpoint or its path", a.model) end
    a.model = mw.checkpoint { path = a.model }
  end
  if a.layout == nil or mw.is_handle(a.layout) then return end
  if type(a.layout) ~= "table" then refuse(name, "layout", "a layout, or a table for mw.layout", a.layout) end
  local given = { mode = a.mode }
  for key, value in pairs(a.layout) do given[key] = value end
  a.layout = mw.layout(given)
end
