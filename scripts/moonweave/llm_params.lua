-- llm_params.lua: the parameters by which a graph's user chooses the language model, and the model that they name.
--   local llm_params = require "moonweave.llm_params"
--   local p = mw.params(llm_params.with { prompt = { "", "what to draw" } })
--   local llm = llm_params.open(p, "models/miniature/llm")
local mw = require "moonweave"
local llm_params = {}

local common = {
  llm = { "", "language model: a folder, a .gguf file, or a server's address (http://...); empty: the bundled one, or "
    .. "what lies in the checkpoint's folder as llm" },
  llm_model = { "", "of a server: the model's name there" },
  key_env = { "", "of a server: the environment variable that holds its key" },
}

function llm_params.with(own)
  for name, declaration in pairs(common) do own[name] = own[name] or declaration end
  return own
end

local function given(text) return text ~= "" and text or nil end

-- default: the path that an empty `llm` stands for.
function llm_params.open(p, default)
  if p.llm:find("^https?://") then
    return mw.llm { endpoint = p.llm, model = given(p.llm_model), key_env = given(p.key_env) }
  end
  return mw.llm { path = given(p.llm) or default }
end

return llm_params
