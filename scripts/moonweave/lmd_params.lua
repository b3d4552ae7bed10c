-- lmd_params.lua: what mw.lmd takes; mw.lmd_plus has other defaults for some of it.
local declarations = require "moonweave.declarations"

local function optional(doc, type) return { nil, doc, type = type or "number" } end
local function share(default, doc, alias)
  return { default, doc, type = "number", min = 0, max = 1, literal = true, alias = alias }
end
local function flag(default, doc) return { default, doc, type = "bool", literal = true } end
local function count(doc, alias) return { nil, doc, type = "integer", min = 0, literal = true, alias = alias } end
local function words(doc) return { nil, doc, type = "text", literal = true } end

return declarations.with({ "model", "layout", "prompt", "width", "height", "cfg", "mode", "form", "tile", "steps" }, {
  seed = { 1, "of the whole picture's noise", type = "seed", alias = "bg_seed", literal = true },
  object_seed = {
    nil, "of the first object's noise, one more for each further one; none: seed + 19", type = "seed", literal = true,
    alias = "fg_seed_start",
  },
  omega = { 4, "weight of attention outside the boxes, in both stages", alias = "ω" },
  lambda = { 2, "weight of attention transfer from the single objects to the whole picture", alias = "λ" },
  eta = { 5, "guidance strength: size of each step along the energy's gradient; 0: none", alias = "η" },
  top_p = { 0.2, "share of the cells inside and outside a box that count" },
  energy = { "code", "what is small when attention is in the boxes", type = "function",
    choices = "box_attention_guide.energy" },
  frozen = share(0.5, "of the steps, in which the objects' latents are kept", "frozen_step_ratio"),
  layers = { nil, "cross-attentions that are guided; none: the model's", type = "list" },
  mask_layer = words("the cross-attention that masks come from; none: the model's"),
  -- negative prompts beside the layout's
  overall_negative_prompt = words("of the whole picture; none: in faithful mode the published terms"),
  so_negative_prompt = words("of the objects alone; none: in faithful mode the published terms"),
  -- guidance of the objects alone
  bg_weight = optional "omega of the objects alone; none: omega",
  fg_weight = { 1, "weight of attention inside the box, of the objects alone" },
  fg_top_p = optional "top_p inside, of the objects alone; none: top_p",
  bg_top_p = optional "top_p outside, of the objects alone; none: top_p",
  loss_scale = optional "eta of the objects alone; none: eta",
  loss_threshold = optional "of the objects alone: energy at which a step's iterations end",
  max_iter = optional("of the objects alone: gradient steps before each step, or a list of them", "any"),
  max_index_step = count "of the objects alone: how many steps are guided",
  -- guidance of the whole picture
  overall_bg_weight = optional "omega of the whole picture; none: omega",
  overall_fg_weight = { 1, "weight of attention inside the boxes, of the whole picture" },
  overall_fg_top_p = optional "top_p inside, of the whole picture; none: top_p",
  overall_bg_top_p = optional "top_p outside, of the whole picture; none: top_p",
  overall_loss_scale = optional "eta of the whole picture; none: eta",
  overall_loss_threshold = optional "of the whole picture: energy at which a step's iterations end",
  overall_max_iter = optional("of the whole picture: gradient steps before each step, or a list of them", "any"),
  overall_max_index_step = count "of the whole picture: how many steps are guided",
  ref_ca_loss_weight = optional "lambda under its published name; none: lambda",
  use_ref_ca = flag(true, "attention is transferred from the objects drawn alone"),
  -- where an object starts and is drawn alone
  fg_blending_ratio = { 0.01, "share of the object's own noise in its box" },
  so_center_box = flag(true, "an object is drawn alone in the middle"),
  so_horizontal_center_only = flag(false, "in the middle of the width only"),
  so_vertical_placement = { "floor_padding", "where it stands then", choices = { "floor_padding", "centered" } },
  so_floor_padding = { 0.2, "share of the height left under it" },
  -- its mask
  mask = { nil, "where an object's mask comes from: its attention, Segment Anything, its box, or a function(number, "
    .. "run, object) that gives a handle; none: sam where one is given, else threshold", type = "function",
    choices = { "threshold", "sam", "box" } },
  sam = { nil, "a Segment Anything model, or its path", type = "sam" },
  sam_box = flag(false, "Segment Anything is asked with the object's box, not with its attention"),
  attn_aggregation_step_start = optional "masks: steps before this one do not count",
  gaussian_sigma = optional "masks: width of the smoothing",
  mask_th_for_point = { 0.25, "masks: what is over this share of the attention is the object" },
  mask_th_for_box = { 0.05, "the same where use_box_input is set" },
  use_box_input = flag(false, "Segment Anything is asked with the box around the attention, not with its peak"),
  n_erode_dilate_mask_for_box = { 1, "how often that attention loses its rim and gains one" },
  discourage_mask_below_confidence = { 0.85, "Segment Anything's masks below this are taken last" },
  discourage_mask_below_coarse_iou = { 0.25, "and those that cover the attention less than this" },
  -- the way back
  align_with_overall_bboxes = flag(true, "objects are moved into their boxes"),
  horizontal_shift_only = flag(false, "only sideways"),
  -- models with gated layers (mw.lmd_plus)
  beta = share(0, "of the steps, in which gated layers see the boxes"),
  so_gligen_scheduled_sampling_beta = share(nil, "beta of the objects alone; none: beta"),
  overall_gligen_scheduled_sampling_beta = share(nil, "beta of the whole picture; none: beta"),
  phrase_embedding = optional("phrase_embedding(list): what gated layers are told of phrases", "function"),
  -- quicker
  use_fast_schedule = flag(false, "objects skip steps that only their masks need"),
  fast_rate = { 2, "of those every so manyth stays", integer = true, min = 1, max = 1000, literal = true },
})
