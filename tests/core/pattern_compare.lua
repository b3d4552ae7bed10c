-- pattern_compare.lua: find, match, gmatch and gsub of two string libraries on random patterns, for test_pattern.c.
local ours, theirs, rounds = ...
local compared, matched = 0, 0

local pieces = { -- no zero bytes: the manual has none in patterns, ours takes them as themselves
  "a", "b", "c", ".", "%a", "%d", "%s", "%w", "%A", "%x", "%p", "%u", "%l", "%c", "%z", "%Z", "%g", "%q", "%%", "%.",
  "[ab]", "[^ab]", "[a-c]", "[%a1]", "[^%s]", "[]a]", "[^]a]", "[a-]", "[-a]", "[%]a]", "[a-%z]", "[%d-z]", "%-", "B",
  "(", ")", "()", "(a)", "(.)", "(b*)", "(.-)", "%1", "%2", "%0", "%b()", "%bab", "%baa", "%f[%a]", "%f[^a]", "%f[%z]",
  "^", "$", "[", "]", "%", "-", "*", "+", "?", "[^", "[a", "[%", "%b", "%ba", "%fa", "\200", "[\200-\255]", " ", "1",
}
local often = { "", "", "", "*", "+", "-", "?" }
local letters = { "a", "b", "c", "a", "b", "(", ")", " ", "1", "B", "%", ".", "-", "\0", "\200", "_", "\n", "z" }
local replacements = {
  "x", "", "%0", "[%1]", "%2%1", "%%", "%x", "%", "%9", 7, { a = "A", b = false, ["1"] = 1, c = {} },
  function(a, b) return a ~= "a" and tostring(a) .. tostring(b) end, function() end, function() return {} end,
}

local function random_of(list) return list[math.random(#list)] end

local function random_text(from, most, suffixes)
  local t = {}
  for i = 1, math.random(0, most) do t[i] = random_of(from) .. (suffixes and random_of(suffixes) or "") end
  return table.concat(t)
end

local function pack(...) return { n = select("#", ...), ... } end

-- Whatever a call gives, as a text; of errors only that there is one.
local function outcome(...)
  local r = pack(pcall(...))
  if not r[1] then return "error" end
  for i = 1, r.n do r[i] = type(r[i]) .. ":" .. tostring(r[i]) end
  if r[2] and r[2] ~= "nil:nil" then matched = matched + 1 end
  return table.concat(r, "|")
end

local function all_matches(lib)
  return function(s, p)
    local t = {}
    for a, b, c in lib.gmatch(s, p) do t[#t + 1] = tostring(a) .. "," .. tostring(b) .. "," .. tostring(c) end
    return table.concat(t, ";")
  end
end

local calls = {
  find = { ours.find, theirs.find }, match = { ours.match, theirs.match }, gsub = { ours.gsub, theirs.gsub },
  gmatch = { all_matches(ours), all_matches(theirs) },
}

for round = 1, rounds do
  local s, p = random_text(letters, 12), random_text(pieces, 5, often)
  if math.random(4) == 1 then p = "^" .. p end
  local arguments = {
    find = { random_of { 1, 1, 3, -2, 0, 50, -50 }, random_of { false, false, true } },
    match = { random_of { 1, 1, 2, -3, 100 } },
    gsub = { random_of(replacements), random_of { nil, 1, 2, 0, -1 } },
    gmatch = {},
  }
  for name, pair in pairs(calls) do
    local a, b = arguments[name][1], arguments[name][2]
    local x, y = outcome(pair[1], s, p, a, b), outcome(pair[2], s, p, a, b)
    compared = compared + 1
    if x ~= y then
      error(("round %d: %s(%q, %q, %s, %s) gives %s, not %s"):format(round, name, s, p, tostring(a), tostring(b), x, y))
    end
  end
end
return compared, matched
