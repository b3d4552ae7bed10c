-- guided_sample.lua: mw.guided_sample: the DDIM loop of mw.sample with attention guidance before each step.
--   model, schedule (a handle, or a function that gives each step's), steps, latents (of the start), cfg;
--   text, negative (text_encoder's handles);
--   guide: what box_attention_guide takes beside these (layout, eta, iterations, last_step = 30, ...); nil: none;
--   grounding, grounded: for models with gated layers (GLIGEN): what the node of that name gives, for how many steps;
--   reference(i): the reference maps of step i, or nil; capture: names of cross-attentions whose maps are wanted;
--   listen(i, maps): told those of step i, where what is made of them runs before the next step, so that they can go;
--   freeze(i): what replaces part of the latents after step i: { latents = ..., frozen = mask }, or nil.
-- Returns lists: latents (before each step, then the final ones), guided (what entered the network), stepped (after
-- each step, before freezing), maps, energies.
local mw = require "moonweave"
local declarations = require "moonweave.declarations"

-- The guide's parameters with those of one step added.
local function at_step(a, schedule, i, latents, state)
  local g = { model = a.model, latents = latents, schedule = schedule, step = i, state = state,
    grounding = i < a.grounded and a.grounding or nil,
    embedding = a.text.embedding, pooled = a.text.pooled, tokens = a.text.tokens,
    reference = a.reference and a.reference(i) }
  for name, value in pairs(a.guide) do g[name] = value end
  return g
end

local params = declarations.with({ "model", "steps" }, {
  schedule = { nil, "the times of the run, or a function that gives each step's", type = "any", required = true },
  latents = { nil, "[B,4,h,w] of the start", type = "latents", required = true },
  cfg = { nil, "classifier-free guidance", type = "number", alias = "guidance_scale" },
  text = { nil, "what text_encoder gives for the prompt", type = "any", required = true },
  negative = { nil, "what text_encoder gives for the negative prompt", type = "any", required = true },
  guide = { nil, "what box_attention_guide takes beside the rest (layout, eta, ...); none: no guidance", type = "any" },
  grounding = { nil, "for gated layers: what the node of that name gives", type = "any" },
  grounded = { 0, "for how many steps", literal = true },
  reference = { nil, "reference(i): the reference maps of step i, or nil", type = "function" },
  capture = { nil, "names of cross-attentions whose maps are wanted", type = "list" },
  listen = { nil, "listen(i, maps): told the maps of step i, to make nodes of them that run before the next step",
    type = "function" },
  freeze = { nil, "freeze(i): what replaces part of the latents after step i: { latents =, frozen = }",
    type = "function" },
})
params.steps = declarations.without_default("steps")

-- The parameters that are given as tables or handles of several outputs.
local function need_parts(a)
  for _, name in ipairs { "text", "negative", "guide" } do
    local kind = type(a[name])
    if a[name] ~= nil and kind ~= "table" and not mw.is_handle(a[name]) then
      mw.fail(("guided_sample: '%s' must be a table, got %s"):format(name, kind == "string" and '"' .. a[name] .. '"'
        or tostring(a[name])))
    end
  end
end

local function guided_sample(a)
  need_parts(a)
  local r = { latents = { a.latents }, guided = {}, stepped = {}, maps = {}, energies = {} }
  local z, state = a.latents, nil
  local last = a.guide and a.guide.eta ~= 0 and (a.guide.last_step or 30) or 0
  for i = 0, a.steps - 1 do
    local schedule = type(a.schedule) == "function" and a.schedule(i) or a.schedule
    if i < last then
      local guide = mw.box_attention_guide(at_step(a, schedule, i, z, state))
      z, state, r.energies[i + 1] = guide.latents, guide.state, guide.energies
    end
    local pred = mw.unet { model = a.model, latents = z, schedule = schedule, step = i, cfg = a.cfg,
      embedding = a.text.embedding, negative = a.negative.embedding, capture = a.capture,
      pooled = a.text.pooled, negative_pooled = a.negative.pooled,
      grounding = i < a.grounded and a.grounding or nil }
    r.guided[i + 1], r.maps[i + 1] = z, pred.maps
    if a.listen then a.listen(i, pred.maps) end
    z = mw.ddim_step { schedule = schedule, step = i, latents = z, noise_pred = pred.noise_pred }.latents
    r.stepped[i + 1] = z
    local kept = a.freeze and a.freeze(i)
    if kept then z = mw.blend_latents { latents = z, over = kept.latents, mask = kept.frozen } end
    r.latents[i + 2] = z
  end
  return r
end

return mw.composite {
  name = "guided_sample",
  doc = "The DDIM loop with attention guidance before each step. "
    .. "Gives lists: latents, guided, stepped, maps, energies.",
  params = params, run = guided_sample,
}
