-- args.lua: the parameters of a composite: known names only, aliases resolved, defaults filled in, values checked.
--   local a = args("txt2img", given, { "model", "prompt", seed = 1, steps = 20 }, { num_inference_steps = "steps" },
--     { "model", "prompt" }, { calls = { 1, 99, whole = true }, mode = { "strict", "faithful" }, noise = "function" })
-- Names in the list part have no default; those that `required` lists must be given. Numbers must be finite. What has
-- a number or a truth value as its default takes only such, or a handle; what is in `limits` takes numbers of a range,
-- one of a list of texts, or a Lua type ("table": a handle too).
local mw = require "moonweave"
local shown = require "moonweave.shown"

local common = { steps = { 1, 1000, whole = true } }

local function names_of(known)
  local names = {}
  for n in pairs(known) do names[#names + 1] = n end
  table.sort(names)
  return table.concat(names, ", ")
end

local function is_finite(value) return type(value) == "number" and math.abs(value) < math.huge end

-- nil when the value is within the limit, else what it must be.
local function beyond(limit, value)
  if type(limit) == "string" then
    return type(value) ~= limit and not (limit == "table" and mw.is_handle(value)) and "a " .. limit or nil
  elseif type(limit[1]) == "string" then
    for _, choice in ipairs(limit) do
      if value == choice then return nil end
    end
    return "one of " .. table.concat(limit, ", ")
  end
  local good = is_finite(value) and value >= limit[1] and value <= limit[2]
  if good and not (limit.whole and value % 1 ~= 0) then return nil end
  return ("a %s from %.15g to %.15g"):format(limit.whole and "whole number" or "number", limit[1], limit[2])
end

-- What a value must be and is not; nil when it is good.
local function wrong(value, default, limit)
  if limit then return beyond(limit, value) end
  local kind = type(default)
  if type(value) == "number" and not is_finite(value) then return "a finite number" end
  if mw.is_handle(value) or (kind ~= "number" and kind ~= "boolean") or type(value) == kind then return nil end
  return kind == "number" and "a number" or "true or false"
end

return function(name, given, declared, alias, required, limits)
  if type(name) ~= "string" or type(declared) ~= "table" then
    mw.fail("args: takes the composite's name, what it was given, and a table of what it takes")
  end
  if type(given) ~= "table" or mw.is_handle(given) then
    mw.fail(name .. ": takes its parameters by name: mw." .. name .. " { name = value, ... }")
  end
  local known, result, seen = {}, {}, {}
  for key, default in pairs(declared) do
    if type(key) == "number" then known[default] = true else known[key], result[key] = true, default end
  end
  for key, value in pairs(given) do
    local full = known[key] and key or alias and alias[key]
    if not known[full] then
      mw.fail(name .. ": has no parameter '" .. tostring(key) .. "'; it takes: " .. names_of(known))
    end
    if seen[full] then
      mw.fail(name .. ": '" .. full .. "' is given twice (as '" .. key .. "' too)")
    end
    local must = wrong(value, declared[full], limits and limits[full] or common[full])
    if must then mw.fail(("%s: '%s' must be %s, got %s"):format(name, full, must, shown(value))) end
    seen[full], result[full] = true, value
  end
  for _, key in ipairs(required or {}) do
    if result[key] == nil then mw.missing(name, key) end
  end
  return result
end
