---@meta
-- Made by `make docs` from the declarations in nodes/, scripts/moonweave and core/lua: types for editors.

---What require "moonweave" gives: a constructor for each node and composite, and these functions.
---@class mw
---@field output fun(outputs: table<string, any>) What the run must produce: pictures, tensors and tables go into files of these names, numbers and short texts to standard output. A list of handles makes several pictures.
---@field params fun(declarations: table<string, any>): table<string, any> Declares what -p name=value may set, and returns the values by name. A declaration is a default, or a table of default and description, which may go on with min, max, integer = true, multiple, choices ({ "one", "another" } or "node.parameter"), alias, unit, type, required = true.
---@field json fun(path: string): any Reads a file of JSON: lists and objects as tables, null as nil.
---@field tensor fun(numbers: number|table): mw.tensor A tensor of these numbers.
---@field node fun(declaration: table): fun(params: table): mw.handle Makes a node of a Lua function and returns its constructor. inputs = { name = "type" }; params as mw.params has them; outputs = { name = "type" }, without it those of the inputs. run returns a table of its outputs, or the only one. emits = { name = "type" }: what mw.emit hands out meanwhile.
---@field emit fun(name: string, value: any) In a node's run(): hands out a value before the end, to whoever listens to the run: a text appears on the terminal as it comes. Results and keys are the same whether somebody listens or not.
---@field kernel fun(declaration: table): fun(arguments: table): any Makes a node of a kernel in OpenCL C, with --trust only, and returns its constructor; given tensors instead of handles, that runs at once and returns a tensor (several outputs: a table of them). outputs = { y = "x" }: shape and dtype of that input, or { shape = list or function(i, prm), dtype = "f32" }. Arguments in order: inputs, outputs, params (each by name), ulong n. gradient = function(i, g, prm) gives { x = }; docs/adding-a-kernel.md says more.
---@field composite fun(declaration: table): fun(params: table): any Makes a function that is called as a node is, with parameters that are declared as in mw.params and checked; a literal = true one takes no handle. run gets them by name, and returns a handle or mw.bundle.
---@field bundle fun(handles: table): mw.handle What a composite returns: passed whole it is the first handle; the others are its parts by name.
---@field fail fun(sentence: string) Ends the run with an error at the line of the script that called the composite.
---@field missing fun(composite: string, parameter: string) mw.fail for a parameter that must be given beside another one.
---@field choice fun(node: string, parameter: string, text: string): string The name that the text stands for among the node's choices: mw.choice("schedule", "sampler", "DPM++ 2M Karras").
---@field is_handle fun(value: any): boolean Whether the value is a handle, rather than a plain value.
mw = {}

---Numbers on the device, as mw.tensor, handle:value() and mw.node's inputs give them. Dimensions and indices count from 1, negative ones from the end.
---@class mw.tensor
---@field shape integer[] Its sizes, a list.
---@field size fun(self: mw.tensor): integer How many elements it has.
---@field dtype string How its elements are stored: "f32", "f16", "i32" or "u8".
---@field [integer|table] mw.tensor A part: an index takes a dimension away, { first, last } keeps it with both ends included, {} takes all of it.
---@field item fun(self: mw.tensor): number The number of a tensor that has one element.
---@field totable fun(self: mw.tensor): any All its numbers, in nested tables.
---@operator add(mw.tensor|number): mw.tensor
---@operator sub(mw.tensor|number): mw.tensor
---@operator mul(mw.tensor|number): mw.tensor
---@operator div(mw.tensor|number): mw.tensor
---@operator pow(number): mw.tensor
---@operator unm(): mw.tensor
---@field exp fun(self: mw.tensor): mw.tensor e to the power of each element.
---@field log fun(self: mw.tensor): mw.tensor The natural logarithm of each element.
---@field sqrt fun(self: mw.tensor): mw.tensor The square root of each element.
---@field abs fun(self: mw.tensor): mw.tensor Each element without its sign.
---@field clamp fun(self: mw.tensor, low?: number, high?: number): mw.tensor The elements, none below low or above high; nil leaves that end open.
---@field sum fun(self: mw.tensor, dim?: integer, keep?: boolean): mw.tensor The sum over a dimension, which goes unless keep is true; without one, over all: one number.
---@field mean fun(self: mw.tensor, dim?: integer, keep?: boolean): mw.tensor The mean, over what sum adds up.
---@field max fun(self: mw.tensor, dim?: integer, keep?: boolean): mw.tensor The largest, over what sum adds up.
---@field softmax fun(self: mw.tensor, dim?: integer): mw.tensor Shares that add up to 1 along a dimension, the last by default.
---@field topk fun(self: mw.tensor, k: integer, dim?: integer): mw.tensor, mw.tensor The k largest along a dimension (the last by default), largest first, and where they stand, from 1.
---@field matmul fun(self: mw.tensor, other: mw.tensor): mw.tensor The product of matrices [...,m,k] and [...,k,n].
---@field reshape fun(self: mw.tensor, ...: integer|integer[]): mw.tensor The same elements in another shape; one size may be -1: what remains.
---@field transpose fun(self: mw.tensor, a: integer, b: integer): mw.tensor The same with two dimensions swapped.
---@field blur fun(self: mw.tensor, sigma: number): mw.tensor A picture [H,W,C] under a Gaussian; at the border by the pixels there are.
---@field conv2d fun(self: mw.tensor, w: mw.tensor, options?: table): mw.tensor Convolution of [B,h,w,I] with w [O,I,kh,kw] and bias [O].
---@field layer_norm fun(self: mw.tensor, gamma?: mw.tensor, beta?: mw.tensor, eps?: number): mw.tensor Normalised over the last dimension; gamma 1, beta 0 and eps 1e-5 by default.
---@field rms_norm fun(self: mw.tensor, gamma?: mw.tensor, eps?: number): mw.tensor Divided by the root of the mean square over the last dimension.
---@field group_norm fun(self: mw.tensor, groups: integer, gamma?: mw.tensor, beta?: mw.tensor, eps?: number): mw.tensor [B,...,C] normalised over groups of channels.
---@field requires_grad fun(self: mw.tensor): mw.tensor The same numbers as a leaf: backward() of what is computed from it fills its grad.
---@field backward fun(self: mw.tensor) Adds the gradient of this one number to the grad of every leaf it was computed from.
---@field grad mw.tensor? A leaf's gradient, nil before backward(). t.grad = nil lets the next one begin at zero.
---@field detach fun(self: mw.tensor): mw.tensor The same numbers without what they came from: no gradient flows through.
local tensor = {}

---What a constructor returns: it stands for a node that has not run yet. It is passed on as an input, and indexed by the names of the node's outputs (text.embedding).
---@class mw.handle
---@field value fun(self: mw.handle, assumed?: any): any Runs what the handle needs, now, and returns its value: a number, string, table or tensor. It costs nothing the second time. `assumed`, where it is given, is what `check` and `graph`, which compute nothing, go on with.
local handle = {}

---@class mw.attention_layers: mw.handle
---@field guided mw.handle list: those of the middle block and of the first block of the way up that has any
---@field level mw.handle list: all with maps as large as the latter's, on the way down too
---@field mask mw.handle text: the second at a quarter of the latents' size on the way down (Stable Diffusion 1 and 2), else the last of all

---@class mw.attention_layers.params
---@field model mw.handle a checkpoint, or its unet

---Names of the cross-attentions that layout guidance takes by default.
---@param params mw.attention_layers.params
---@return mw.attention_layers
function mw.attention_layers(params) end

---@class mw.attention_mask: mw.handle
---@field mask mw.handle mask: [height,width] 1 on the object, else 0
---@field coarse mw.handle mask: [h,w] the same at the map's size
---@field map mw.handle tensor: [h,w] the smoothed map, from 0 to 1
---@field point mw.handle list: { x, y } on the canvas: the middle of the brightest cell; nothing where all are alike
---@field bounds mw.handle list: { x, y, width, height } on the canvas around the mask, a cell larger on each side

---@class mw.attention_mask.params
---@field maps any|mw.handle the maps of each step, a list: of tensors [1,heads,h*w,L], or of unet's maps by layer
---@field token integer|mw.handle which column: the token's position, from 0 (the begin token)
---@field layer? string|mw.handle where the maps have several layers: which
---@field from_step? integer|mw.handle steps before this one are left out of the mean; null: a fifth of all
---@field sigma? number|mw.handle width of the smoothing
---@field threshold? number|mw.handle of the smoothed map, its least as 0 and its most as 1; what is over it is the object
---@field erode_dilate? integer|mw.handle so often the mask loses its rim, and gains one again: specks go
---@field box? table|mw.handle { x, y, width, height } on the canvas: the mask where the attention gives none
---@field canvas? table|mw.handle { width, height } of the picture that box, point and bounds refer to
---@field width? integer|mw.handle of the mask; null: the map's
---@field height? integer|mw.handle of the mask; null: the map's
---@field like? mw.handle latents whose sides the mask gets, instead of both
---@field mode? "strict"|"faithful"|mw.handle faithful takes the corner of the brightest cell as the point, as the published code does
---@field device? integer run on this one of the devices that --device names, counted from 0; absent: on any that is free

---The object that a token's cross-attention shows (Lian et al. 2023): mean over steps and heads, smoothed, over a threshold. The finer mask by its nearest cells, without a segmentation network, is this engine's own.
---@param params mw.attention_mask.params
---@return mw.attention_mask
function mw.attention_mask(params) end

---@class mw.batch: mw.handle
---@field batch mw.handle tensor: [B,..] all of them, one behind the other

---@class mw.batch.params
---@field items table|mw.handle [B,..] tensors of one shape but for the first dimension
---@field device? integer run on this one of the devices that --device names, counted from 0; absent: on any that is free

---Pictures, or what belongs to them, put together into one batch.
---@param params mw.batch.params
---@return mw.batch
function mw.batch(params) end

---@class mw.batch_item: mw.handle
---@field item mw.handle any: [1,..] of a tensor, the same of each of the maps, or the entry

---@class mw.batch_item.params
---@field batch any|mw.handle [B,..] a tensor, attention maps of several pictures, or a list with an entry for each
---@field item integer|mw.handle which, from 1
---@field device? integer run on this one of the devices that --device names, counted from 0; absent: on any that is free

---What belongs to one picture of a batch: its latents, its attention maps, its entry of a list.
---@param params mw.batch_item.params
---@return mw.batch_item
function mw.batch_item(params) end

---@class mw.benchmark_prompts: mw.handle
---@field prompts mw.handle texts: the prompts; some come twice and more

---@class mw.benchmark_prompts.params
---@field first? integer|mw.handle from which one on: 0 negation, 100 counts, 200 attributes, 300 places
---@field count? integer|mw.handle how many; fewer where the list ends

---The 400 prompts of LLM-grounded Diffusion (arXiv 2305.13655, section 4): 100 each with something left out, counted, colored and placed. `judge` reads them.
---@param params mw.benchmark_prompts.params
---@return mw.benchmark_prompts
function mw.benchmark_prompts(params) end

---@class mw.blend_latents: mw.handle
---@field latents mw.handle latents: [B,4,h,w] the mixture

---@class mw.blend_latents.params
---@field latents mw.handle [B,4,h,w] what stays outside
---@field over mw.handle [B,4,h,w] what comes in inside
---@field mask? mw.handle [h,w] 1 inside; without it `box` is needed
---@field box? table|mw.handle { x, y, width, height } on the canvas, instead of a mask
---@field canvas? table|mw.handle { width, height } that the box refers to
---@field ratio? number|mw.handle share of the variance inside that comes from `over`: sqrt(1 - ratio) * latents + sqrt(ratio) * over
---@field mode? "strict"|"faithful"|mw.handle strict: a box covers at least one cell; faithful: also none, and off the canvas it wraps around
---@field device? integer run on this one of the devices that --device names, counted from 0; absent: on any that is free

---Lays latents over others inside a mask or a box; with a ratio below 1 it mixes noise, and its variance stays.
---@param params mw.blend_latents.params
---@return mw.blend_latents
function mw.blend_latents(params) end

---@class mw.box_attention_guide: mw.handle
---@field latents mw.handle latents: [B,4,h,w] moved
---@field energy mw.handle any: the last one measured; of several pictures a list, false where none was; nil when none was at all
---@field state mw.handle any: the energy carried to the next step
---@field energies mw.handle list: all that were measured at this step, in order; of several pictures a list of such
---@field gradient mw.handle tensor: [B,4,h,w] of the energy, at each picture's last gradient step; nil when none was made

---@class mw.box_attention_guide.params
---@field model mw.handle a checkpoint
---@field latents mw.handle [B,4,h,w] the latents before the step; each picture is guided as it would be alone
---@field schedule mw.handle the times of the run
---@field step integer|mw.handle which step follows, from 0
---@field embedding mw.handle [B or 1,L,D] states of the prompt
---@field tokens mw.handle of the prompt, as text_encoder gives them; with a layout for each picture, of as many
---@field layout table|mw.handle the phrases and their boxes; a list: those of each picture
---@field state? any|mw.handle the step before's output of that name; none at the first
---@field reference? table|mw.handle for attention transfer, one entry for each object in the order of layout_phrases: maps by layer [1,heads,h*w,1] of its word, recorded at this step while it was drawn alone; with a layout for each picture, a list of such lists
---@field energy? "code"|"paper"|"ratio"|"boxdiff"|function|mw.handle code: the largest shares inside and outside the boxes, as published in code; paper: in the paper; ratio: backward guidance; boxdiff: BoxDiff; or a function(maps, layout) of the script that returns a tensor of one number, from a list of { phrase, layer, map = [heads,h,w] }
---@field omega? number|mw.handle weight of attention outside the boxes; eq. 2 of the paper
---@field lambda? number|mw.handle weight of attention transfer; eq. 4 of the paper; without a reference there is none
---@field eta? number|mw.handle strength: the step is eta * sqrt(1 - alpha_bar) * gradient, in strict mode times h*w / 4096; 0: no guidance
---@field top_p? number|mw.handle share of the cells inside and outside that counts: the largest values
---@field fg_top_p? number|mw.handle inside alone; null: top_p
---@field bg_top_p? number|mw.handle outside alone; null: top_p
---@field fg_weight? number|mw.handle weight of attention inside the boxes
---@field layers? table|mw.handle cross-attentions that count, by name, each as often as it is listed; null: the model's middle and the first block of the way up that has any
---@field iterations? any|mw.handle gradient steps at most: a number, or a list by step whose last entry serves all later ones
---@field threshold? number|mw.handle no further gradient step once the energy is not above it; null: 5 for 8 heads, in strict mode in proportion for others; of a function: none
---@field last_step? integer|mw.handle steps from this one on are not guided
---@field decay? "noise"|"progress"|mw.handle what eta is multiplied by: noise: sqrt(1 - alpha_bar); progress: sqrt(1 - step / 2 / (steps - 1)), BoxDiff's
---@field transfer? "word"|"last"|"all"|mw.handle whose attention is transferred: the phrase's word, its last token, all of them
---@field sigma? number|mw.handle boxdiff: smoothing of the maps; 0: none
---@field corner? integer|mw.handle boxdiff: how far from an edge its corner terms look
---@field grounding? any|mw.handle boxes for models with gated layers (GLIGEN), as the node grounding gives them; in faithful mode its tokens of nothing are taken
---@field pooled? mw.handle [B or 1,P] pooled prompt; SDXL needs it
---@field original_size? table|mw.handle { width, height } for SDXL, as unet has it
---@field crop? table|mw.handle { left, top } for SDXL, as unet has it
---@field target_size? table|mw.handle { width, height } for SDXL, as unet has it
---@field mode? "strict"|"faithful"|mw.handle strict: the energy is measured anew at every step; faithful: as the published code, where guidance ends for good once the energy was seen below the threshold, and boxes off the canvas wrap around
---@field device? integer run on this one of the devices that --device names, counted from 0; absent: on any that is free

---Moves latents before a step against the gradient of an energy: attention to each phrase goes into its boxes. LLM-grounded Diffusion (arXiv 2305.13655), eq. 1 to 4.
---@param params mw.box_attention_guide.params
---@return mw.box_attention_guide
function mw.box_attention_guide(params) end

---@class mw.box_mask: mw.handle
---@field mask mw.handle mask: [h,w] 1 in the box: corner and size go to the nearest cell each
---@field pixels mw.handle list: { x, y, width, height } of the box in whole pixels of the picture, 8 to a cell

---@class mw.box_mask.params
---@field box table|mw.handle { x, y, width, height } on the canvas
---@field like mw.handle latents whose sides the mask gets
---@field canvas? table|mw.handle { width, height } that the box refers to
---@field mode? "strict"|"faithful"|mw.handle strict: a box covers at least one cell; faithful: also none, and off the canvas it wraps around
---@field device? integer run on this one of the devices that --device names, counted from 0; absent: on any that is free

---The cells of latents that a box covers.
---@param params mw.box_mask.params
---@return mw.box_mask
function mw.box_mask(params) end

---@class mw.checkpoint: mw.handle
---@field checkpoint mw.handle checkpoint: the whole model; where a part is expected it gives that part
---@field unet mw.handle unet: the network that predicts the noise
---@field vae mw.handle vae: the autoencoder between pictures and latents
---@field text_encoder mw.handle text_encoder: the text encoder, or both of SDXL's
---@field tokenizer mw.handle tokenizer: the vocabulary of the (first) text encoder
---@field scheduler mw.handle scheduler: the settings of the sampler that come with the model
---@field kind mw.handle text: sd1, sd2 or sdxl

---@class mw.checkpoint.params
---@field path string|mw.handle a diffusers folder or a .safetensors file of Stable Diffusion 1, 2 or XL
---@field dtype? "auto"|"f32"|"f16"|mw.handle how weights and activations are stored; auto: as --dtype says, else f16 on GPUs that compute in it, else f32; matrices that a file holds in f16 stay so in memory
---@field variant? string|mw.handle of a folder: the variant of the weights, as in model.fp16.safetensors, where a part has it
---@field config? string|mw.handle of a single file: a folder of configs, laid out as a diffusers folder, instead of the published ones
---@field device? integer run on this one of the devices that --device names, counted from 0; absent: on any that is free

---Opens a Stable Diffusion model. Everything is checked at once; a part's weights are read when it is first used.
---@param params mw.checkpoint.params
---@return mw.checkpoint
function mw.checkpoint(params) end

---@class mw.contact_sheet: mw.handle
---@field image mw.handle image: [H,W,3] the sheet, white where nothing is

---@class mw.contact_sheet.params
---@field images table|mw.handle pictures, or lists of pictures, of any sizes
---@field labels? string|string[]|mw.handle a text for each picture, in the same order
---@field columns? integer|mw.handle pictures in a row; null: as many as make it square
---@field gap? integer|mw.handle between pictures and around them
---@field device? integer run on this one of the devices that --device names, counted from 0; absent: on any that is free

---Many pictures on one sheet, row by row, each with its label below.
---@param params mw.contact_sheet.params
---@return mw.contact_sheet
function mw.contact_sheet(params) end

---@class mw.ddim_step: mw.handle
---@field latents mw.handle latents: [B,4,h,w] the latents at the next step
---@field pred_original mw.handle latents: [B,4,h,w] the clean latents that this step expects
---@field state mw.handle any: what the next step needs to know of the steps so far

---@class mw.ddim_step.params
---@field schedule mw.handle the times of the run, made by the node schedule
---@field step integer|mw.handle which step, counted from 0
---@field latents mw.handle [B,4,h,w] the latents at this step
---@field noise_pred mw.handle [B,4,h,w] the network's output, after guidance
---@field variance_noise? mw.handle [B,4,h,w] unit normal noise, for the steps that add some
---@field state? any|mw.handle the step before's output of that name; none at the first
---@field ddim_eta? number|mw.handle share of DDPM's noise: 0 = deterministic, 1 = ancestral; above 0 it needs variance_noise
---@field use_clipped_model_output? boolean|mw.handle where the expected picture is clipped, derive the noise from it again
---@field device? integer run on this one of the devices that --device names, counted from 0; absent: on any that is free

---One step of DDIM: from the noise predicted at this time to the time a fixed stride before. Song et al. 2021, eq. 12 and 16.
---@param params mw.ddim_step.params
---@return mw.ddim_step
function mw.ddim_step(params) end

---@class mw.ddpm_step: mw.handle
---@field latents mw.handle latents: [B,4,h,w] the latents at the next step
---@field pred_original mw.handle latents: [B,4,h,w] the clean latents that this step expects
---@field state mw.handle any: what the next step needs to know of the steps so far

---@class mw.ddpm_step.params
---@field schedule mw.handle the times of the run, made by the node schedule
---@field step integer|mw.handle which step, counted from 0
---@field latents mw.handle [B,4,h,w] the latents at this step
---@field noise_pred mw.handle [B,4,h,w] the network's output, after guidance
---@field variance_noise? mw.handle [B,4,h,w] unit normal noise, for the steps that add some
---@field state? any|mw.handle the step before's output of that name; none at the first
---@field device? integer run on this one of the devices that --device names, counted from 0; absent: on any that is free

---One step of DDPM: the posterior mean plus noise; every step but the last needs variance_noise. Ho et al. 2020, eq. 7 and 11.
---@param params mw.ddpm_step.params
---@return mw.ddpm_step
function mw.ddpm_step(params) end

---@class mw.detect: mw.handle
---@field boxes mw.handle list: a list of { text, label (its place in the list, from 1), score, box = { x, y, width, height } in pixels }, by text where class_aware, the best first
---@field count mw.handle integer: how many

---@class mw.detect.params
---@field model mw.handle an OWL-ViT model
---@field image mw.handle [H,W,3] in 0..1
---@field text string|string[]|mw.handle what to look for: "a photo of a cat", or a list of such; each box goes to the text that fits it best
---@field threshold? number|mw.handle boxes must score more
---@field nms? number|mw.handle a box that overlaps a better one so much (intersection / union) is dropped; 2: none is
---@field class_aware? boolean|mw.handle only boxes of the same text hide each other
---@field device? integer run on this one of the devices that --device names, counted from 0; absent: on any that is free

---Boxes around what texts name, by an open-vocabulary detector; boxes that show the same thing twice are dropped. The defaults are those of the published evaluation of layout-guided pictures (Lian et al. 2023).
---@param params mw.detect.params
---@return mw.detect
function mw.detect(params) end

---@class mw.dpmpp_2m_step: mw.handle
---@field latents mw.handle latents: [B,4,h,w] the latents at the next step
---@field pred_original mw.handle latents: [B,4,h,w] the clean latents that this step expects
---@field state mw.handle any: what the next step needs to know of the steps so far

---@class mw.dpmpp_2m_step.params
---@field schedule mw.handle the times of the run, made by the node schedule
---@field step integer|mw.handle which step, counted from 0
---@field latents mw.handle [B,4,h,w] the latents at this step
---@field noise_pred mw.handle [B,4,h,w] the network's output, after guidance
---@field variance_noise? mw.handle [B,4,h,w] unit normal noise, for the steps that add some
---@field state? any|mw.handle the step before's output of that name; none at the first
---@field device? integer run on this one of the devices that --device names, counted from 0; absent: on any that is free

---One multistep of DPM-Solver++ (the schedule says which order, midpoint or heun, ODE or sde; sde needs variance_noise). Lu et al. 2022.
---@param params mw.dpmpp_2m_step.params
---@return mw.dpmpp_2m_step
function mw.dpmpp_2m_step(params) end

---@class mw.draw_layout: mw.handle
---@field image mw.handle image: the picture with frames and captions on it, as many as came

---@class mw.draw_layout.params
---@field layout table|mw.handle the captioned boxes; their canvas is laid over the picture
---@field image? mw.handle [H,W,3] or [B,H,W,3]; none: white, of the canvas' size
---@field labels? boolean|mw.handle write each box's phrase into its corner, or beside it where another stands there
---@field device? integer run on this one of the devices that --device names, counted from 0; absent: on any that is free

---Draws a layout's boxes and their captions over a picture.
---@param params mw.draw_layout.params
---@return mw.draw_layout
function mw.draw_layout(params) end

---@class mw.euler_ancestral_step: mw.handle
---@field latents mw.handle latents: [B,4,h,w] the latents at the next step
---@field pred_original mw.handle latents: [B,4,h,w] the clean latents that this step expects
---@field state mw.handle any: what the next step needs to know of the steps so far

---@class mw.euler_ancestral_step.params
---@field schedule mw.handle the times of the run, made by the node schedule
---@field step integer|mw.handle which step, counted from 0
---@field latents mw.handle [B,4,h,w] the latents at this step
---@field noise_pred mw.handle [B,4,h,w] the network's output, after guidance
---@field variance_noise? mw.handle [B,4,h,w] unit normal noise, for the steps that add some
---@field state? any|mw.handle the step before's output of that name; none at the first
---@field device? integer run on this one of the devices that --device names, counted from 0; absent: on any that is free

---One Euler step that goes further down than the next noise level and adds variance_noise up to it, as in k-diffusion.
---@param params mw.euler_ancestral_step.params
---@return mw.euler_ancestral_step
function mw.euler_ancestral_step(params) end

---@class mw.euler_step: mw.handle
---@field latents mw.handle latents: [B,4,h,w] the latents at the next step
---@field pred_original mw.handle latents: [B,4,h,w] the clean latents that this step expects
---@field state mw.handle any: what the next step needs to know of the steps so far

---@class mw.euler_step.params
---@field schedule mw.handle the times of the run, made by the node schedule
---@field step integer|mw.handle which step, counted from 0
---@field latents mw.handle [B,4,h,w] the latents at this step
---@field noise_pred mw.handle [B,4,h,w] the network's output, after guidance
---@field variance_noise? mw.handle [B,4,h,w] unit normal noise, for the steps that add some
---@field state? any|mw.handle the step before's output of that name; none at the first
---@field device? integer run on this one of the devices that --device names, counted from 0; absent: on any that is free

---One Euler step along the slope of the latents over the noise level. Karras et al. 2022, algorithm 2 without churn.
---@param params mw.euler_step.params
---@return mw.euler_step
function mw.euler_step(params) end

---@class mw.grounding: mw.handle
---@field grounding mw.handle any: { objects, null }, for unet and box_attention_guide
---@field objects mw.handle tensor: [1,30,D] tokens of the boxes and, in the other slots, of nothing
---@field null mw.handle tensor: [1,30,D] tokens of nothing

---@class mw.grounding.params
---@field model mw.handle a checkpoint with gated layers, or its unet
---@field boxes table|mw.handle { { x, y, width, height }, ... } on the canvas
---@field phrases mw.handle [n,P] one for each box: the pooled output of text_encoder for the list of phrases
---@field canvas? table|mw.handle { width, height } that the boxes refer to
---@field device? integer run on this one of the devices that --device names, counted from 0; absent: on any that is free

---Boxes and phrases as the tokens that GLIGEN's gated layers attend to (arXiv 2301.07093, eq. 5).
---@param params mw.grounding.params
---@return mw.grounding
function mw.grounding(params) end

---@class mw.guided_batch: mw.handle
---@field pictures mw.handle integer: how many, at least 1

---@class mw.guided_batch.params
---@field model mw.handle a checkpoint
---@field latents mw.handle [B,4,h,w] of the size of the pictures
---@field layers? table|mw.handle cross-attentions that are guided, as box_attention_guide has them
---@field capture? table|mw.handle cross-attentions whose maps are wanted, as unet has them
---@field device? integer run on this one of the devices that --device names, counted from 0; absent: on any that is free

---How many pictures guided_sample may draw as one batch: 8 at most, of which half the memory that the limit leaves beside the model's weights holds the work.
---@param params mw.guided_batch.params
---@return mw.guided_batch
function mw.guided_batch(params) end

---@class mw.hello: mw.handle
---@field greeting mw.handle text: the greetings, one a line
---@field length mw.handle integer: its length in bytes

---@class mw.hello.params
---@field name? string|mw.handle who is greeted
---@field times? integer|mw.handle how often

---Greets. The shortest node there is, to learn from.
---@param params mw.hello.params
---@return mw.hello
function mw.hello(params) end

---@class mw.judge: mw.handle
---@field passed mw.handle bool: true when the boxes show it
---@field kind mw.handle text: negation, numeracy, attribution, spatial or numeracy_2obj
---@field queries mw.handle texts: what `detect` should look for to find out

---@class mw.judge.params
---@field prompt string|mw.handle what was asked for: "... with three owls", "... without cats", "... with a red car and a blue cup", "... with a cat on the left and a dog on the right"
---@field boxes? any|mw.handle what is there: a layout, or the boxes of `detect`; none: only the prompt is read
---@field mode? "strict"|"faithful"|mw.handle faithful reads prompts as the published evaluation does, its slips included

---Judges boxes by a prompt, as the evaluation of LLM-grounded Diffusion does (arXiv 2305.13655, section 4): counts, absences, attributes, places.
---@param params mw.judge.params
---@return mw.judge
function mw.judge(params) end

---@class mw.latent_compose: mw.handle
---@field latents mw.handle latents: [1,4,h,w] larger objects under smaller ones
---@field frozen mw.handle mask: [h,w] 1 where an object is
---@field owner mw.handle tensor: [h,w] number of the object that is there, from 1, else 0

---@class mw.latent_compose.params
---@field background mw.handle [1,4,h,w] the noise that the whole picture starts from
---@field objects table|mw.handle { { latents = [1,4,h,w] at this step, mask = [h,w], shift = { dx, dy } as object_shift gives it, or none }, ... }
---@field step? integer|mw.handle 0: the start, where the bounds of the masks are laid on the background too; later steps hold the objects on zeros
---@field mode? "strict"|"faithful"|mw.handle faithful lets the zeros that a shift brings in onto the background, as the published code does
---@field device? integer run on this one of the devices that --device names, counted from 0; absent: on any that is free

---Latents of objects drawn alone, moved to where they belong and laid over the background's. LLM-grounded Diffusion, section 3.3.
---@param params mw.latent_compose.params
---@return mw.latent_compose
function mw.latent_compose(params) end

---@class mw.layout: mw.handle
---@field layout mw.handle layout: {objects = {{phrase, box = {x, y, width, height}}, ...}, background, negative, canvas}

---@class mw.layout.params
---@field objects? table|mw.handle {{phrase = "a red circle", box = {x, y, width, height}}, ...}, in pixels from the upper left corner; with seed = 7 an object has noise of its own, whatever its place in the list
---@field background? string|mw.handle what is behind the objects; with `text` or `path` it replaces theirs
---@field negative? string|mw.handle what must not appear; with `text` or `path` it replaces theirs
---@field canvas? table|mw.handle {width, height} that the boxes are meant for
---@field text? string|mw.handle a language model's answer: [('a cat', [x, y, w, h]), ...], then lines "Background prompt: ..." and "Negative prompt: ..."
---@field path? string|mw.handle a file: JSON of the form that this node gives, or a completion as `text`
---@field scale? boolean|mw.handle stretch a completion's boxes over the canvas, at most threefold, also where none leaves it
---@field mode? "strict"|"faithful"|mw.handle strict refuses a box off the canvas and cuts one that sticks out; faithful does as the published code
---@field prompt? string|mw.handle what a completion answers: warnings and errors name it; where it is not given, the "Caption:" in front of the list

---Captioned boxes for a picture, as objects, as a language model's completion, or from a file (LLM-grounded Diffusion, arXiv 2305.13655, stage 1).
---@param params mw.layout.params
---@return mw.layout
function mw.layout(params) end

---@class mw.layout_llm: mw.handle
---@field layout mw.handle layout: {objects = {{phrase, box = {x, y, width, height}}, ...}, background, negative, canvas}
---@field completion mw.handle text: the answer as the model gave it

---@class mw.layout_llm.params
---@field llm mw.handle the model
---@field prompt string|mw.handle a caption, in any language that the model knows; with `previous` an instruction
---@field template? string|mw.handle what the model is told: a file with {prompt} in it (perhaps {examples}, {previous}), or "lmd", the program's own (scripts/templates); auto: the layout_template.txt beside the model's config where there is one, else lmd
---@field examples? table|mw.handle further examples for the template: { { caption = "a cat", layout = {...} }, ... }
---@field temperature? number|mw.handle 0: the likeliest token each time; above: drawn, the higher the more freely
---@field max_tokens? integer|mw.handle the longest answer
---@field grammar? "none"|"layout"|"layout_of_prompt"|mw.handle layout: the answer is always one, its boxes on the canvas; layout_of_prompt: with names made of the prompt's words only; for models that run here
---@field seed? integer|string|mw.handle of what is drawn
---@field retries? integer|mw.handle how often to ask again when an answer is no layout, at a temperature of 0.25 at least, with the next seed
---@field previous? table|mw.handle a layout that the prompt is an instruction for; objects that stay keep box and seed. A template without {previous} is told the prompt alone: then it is the whole new caption
---@field device? integer run on this one of the devices that --device names, counted from 0; absent: on any that is free

---A layout from a prompt, by a language model (LLM-grounded Diffusion, arXiv 2305.13655, stage 1).
---@param params mw.layout_llm.params
---@return mw.layout_llm
function mw.layout_llm(params) end

---@class mw.layout_phrases: mw.handle
---@field prompt mw.handle text: of the whole picture
---@field objects mw.handle list: by name: {prompt, phrase, word, box = {x, y, width, height}, alone (the box while it is drawn alone), place (in the layout, from 1), ordinal (among its name's, from 1), token (of the word, in its own prompt)}
---@field phrases mw.handle list: of the whole picture's prompt: {phrase, word, objects (which, from 1), tokens, token (of the word)}

---@class mw.layout_phrases.params
---@field layout table|mw.handle the captioned boxes
---@field model mw.handle a checkpoint, or its tokenizer
---@field prompt? string|mw.handle for the whole picture instead of one made of the phrases; those it lacks are added after bars
---@field form? string|mw.handle how prompts are put together of the background and the phrases; without a background it is the phrases, without objects the background
---@field center? "none"|"horizontal"|"both"|"floor"|mw.handle where an object is drawn alone: in its box; in the middle from left to right; in the middle; in the middle from left to right with its lower edge near the ground
---@field pad? number|mw.handle share of the canvas that is ground
---@field mode? "strict"|"faithful"|mw.handle faithful finds plurals and tokens as the published code does, its slips included

---The prompts of a layout, for each object alone and for the whole picture, and where its phrases' tokens are. LLM-grounded Diffusion, section 3.2.
---@param params mw.layout_phrases.params
---@return mw.layout_phrases
function mw.layout_phrases(params) end

---@class mw.llm: mw.handle
---@field llm mw.handle llm: the model

---@class mw.llm.params
---@field path? string|mw.handle a model that runs here: a folder as transformers lays it out (config.json, safetensors, tokenizer), or a .gguf file
---@field context? integer|mw.handle of a model that runs here: the most tokens of a prompt with its answer; without it, as many as the model was made for (memory is taken for those that come)
---@field dtype? "auto"|"f32"|"f16"|mw.handle of a model that runs here: how keys and values are stored, and weights that its file does not hold in blocks; auto: as --dtype says, else f32
---@field endpoint? string|mw.handle the address of an OpenAI-compatible server (llama.cpp's, vLLM, Ollama, OpenAI's), as http://127.0.0.1:8080/v1: it chats; ending in /completions it continues texts. It must be typed as a parameter (-p), or stand in the configuration file as `endpoint`
---@field model? string|mw.handle the name that the server knows it by
---@field key_env? string|mw.handle the environment variable that holds the server's key, which is read when it is sent and kept nowhere; typed, or in the configuration file as `key-env`
---@field timeout? number|mw.handle how long to wait for a further byte of an answer
---@field tries? integer|mw.handle how often to ask, in all, where a server is busy (429), fails (5xx) or breaks the connection
---@field wait? number|mw.handle pause before asking for the second time, doubled each further time; where the server says how long, that counts
---@field longest_wait? number|mw.handle no pause is longer, whatever the server says
---@field device? integer run on this one of the devices that --device names, counted from 0; absent: on any that is free

---Opens a language model that runs here, or one behind an OpenAI-compatible server.
---@param params mw.llm.params
---@return mw.llm
function mw.llm(params) end

---@class mw.llm_distiller: mw.handle
---@field embedding mw.handle embedding: [D] for a text, [N,D] for a list of N, [tokens,D] with pool = "none"
---@field vectors mw.handle vectors: the same with its texts, for train_adapter and files (nil with pool = "none")

---@class mw.llm_distiller.params
---@field llm mw.handle a model that runs here
---@field prompt string|string[]|mw.handle a text, or a list of them; the model's begin token is put in front
---@field layer? any|mw.handle i: the residual stream behind block i, from 0, before any norm; -1: the last block's (-2: the one before it, ...); "final": behind the final norm; "embedding": in front of the first block
---@field pool? "mean"|"last"|"none"|mw.handle mean: over all tokens, as the SUR-adapter's authors do; last: the last token's; none: all of them, of one text
---@field width? integer|mw.handle of the result, the text encoder's: a linear layer that is never trained brings the vectors to it; without it, and where it is the model's own, they stay as they are
---@field resize? string|mw.handle a .safetensors file with that layer's weights, llm_resize.fc.weight and llm_resize.fc.bias; without it they are drawn
---@field seed? integer|string|mw.handle of the drawn weights: those of PyTorch's torch.nn.Linear after torch.manual_seed
---@field device? integer run on this one of the devices that --device names, counted from 0; absent: on any that is free

---The hidden knowledge of a language model about texts: the states of one of its layers, pooled to a vector, as the SUR-adapter (arXiv 2305.05189) wants it.
---@param params mw.llm_distiller.params
---@return mw.llm_distiller
function mw.llm_distiller(params) end

---@class mw.llm_logits: mw.handle
---@field logits mw.handle tensor: [last,vocabulary] f32: row i says what comes behind that token
---@field ids mw.handle list: the tokens that were read

---@class mw.llm_logits.params
---@field llm mw.handle a model that runs here
---@field prompt? string|mw.handle a text; the model's begin token is put in front, where it has one
---@field ids? table|mw.handle or its tokens, as they are
---@field last? integer|mw.handle so many rows: the logits behind each of the last tokens (at most as many as there are)
---@field device? integer run on this one of the devices that --device names, counted from 0; absent: on any that is free

---The logits of all tokens behind a text: what a language model thinks comes next.
---@param params mw.llm_logits.params
---@return mw.llm_logits
function mw.llm_logits(params) end

---@class mw.llm_text: mw.handle
---@field text mw.handle text: the answer
---@field ids mw.handle list: its tokens; empty where a server does not tell them
---@field reason mw.handle text: why it ended: "stop" (a stop text; of servers also the model's own end), "length", "end"

---@class mw.llm_text.params
---@field llm mw.handle the model
---@field prompt? string|mw.handle text that is continued
---@field messages? table|mw.handle a conversation, written out by the model's chat template: { { role = "user", content = "..." }, ... }
---@field max_tokens? integer|mw.handle the longest answer
---@field temperature? number|mw.handle 0: the likeliest token each time; above: drawn, the higher the more freely
---@field top_k? integer|mw.handle draw among this many of the likeliest tokens; 0: all
---@field top_p? number|mw.handle draw among the likeliest tokens that have this probability together
---@field min_p? number|mw.handle draw among tokens with at least this share of the likeliest one's probability
---@field repeat_penalty? number|mw.handle above 1: tokens that occurred become less likely
---@field seed? integer|string|mw.handle of what is drawn
---@field stop? string|string[]|mw.handle texts that end the answer and are no part of it
---@field grammar? "none"|"layout"|mw.handle layout: the answer is always one, as layout reads it (512 x 512); for models that run here
---@field device? integer run on this one of the devices that --device names, counted from 0; absent: on any that is free

---Asks a language model to continue a text, or to answer in a conversation.
---@param params mw.llm_text.params
---@return mw.llm_text
function mw.llm_text(params) end

---@class mw.lms_step: mw.handle
---@field latents mw.handle latents: [B,4,h,w] the latents at the next step
---@field pred_original mw.handle latents: [B,4,h,w] the clean latents that this step expects
---@field state mw.handle any: what the next step needs to know of the steps so far

---@class mw.lms_step.params
---@field schedule mw.handle the times of the run, made by the node schedule
---@field step integer|mw.handle which step, counted from 0
---@field latents mw.handle [B,4,h,w] the latents at this step
---@field noise_pred mw.handle [B,4,h,w] the network's output, after guidance
---@field variance_noise? mw.handle [B,4,h,w] unit normal noise, for the steps that add some
---@field state? any|mw.handle the step before's output of that name; none at the first
---@field order? integer|mw.handle how many predictions the slope is fitted through
---@field device? integer run on this one of the devices that --device names, counted from 0; absent: on any that is free

---One step of the linear multistep method over noise levels, as in k-diffusion.
---@param params mw.lms_step.params
---@return mw.lms_step
function mw.lms_step(params) end

---@class mw.load_image: mw.handle
---@field image mw.handle image: [H,W,3] f32 in 0..1; transparency is dropped
---@field width mw.handle integer: in pixels
---@field height mw.handle integer: in pixels

---@class mw.load_image.params
---@field path string|mw.handle a PNG or JPEG file, turned as its EXIF says
---@field width? integer|mw.handle resampled to this width; null: as it is
---@field height? integer|mw.handle resampled to this height; null: as it is
---@field device? integer run on this one of the devices that --device names, counted from 0; absent: on any that is free

---A picture from a PNG or JPEG file, resampled (Lanczos) where a size is asked for.
---@param params mw.load_image.params
---@return mw.load_image
function mw.load_image(params) end

---@class mw.lora: mw.handle
---@field checkpoint mw.handle checkpoint: the whole model; where a part is expected it gives that part
---@field unet mw.handle unet: the network that predicts the noise
---@field vae mw.handle vae: the autoencoder between pictures and latents
---@field text_encoder mw.handle text_encoder: the text encoder, or both of SDXL's
---@field tokenizer mw.handle tokenizer: the vocabulary of the (first) text encoder
---@field scheduler mw.handle scheduler: the settings of the sampler that come with the model
---@field kind mw.handle text: sd1, sd2 or sdxl

---@class mw.lora.params
---@field model mw.handle the model that is changed; several lora nodes in a row add up
---@field path string|mw.handle a LoRA file (.safetensors, kohya's or PEFT's names)
---@field scale? number|mw.handle strength; 0 changes nothing
---@field text_scale? number|mw.handle strength in the text encoders; scale when absent
---@field device? integer run on this one of the devices that --device names, counted from 0; absent: on any that is free

---Merges a LoRA into a model: W + scale * (alpha / rank) * up * down (Hu et al. 2021). Gives a new checkpoint; the given one stays as it is.
---@param params mw.lora.params
---@return mw.lora
function mw.lora(params) end

---@class mw.noise: mw.handle
---@field latents mw.handle latents: [batch,4,height/8,width/8] f32, mean 0, variance 1

---@class mw.noise.params
---@field seed? integer|string|mw.handle the same seed gives the same noise, of which PyTorch's CPU generator reads the lower 32 bits; -1: drawn once for the whole run, which says and records it
---@field width? integer|mw.handle of the picture; null: the model's, else 512
---@field height? integer|mw.handle of the picture; null: the model's, else 512
---@field batch? integer|mw.handle how many
---@field batch_seed? "increment"|"stream"|mw.handle increment: item i is that of a single run with seed + i; stream: one draw for all, as diffusers with one generator
---@field generator? "torch"|"philox"|mw.handle torch: the stream of PyTorch's CPU generator; philox: that of its CUDA generators
---@field model? mw.handle gives the native size, the channels and how many pixels a latent covers (4 and 8 without)
---@field draw? integer|mw.handle which draw of the generator: 0 is a run's start, 1, 2, ... what its noisy steps take one after another
---@field like? mw.handle latents whose size is taken, instead of width and height
---@field add? integer|mw.handle added to the seed, for the noise of further things
---@field device? integer run on this one of the devices that --device names, counted from 0; absent: on any that is free

---Unit normal latents from a seed: the start of a picture.
---@param params mw.noise.params
---@return mw.noise
function mw.noise(params) end

---@class mw.object_shift: mw.handle
---@field shift mw.handle list: { dx, dy } in shares of the canvas; maps of all sizes move by the nearest eighth

---@class mw.object_shift.params
---@field mask mw.handle [h,w] where the object was drawn
---@field box table|mw.handle { x, y, width, height } where it belongs
---@field canvas? table|mw.handle { width, height } that the box refers to
---@field horizontal_only? boolean|mw.handle it keeps its height
---@field mode? "strict"|"faithful"|mw.handle faithful takes cells by their corners for the mask's centre, as the published code does

---How far the centre of an object's mask is from that of its box. LLM-grounded Diffusion, section 3.3.
---@param params mw.object_shift.params
---@return mw.object_shift
function mw.object_shift(params) end

---@class mw.owlvit: mw.handle
---@field owlvit mw.handle owlvit: the model, for detect

---@class mw.owlvit.params
---@field path string|mw.handle a folder as transformers lays it out: config.json, model.safetensors, processor_config.json (or preprocessor_config.json), vocab.json
---@field dtype? "auto"|"f32"|"f16"|"fp32"|"fp16"|"float32"|"float16"|mw.handle how weights and activations are stored; auto: f16 on GPUs that compute in it, else f32
---@field device? integer run on this one of the devices that --device names, counted from 0; absent: on any that is free

---Opens an OWL-ViT model (Minderer et al. 2022), which finds in pictures what texts name.
---@param params mw.owlvit.params
---@return mw.owlvit
function mw.owlvit(params) end

---@class mw.pndm_step: mw.handle
---@field latents mw.handle latents: [B,4,h,w] the latents at the next step
---@field pred_original mw.handle latents: [B,4,h,w] the clean latents that this step expects
---@field state mw.handle any: what the next step needs to know of the steps so far

---@class mw.pndm_step.params
---@field schedule mw.handle the times of the run, made by the node schedule
---@field step integer|mw.handle which step, counted from 0
---@field latents mw.handle [B,4,h,w] the latents at this step
---@field noise_pred mw.handle [B,4,h,w] the network's output, after guidance
---@field variance_noise? mw.handle [B,4,h,w] unit normal noise, for the steps that add some
---@field state? any|mw.handle the step before's output of that name; none at the first
---@field device? integer run on this one of the devices that --device names, counted from 0; absent: on any that is free

---One call of PNDM (also called PLMS), which makes more calls than steps. Liu et al. 2022.
---@param params mw.pndm_step.params
---@return mw.pndm_step
function mw.pndm_step(params) end

---@class mw.sam: mw.handle
---@field sam mw.handle sam: the model, for sam_refine

---@class mw.sam.params
---@field path string|mw.handle a folder as transformers lays it out: config.json, model.safetensors, processor_config.json (or preprocessor_config.json)
---@field dtype? "auto"|"f32"|"f16"|"fp32"|"fp16"|"float32"|"float16"|mw.handle how weights and activations are stored; auto: f16 on GPUs that compute in it, else f32
---@field device? integer run on this one of the devices that --device names, counted from 0; absent: on any that is free

---Opens a Segment Anything model (Kirillov et al. 2023) of any size: ViT-B, L or H.
---@param params mw.sam.params
---@return mw.sam
function mw.sam(params) end

---@class mw.sam_refine: mw.handle
---@field mask mw.handle mask: [H / cell, W / cell] 1 on the object, else 0
---@field confidence mw.handle number: the network's guess of the mask's overlap with the truth
---@field iou mw.handle number: overlap with the coarse mask; 1 without one
---@field candidates mw.handle tensor: [n, H / cell, W / cell] all masks that the network offered

---@class mw.sam_refine.params
---@field model mw.handle a Segment Anything model
---@field image mw.handle [H,W,3] in 0..1
---@field box? table|mw.handle { x, y, width, height } around the object
---@field point? table|mw.handle { x, y } on the object, or a list of such; { x, y, 0 } is a point beside it
---@field mask? mw.handle [h,w] roughly the object, over the whole picture: candidates are held against it; without box and point its bounds, one cell larger, are the box
---@field dense? boolean|mw.handle the mask is shown to the network too
---@field cell? integer|mw.handle side of a cell of the result: 8 for latents, 1 for pixels
---@field min_confidence? number|mw.handle a candidate that the network trusts less is taken last
---@field min_iou? number|mw.handle so is one that overlaps the mask less
---@field otherwise? mw.handle taken, with a warning, where the network finds nothing or nothing points at the object
---@field device? integer run on this one of the devices that --device names, counted from 0; absent: on any that is free

---The mask of an object that a box, points or a coarse mask point at: the largest of the network's candidates that it trusts and that fits the coarse mask.
---@param params mw.sam_refine.params
---@return mw.sam_refine
function mw.sam_refine(params) end

---@class mw.save_image: mw.handle
---@field path mw.handle text: where the (first) picture lies
---@field paths mw.handle list: where all lie

---@class mw.save_image.params
---@field image mw.handle [H,W,3] or [B,H,W,3] in 0..1
---@field path? string|mw.handle file inside the output folder; of several pictures the second is name_2.png
---@field device? integer run on this one of the devices that --device names, counted from 0; absent: on any that is free

---Writes pictures as PNG files into the output folder.
---@param params mw.save_image.params
---@return mw.save_image
function mw.save_image(params) end

---@class mw.schedule: mw.handle
---@field schedule mw.handle schedule: { sampler, step_node, steps, num_inference_steps, timesteps, sigmas, init_noise_sigma, stochastic, alphas_cumprod, config }
---@field steps mw.handle integer: calls of the network, which is how many step nodes to run; PNDM makes more than asked for
---@field timesteps mw.handle list: the time of each call
---@field sigmas mw.handle list: the noise level of each call and one more; empty for samplers without

---@class mw.schedule.params
---@field model? mw.handle a checkpoint, whose settings are used; none: those of SD 1
---@field sampler? "auto"|"ddim"|"ddpm"|"euler"|"euler_ancestral"|"dpmpp_2m"|"dpmpp_2m_heun"|"dpmpp_2m_sde"|"dpmpp_2m_sde_heun"|"uni_pc"|"uni_pc_bh2"|"lms"|"pndm"|"plms"|"ddim_trailing"|"euler_karras"|"lms_karras"|"dpmpp_2m_karras"|"dpmpp_2m_sde_karras"|"dpmpp_2m_sde_heun_karras"|"dpmpp_2m_sde_exponential"|"dpmpp_2m_sde_heun_exponential"|mw.handle the method; auto: that of the model folder's scheduler class, ddim for a single file
---@field steps integer|mw.handle how many steps are made
---@field scheduler? "normal"|"karras"|"exponential"|"beta"|"lu"|"sgm_uniform"|"ddim_uniform"|"linspace"|mw.handle how the noise levels are spread; normal: as the checkpoint's settings say
---@field num_train_timesteps? integer|mw.handle timesteps the network was trained on
---@field beta_start? number|mw.handle noise added at the first training step
---@field beta_end? number|mw.handle noise added at the last training step
---@field beta_schedule? "linear"|"scaled_linear"|"squaredcos_cap_v2"|"sigmoid"|"laplace"|mw.handle the way from one to the other
---@field trained_betas? table|mw.handle the noise added at each training step, in full
---@field prediction_type? "epsilon"|"v_prediction"|"sample"|mw.handle what the network predicts
---@field timestep_spacing? "leading"|"linspace"|"trailing"|mw.handle which of the training timesteps are visited
---@field steps_offset? integer|mw.handle added to the timesteps of leading spacing
---@field rescale_betas_zero_snr? boolean|mw.handle rescale the betas so that the last training step is pure noise
---@field clip_sample? boolean|mw.handle clip the expected picture (DDIM, DDPM); not for latents
---@field clip_sample_range? number|mw.handle to plus and minus this
---@field thresholding? boolean|mw.handle clip the expected picture to a quantile of its values; not for latents
---@field dynamic_thresholding_ratio? number|mw.handle the quantile
---@field sample_max_value? number|mw.handle its upper limit
---@field set_alpha_to_one? boolean|mw.handle the time before the first is the clean picture (DDIM, PNDM), not training step 0
---@field skip_prk_steps? boolean|mw.handle PNDM without Runge-Kutta warm-up, as latents want it
---@field variance_type? "fixed_small"|"fixed_small_log"|"fixed_large"|"fixed_large_log"|mw.handle DDPM's noise
---@field interpolation_type? "linear"|"log_linear"|mw.handle noise levels between timesteps (Euler)
---@field timestep_type? "discrete"|"continuous"|mw.handle what a v-predicting network is given as time (Euler)
---@field use_karras_sigmas? boolean|mw.handle noise levels after Karras et al. 2022, eq. 5, rho = 7
---@field use_exponential_sigmas? boolean|mw.handle noise levels evenly spaced in their logarithm
---@field use_beta_sigmas? boolean|mw.handle noise levels at quantiles of Beta(0.6, 0.6)
---@field use_lu_lambdas? boolean|mw.handle evenly spaced in log signal-to-noise (DPM-Solver++)
---@field sigma_min? number|mw.handle lowest noise level of such a spread
---@field sigma_max? number|mw.handle highest noise level of such a spread
---@field final_sigmas_type? "zero"|"sigma_min"|mw.handle the noise level the last step goes to
---@field solver_order? integer|mw.handle order of DPM-Solver++ and UniPC
---@field algorithm_type? "dpmsolver++"|"sde-dpmsolver++"|"dpmsolver"|"sde-dpmsolver"|mw.handle form of DPM-Solver
---@field solver_type? "midpoint"|"heun"|"bh1"|"bh2"|mw.handle second-order form of DPM-Solver++; B(h) of UniPC
---@field lower_order_final? boolean|mw.handle lower orders at the end of short runs
---@field euler_at_final? boolean|mw.handle first order at the last step (DPM-Solver++)
---@field lambda_min_clipped? number|mw.handle leave out times of less log signal-to-noise (DPM-Solver++)
---@field predict_x0? boolean|mw.handle UniPC on pictures, not on noise
---@field disable_corrector? table|mw.handle steps that UniPC does not correct

---The times a run visits and the noise levels there. Settings have diffusers' names; they override those of the checkpoint.
---@param params mw.schedule.params
---@return mw.schedule
function mw.schedule(params) end

---@class mw.start_latents: mw.handle
---@field latents mw.handle latents: [B,4,h,w] what the first step takes
---@field first mw.handle integer: the first step to run; the number of steps when none is to be run

---@class mw.start_latents.params
---@field schedule mw.handle the times of the run, made by the node schedule
---@field noise mw.handle [B,4,h,w] unit normal noise
---@field latents? mw.handle [B,4,h,w] or [1,4,h,w] a picture's latents; none: from noise alone
---@field strength? number|mw.handle share of the steps that are run on a picture: 0 leaves it as it is, 1 makes almost a new one
---@field device? integer run on this one of the devices that --device names, counted from 0; absent: on any that is free

---What a run begins with: noise scaled as the schedule starts, or a picture's latents noised to the step from which `strength` of the steps are left.
---@param params mw.start_latents.params
---@return mw.start_latents
function mw.start_latents(params) end

---@class mw.table: mw.handle
---@field table mw.handle table: {columns = {name, ...}, rows = {{cell, ...}, ...}, format}

---@class mw.table.params
---@field columns string|string[]|mw.handle the columns' names, from left to right
---@field rows table|mw.handle each {cell, cell, ...} in the order of the columns, or {name = cell, ...}, where a column may lack; cells are numbers, texts, true, false, or what nodes give as such
---@field format? "csv"|"json"|mw.handle what mw.output { name = ... } writes: name.csv, or name.json with an object for each row

---Rows under named columns. mw.output writes it as a file of comma-separated values, or as JSON.
---@param params mw.table.params
---@return mw.table
function mw.table(params) end

---@class mw.text_encoder: mw.handle
---@field embedding mw.handle embedding: [B,77,D] text states
---@field pooled mw.handle embedding: [B,P] one vector for each prompt (SDXL takes it beside the states)
---@field tokens mw.handle tokens: a list, one entry for each prompt: { text, ids (77, with begin, end and padding), used (ids up to the end), pieces (the text of each token between begin and end) }

---@class mw.text_encoder.params
---@field model mw.handle a checkpoint, or its text_encoder
---@field prompt string|string[]|mw.handle one text, or a list of them for a batch
---@field clip_skip? integer|mw.handle 0: the last layer; n: n layers earlier (of SDXL: before the last but one)
---@field negative? boolean|mw.handle this is the negative prompt: an empty one gives zeros where the model was trained so (SDXL)
---@field device? integer run on this one of the devices that --device names, counted from 0; absent: on any that is free

---Text states of prompts: CLIP's byte-pair tokens, 77 of them, through the model's text encoder (both of SDXL).
---@param params mw.text_encoder.params
---@return mw.text_encoder
function mw.text_encoder(params) end

---@class mw.textual_inversion: mw.handle
---@field checkpoint mw.handle checkpoint: the whole model; where a part is expected it gives that part
---@field unet mw.handle unet: the network that predicts the noise
---@field vae mw.handle vae: the autoencoder between pictures and latents
---@field text_encoder mw.handle text_encoder: the text encoder, or both of SDXL's
---@field tokenizer mw.handle tokenizer: the vocabulary of the (first) text encoder
---@field scheduler mw.handle scheduler: the settings of the sampler that come with the model
---@field kind mw.handle text: sd1, sd2 or sdxl

---@class mw.textual_inversion.params
---@field model mw.handle the model that learns the token; several such nodes in a row add up
---@field path string|mw.handle a textual inversion: .safetensors, .pt, .bin (of which nothing is executed), or a folder with learned_embeds in it
---@field token? string|mw.handle what prompts say for it; null: the token that the file names
---@field device? integer run on this one of the devices that --device names, counted from 0; absent: on any that is free

---A model that knows a token more (textual inversion, Gal et al. 2022), as diffusers' load_textual_inversion adds it: a token of several vectors is written once in a prompt and stands for all of them. Gives a new checkpoint; the given one stays as it is.
---@param params mw.textual_inversion.params
---@return mw.textual_inversion
function mw.textual_inversion(params) end

---@class mw.token_maps: mw.handle
---@field maps mw.handle maps: by layer: [1,heads,h*w,1]

---@class mw.token_maps.params
---@field maps mw.handle by layer: [1,heads,h*w,L], as unet and token_maps give them
---@field token? integer|mw.handle which column, from 0
---@field shift? table|mw.handle { dx, dy } of object_shift; what comes in is zero; null: they stay
---@field like? mw.handle latents that the maps belong to; null: square maps
---@field device? integer run on this one of the devices that --device names, counted from 0; absent: on any that is free

---Attention maps of one token, moved with the object it stands for.
---@param params mw.token_maps.params
---@return mw.token_maps
function mw.token_maps(params) end

---@class mw.tokens: mw.handle
---@field ids mw.handle list: all of them; of a list of texts a list for each
---@field pieces mw.handle list: the part of the text that each stands for
---@field count mw.handle any: how many there are; of a list a list
---@field fits mw.handle any: how many of them the encoder reads; of a list a list

---@class mw.tokens.params
---@field model any|mw.handle a checkpoint, its text_encoder or tokenizer, an llm that runs here, or a path: a model's or tokenizer's folder, tokenizer.json, tokenizer.model, a .gguf
---@field text string|string[]|mw.handle one text, or a list of them
---@field special? boolean|mw.handle control tokens written in the text (<|endoftext|>) are parsed, as text_encoder does
---@field add_special? boolean|mw.handle with the begin and end tokens that the tokenizer adds
---@field length? integer|mw.handle how many the encoder reads, begin and end included; null: the tokenizer's, 77; of a language model no limit

---The tokens of a text in the vocabulary of a model's (first) text encoder, or of a language model. Nothing is cut, no network is run.
---@param params mw.tokens.params
---@return mw.tokens
function mw.tokens(params) end

---@class mw.unet: mw.handle
---@field noise_pred mw.handle tensor: [B,4,h,w] f32 the network's prediction (noise, or what the model predicts), guided
---@field maps mw.handle maps: by the names asked for: [B,heads,h*w,L] f32, softmax over the text, of the prompt's half

---@class mw.unet.params
---@field model mw.handle a checkpoint, or its unet
---@field latents mw.handle [B,4,h,w] the noisy latents, as the sampler keeps them
---@field embedding mw.handle [B or 1,L,D] states of the prompt
---@field negative? mw.handle [B or 1,L,D] states of the negative prompt; needed unless cfg is 1
---@field schedule? mw.handle gives the time and the input's scale of `step`; without it, `t` is the time and the latents enter as they are
---@field step? integer|mw.handle of the schedule, from 0
---@field t? number|mw.handle a bare time, instead of schedule and step
---@field cfg? number|mw.handle classifier-free guidance (Ho and Salimans 2021): uncond + cfg * (cond - uncond); 1: without it
---@field capture? table|mw.handle names of cross-attentions whose maps are wanted: "mid", "up.1.0", or diffusers' module paths
---@field pooled? mw.handle [B or 1,P] pooled prompt; SDXL needs it
---@field negative_pooled? mw.handle [B or 1,P] pooled negative prompt; SDXL needs it unless cfg is 1
---@field original_size? table|mw.handle { width, height } of the picture that SDXL should think it was scaled from; null: that of the latents
---@field crop? table|mw.handle { left, top } of the cut that SDXL should think of
---@field target_size? table|mw.handle { width, height } of the cut that SDXL should think of; null: that of the latents
---@field grounding? any|mw.handle boxes for models with gated layers (GLIGEN), as the node grounding gives them; the negative half gets none; null: the gated layers are skipped
---@field device? integer run on this one of the devices that --device names, counted from 0; absent: on any that is free

---The network's prediction for noisy latents at one time, given text states; guided and unguided halves in one batch.
---@param params mw.unet.params
---@return mw.unet
function mw.unet(params) end

---@class mw.uni_pc_step: mw.handle
---@field latents mw.handle latents: [B,4,h,w] the latents at the next step
---@field pred_original mw.handle latents: [B,4,h,w] the clean latents that this step expects
---@field state mw.handle any: what the next step needs to know of the steps so far

---@class mw.uni_pc_step.params
---@field schedule mw.handle the times of the run, made by the node schedule
---@field step integer|mw.handle which step, counted from 0
---@field latents mw.handle [B,4,h,w] the latents at this step
---@field noise_pred mw.handle [B,4,h,w] the network's output, after guidance
---@field variance_noise? mw.handle [B,4,h,w] unit normal noise, for the steps that add some
---@field state? any|mw.handle the step before's output of that name; none at the first
---@field device? integer run on this one of the devices that --device names, counted from 0; absent: on any that is free

---One predictor step of UniPC, after correcting the step before with what the network saw here. Zhao et al. 2023.
---@param params mw.uni_pc_step.params
---@return mw.uni_pc_step
function mw.uni_pc_step(params) end

---@class mw.vae_decode: mw.handle
---@field image mw.handle image: [H,W,3] f32 in 0..1; of a batch [B,H,W,3]

---@class mw.vae_decode.params
---@field model mw.handle a checkpoint, or its vae
---@field latents mw.handle [B,4,h,w] clean latents, scaled as the UNet has them
---@field tile? any|mw.handle "auto": whole, in tiles where memory does not suffice; "none": whole or not at all; a number: the side of square tiles, which overlap by a quarter
---@field device? integer run on this one of the devices that --device names, counted from 0; absent: on any that is free

---Latents to pictures, by the model's autoencoder.
---@param params mw.vae_decode.params
---@return mw.vae_decode
function mw.vae_decode(params) end

---@class mw.vae_encode: mw.handle
---@field latents mw.handle latents: [B,4,h,w] f32, scaled as the UNet has them

---@class mw.vae_encode.params
---@field model mw.handle a checkpoint, or its vae
---@field image mw.handle [H,W,3] or [B,H,W,3] in 0..1; sides that are multiples of the model's pixels per latent (8)
---@field noise? mw.handle [B,4,h,w] unit normal: the latents are then a sample, mean + deviation * noise; null: the mean
---@field tile? any|mw.handle "auto": whole, in tiles where memory does not suffice; "none": whole or not at all; a number: the side of square tiles, which overlap by a quarter
---@field device? integer run on this one of the devices that --device names, counted from 0; absent: on any that is free

---Pictures to latents, by the model's autoencoder.
---@param params mw.vae_encode.params
---@return mw.vae_encode
function mw.vae_encode(params) end

---@class mw.vectors: mw.handle
---@field vectors mw.handle vectors: {captions = {text, ...}, vectors = [N,D]}: vector i belongs to text i, in the order of the file

---@class mw.vectors.params
---@field path string|mw.handle a .pt of torch.save (a dict of texts and vectors; it is read as data, nothing of it is executed), or a .safetensors: a tensor for each text, or what mw.output wrote
---@field device? integer run on this one of the devices that --device names, counted from 0; absent: on any that is free

---Reads the vectors that a language model made of many texts, as the SUR-adapter (arXiv 2305.05189) is trained with. mw.output writes them as one safetensors file.
---@param params mw.vectors.params
---@return mw.vectors
function mw.vectors(params) end

---@class mw.backward_guidance: mw.handle

---@class mw.backward_guidance.params
---@field cfg? number|mw.handle classifier-free guidance: how closely the prompt is followed; 1: without it
---@field eta? number|mw.handle size of each step along the energy's gradient
---@field form? string|mw.handle how the whole picture's prompt is put together
---@field height? integer|mw.handle of the picture; none: the model's
---@field iterations? any|mw.handle gradient steps before each step; a list: those of each
---@field last_step? integer|mw.handle how many steps are guided
---@field latents? mw.handle [B,4,h,w] what the run starts with; none: the seed's noise
---@field layers? table|mw.handle cross-attentions that are guided; none: the method's
---@field layout table|mw.handle a layout, or a table for mw.layout
---@field mode? "strict"|"faithful"|mw.handle faithful: as the published code has it, traps included
---@field model mw.handle a checkpoint, or its path
---@field negative? string|mw.handle what not to draw, beside the layout's own
---@field prompt? string|mw.handle for the whole picture; none: put together from the layout
---@field seed? integer|string|mw.handle of the noise: the same picture on every device
---@field steps? integer|mw.handle of the sampler
---@field threshold? number|mw.handle loss at which a step's iterations end
---@field tile? any|mw.handle whether pictures are decoded in tiles, as vae_decode takes it
---@field width? integer|mw.handle of the picture; none: the model's
---@field device? integer run on this one of the devices that --device names, counted from 0; absent: on any that is free

---A layout by backward guidance (arXiv 2304.03373). Gives the image; latents, layout, prompt and run by name.
---@param params mw.backward_guidance.params
---@return mw.backward_guidance
function mw.backward_guidance(params) end

---@class mw.boxdiff: mw.handle

---@class mw.boxdiff.params
---@field cfg? number|mw.handle classifier-free guidance: how closely the prompt is followed; 1: without it
---@field corner? number|mw.handle cells on each side of a box's edge
---@field eta? number|mw.handle size of each step along the energy's gradient
---@field form? string|mw.handle how the whole picture's prompt is put together
---@field height? integer|mw.handle of the picture; none: the model's
---@field last_step? integer|mw.handle how many steps are guided
---@field latents? mw.handle [B,4,h,w] what the run starts with; none: the seed's noise
---@field layers? table|mw.handle cross-attentions that are guided; none: the method's
---@field layout table|mw.handle a layout, or a table for mw.layout
---@field mode? "strict"|"faithful"|mw.handle faithful: as the published code has it, traps included
---@field model mw.handle a checkpoint, or its path
---@field negative? string|mw.handle what not to draw, beside the layout's own
---@field prompt? string|mw.handle for the whole picture; none: put together from the layout
---@field seed? integer|string|mw.handle of the noise: the same picture on every device
---@field sigma? number|mw.handle width of the smoothing
---@field steps? integer|mw.handle of the sampler
---@field tile? any|mw.handle whether pictures are decoded in tiles, as vae_decode takes it
---@field top_p? number|mw.handle share of the cells that count
---@field width? integer|mw.handle of the picture; none: the model's
---@field device? integer run on this one of the devices that --device names, counted from 0; absent: on any that is free

---A layout by BoxDiff (arXiv 2307.10816). Gives the image; latents, layout, prompt and run by name.
---@param params mw.boxdiff.params
---@return mw.boxdiff
function mw.boxdiff(params) end

---@class mw.fast_schedule: mw.handle

---@class mw.fast_schedule.params
---@field after integer|mw.handle how many of its steps stay
---@field rate? integer|mw.handle of the rest every so manyth stays
---@field schedule any|mw.handle a DDIM schedule
---@field device? integer run on this one of the devices that --device names, counted from 0; absent: on any that is free

---A DDIM schedule with fewer steps towards its end. Gives a function of the step, and how many there are.
---@param params mw.fast_schedule.params
---@return mw.fast_schedule
function mw.fast_schedule(params) end

---@class mw.guided_sample: mw.handle

---@class mw.guided_sample.params
---@field capture? table|mw.handle names of cross-attentions whose maps are wanted
---@field cfg? number|mw.handle classifier-free guidance
---@field freeze? function|mw.handle freeze(i): what replaces part of the latents after step i: { latents =, frozen = }
---@field grounded? number|mw.handle for how many steps
---@field grounding? any|mw.handle for gated layers: what the node of that name gives
---@field guide? any|mw.handle what box_attention_guide takes beside the rest (layout, eta, ...); none: no guidance
---@field latents mw.handle [B,4,h,w] of the start
---@field listen? function|mw.handle listen(i, maps): told the maps of step i, to make nodes of them that run before the next step
---@field model mw.handle a checkpoint, or its path
---@field negative any|mw.handle what text_encoder gives for the negative prompt
---@field reference? function|mw.handle reference(i): the reference maps of step i, or nil
---@field schedule any|mw.handle the times of the run, or a function that gives each step's
---@field steps integer|mw.handle of the sampler
---@field text any|mw.handle what text_encoder gives for the prompt
---@field device? integer run on this one of the devices that --device names, counted from 0; absent: on any that is free

---The DDIM loop with attention guidance before each step. Gives lists: latents, guided, stepped, maps, energies.
---@param params mw.guided_sample.params
---@return mw.guided_sample
function mw.guided_sample(params) end

---@class mw.img2img: mw.handle

---@class mw.img2img.params
---@field batch? integer|mw.handle how many pictures
---@field batch_seed? "increment"|"stream"|mw.handle how the pictures of a batch get their noise
---@field cfg? number|mw.handle classifier-free guidance: how closely the prompt is followed; 1: without it
---@field clip_skip? integer|mw.handle which layer of the text encoder is read: 0 the last, 1 the one before
---@field ddim_eta? number|mw.handle share of DDPM's noise in DDIM: 0 deterministic, 1 ancestral
---@field generator? "torch"|"philox"|mw.handle of the noise
---@field height? integer|mw.handle of the picture; none: the model's
---@field image any|mw.handle the picture to change, or its path
---@field model mw.handle a checkpoint, or its path
---@field negative? string|string[]|mw.handle what not to draw
---@field prompt string|string[]|mw.handle what to draw; a list: a picture each
---@field sampler? "auto"|"ddim"|"ddpm"|"euler"|"euler_ancestral"|"dpmpp_2m"|"dpmpp_2m_heun"|"dpmpp_2m_sde"|"dpmpp_2m_sde_heun"|"uni_pc"|"uni_pc_bh2"|"lms"|"pndm"|"plms"|"ddim_trailing"|"euler_karras"|"lms_karras"|"dpmpp_2m_karras"|"dpmpp_2m_sde_karras"|"dpmpp_2m_sde_heun_karras"|"dpmpp_2m_sde_exponential"|"dpmpp_2m_sde_heun_exponential"|mw.handle the method; auto: the model folder's
---@field scheduler? "normal"|"karras"|"exponential"|"beta"|"lu"|"sgm_uniform"|"ddim_uniform"|"linspace"|mw.handle how the noise levels are spread
---@field seed? integer|string|mw.handle of the noise: the same picture on every device
---@field steps? integer|mw.handle of the sampler
---@field strength? number|mw.handle share of the steps that are made: 1 leaves nothing of the picture
---@field tile? any|mw.handle whether pictures are decoded in tiles, as vae_decode takes it
---@field width? integer|mw.handle of the picture; none: the model's
---@field device? integer run on this one of the devices that --device names, counted from 0; absent: on any that is free

---A picture changed by a text. Gives the image; latents, schedule and embedding by name.
---@param params mw.img2img.params
---@return mw.img2img
function mw.img2img(params) end

---@class mw.lmd: mw.handle

---@class mw.lmd.params
---@field align_with_overall_bboxes? boolean|mw.handle objects are moved into their boxes
---@field attn_aggregation_step_start? number|mw.handle masks: steps before this one do not count
---@field beta? number|mw.handle of the steps, in which gated layers see the boxes
---@field bg_top_p? number|mw.handle top_p outside, of the objects alone; none: top_p
---@field bg_weight? number|mw.handle omega of the objects alone; none: omega
---@field cfg? number|mw.handle classifier-free guidance: how closely the prompt is followed; 1: without it
---@field discourage_mask_below_coarse_iou? number|mw.handle and those that cover the attention less than this
---@field discourage_mask_below_confidence? number|mw.handle Segment Anything's masks below this are taken last
---@field energy? "code"|"paper"|"ratio"|"boxdiff"|function|mw.handle what is small when attention is in the boxes
---@field eta? number|mw.handle guidance strength: size of each step along the energy's gradient; 0: none
---@field fast_rate? integer|mw.handle of those every so manyth stays
---@field fg_blending_ratio? number|mw.handle share of the object's own noise in its box
---@field fg_top_p? number|mw.handle top_p inside, of the objects alone; none: top_p
---@field fg_weight? number|mw.handle weight of attention inside the box, of the objects alone
---@field form? string|mw.handle how the whole picture's prompt is put together
---@field frozen? number|mw.handle of the steps, in which the objects' latents are kept
---@field gaussian_sigma? number|mw.handle masks: width of the smoothing
---@field height? integer|mw.handle of the picture; none: the model's
---@field horizontal_shift_only? boolean|mw.handle only sideways
---@field lambda? number|mw.handle weight of attention transfer from the single objects to the whole picture
---@field layers? table|mw.handle cross-attentions that are guided; none: the model's
---@field layout table|mw.handle a layout, or a table for mw.layout
---@field loss_scale? number|mw.handle eta of the objects alone; none: eta
---@field loss_threshold? number|mw.handle of the objects alone: energy at which a step's iterations end
---@field mask? "threshold"|"sam"|"box"|function|mw.handle where an object's mask comes from: its attention, Segment Anything, its box, or a function(number, run, object) that gives a handle; none: sam where one is given, else threshold
---@field mask_layer? string|mw.handle the cross-attention that masks come from; none: the model's
---@field mask_th_for_box? number|mw.handle the same where use_box_input is set
---@field mask_th_for_point? number|mw.handle masks: what is over this share of the attention is the object
---@field max_index_step? integer|mw.handle of the objects alone: how many steps are guided
---@field max_iter? any|mw.handle of the objects alone: gradient steps before each step, or a list of them
---@field mode? "strict"|"faithful"|mw.handle faithful: as the published code has it, traps included
---@field model mw.handle a checkpoint, or its path
---@field n_erode_dilate_mask_for_box? number|mw.handle how often that attention loses its rim and gains one
---@field object_seed? integer|string|mw.handle of the first object's noise, one more for each further one; none: seed + 19
---@field omega? number|mw.handle weight of attention outside the boxes, in both stages
---@field overall_bg_top_p? number|mw.handle top_p outside, of the whole picture; none: top_p
---@field overall_bg_weight? number|mw.handle omega of the whole picture; none: omega
---@field overall_fg_top_p? number|mw.handle top_p inside, of the whole picture; none: top_p
---@field overall_fg_weight? number|mw.handle weight of attention inside the boxes, of the whole picture
---@field overall_gligen_scheduled_sampling_beta? number|mw.handle beta of the whole picture; none: beta
---@field overall_loss_scale? number|mw.handle eta of the whole picture; none: eta
---@field overall_loss_threshold? number|mw.handle of the whole picture: energy at which a step's iterations end
---@field overall_max_index_step? integer|mw.handle of the whole picture: how many steps are guided
---@field overall_max_iter? any|mw.handle of the whole picture: gradient steps before each step, or a list of them
---@field overall_negative_prompt? string|mw.handle of the whole picture; none: in faithful mode the published terms
---@field phrase_embedding? function|mw.handle phrase_embedding(list): what gated layers are told of phrases
---@field prompt? string|mw.handle for the whole picture; none: put together from the layout
---@field ref_ca_loss_weight? number|mw.handle lambda under its published name; none: lambda
---@field sam? mw.handle a Segment Anything model, or its path
---@field sam_box? boolean|mw.handle Segment Anything is asked with the object's box, not with its attention
---@field seed? integer|string|mw.handle of the whole picture's noise
---@field so_center_box? boolean|mw.handle an object is drawn alone in the middle
---@field so_floor_padding? number|mw.handle share of the height left under it
---@field so_gligen_scheduled_sampling_beta? number|mw.handle beta of the objects alone; none: beta
---@field so_horizontal_center_only? boolean|mw.handle in the middle of the width only
---@field so_negative_prompt? string|mw.handle of the objects alone; none: in faithful mode the published terms
---@field so_vertical_placement? "floor_padding"|"centered"|mw.handle where it stands then
---@field steps? integer|mw.handle of the sampler
---@field tile? any|mw.handle whether pictures are decoded in tiles, as vae_decode takes it
---@field top_p? number|mw.handle share of the cells inside and outside a box that count
---@field use_box_input? boolean|mw.handle Segment Anything is asked with the box around the attention, not with its peak
---@field use_fast_schedule? boolean|mw.handle objects skip steps that only their masks need
---@field use_ref_ca? boolean|mw.handle attention is transferred from the objects drawn alone
---@field width? integer|mw.handle of the picture; none: the model's
---@field device? integer run on this one of the devices that --device names, counted from 0; absent: on any that is free

---LLM-grounded diffusion (arXiv 2305.13655) from a layout: objects drawn alone, then together in their boxes. Gives the image; latents, layout, prompt, masks, objects, noise, composed and overall by name.
---@param params mw.lmd.params
---@return mw.lmd
function mw.lmd(params) end

---@class mw.lmd_plus: mw.handle

---@class mw.lmd_plus.params
---@field align_with_overall_bboxes? boolean|mw.handle objects are moved into their boxes
---@field attn_aggregation_step_start? number|mw.handle masks: steps before this one do not count
---@field beta? number|mw.handle of the steps, in which gated layers see the boxes
---@field bg_top_p? number|mw.handle top_p outside, of the objects alone; none: top_p
---@field bg_weight? number|mw.handle omega of the objects alone; none: omega
---@field cfg? number|mw.handle classifier-free guidance: how closely the prompt is followed; 1: without it
---@field discourage_mask_below_coarse_iou? number|mw.handle and those that cover the attention less than this
---@field discourage_mask_below_confidence? number|mw.handle Segment Anything's masks below this are taken last
---@field energy? "code"|"paper"|"ratio"|"boxdiff"|function|mw.handle what is small when attention is in the boxes
---@field eta? number|mw.handle guidance strength: size of each step along the energy's gradient; 0: none
---@field fast_rate? integer|mw.handle of those every so manyth stays
---@field fg_blending_ratio? number|mw.handle share of the object's own noise in its box
---@field fg_top_p? number|mw.handle top_p inside, of the objects alone; none: top_p
---@field fg_weight? number|mw.handle weight of attention inside the box, of the objects alone
---@field form? string|mw.handle how the whole picture's prompt is put together
---@field frozen? number|mw.handle of the steps, in which the objects' latents are kept
---@field gaussian_sigma? number|mw.handle masks: width of the smoothing
---@field height? integer|mw.handle of the picture; none: the model's
---@field horizontal_shift_only? boolean|mw.handle only sideways
---@field lambda? number|mw.handle weight of attention transfer from the single objects to the whole picture
---@field layers? table|mw.handle cross-attentions that are guided; none: the model's
---@field layout table|mw.handle a layout, or a table for mw.layout
---@field loss_scale? number|mw.handle eta of the objects alone; none: eta
---@field loss_threshold? number|mw.handle of the objects alone: energy at which a step's iterations end
---@field mask? "threshold"|"sam"|"box"|function|mw.handle where an object's mask comes from: its attention, Segment Anything, its box, or a function(number, run, object) that gives a handle; none: sam where one is given, else threshold
---@field mask_layer? string|mw.handle the cross-attention that masks come from; none: the model's
---@field mask_th_for_box? number|mw.handle the same where use_box_input is set
---@field mask_th_for_point? number|mw.handle masks: what is over this share of the attention is the object
---@field max_index_step? integer|mw.handle of the objects alone: how many steps are guided
---@field max_iter? any|mw.handle of the objects alone: gradient steps before each step, or a list of them
---@field mode? "strict"|"faithful"|mw.handle faithful: as the published code has it, traps included
---@field model mw.handle a checkpoint, or its path
---@field n_erode_dilate_mask_for_box? number|mw.handle how often that attention loses its rim and gains one
---@field object_seed? integer|string|mw.handle of the first object's noise, one more for each further one; none: seed + 19
---@field omega? number|mw.handle weight of attention outside the boxes, in both stages
---@field overall_bg_top_p? number|mw.handle top_p outside, of the whole picture; none: top_p
---@field overall_bg_weight? number|mw.handle omega of the whole picture; none: omega
---@field overall_fg_top_p? number|mw.handle top_p inside, of the whole picture; none: top_p
---@field overall_fg_weight? number|mw.handle weight of attention inside the boxes, of the whole picture
---@field overall_gligen_scheduled_sampling_beta? number|mw.handle beta of the whole picture; none: beta
---@field overall_loss_scale? number|mw.handle eta of the whole picture; none: eta
---@field overall_loss_threshold? number|mw.handle of the whole picture: energy at which a step's iterations end
---@field overall_max_index_step? integer|mw.handle of the whole picture: how many steps are guided
---@field overall_max_iter? any|mw.handle of the whole picture: gradient steps before each step, or a list of them
---@field overall_negative_prompt? string|mw.handle of the whole picture; none: in faithful mode the published terms
---@field phrase_embedding? function|mw.handle phrase_embedding(list): what gated layers are told of phrases
---@field prompt? string|mw.handle for the whole picture; none: put together from the layout
---@field ref_ca_loss_weight? number|mw.handle lambda under its published name; none: lambda
---@field sam? mw.handle a Segment Anything model, or its path
---@field sam_box? boolean|mw.handle Segment Anything is asked with the object's box, not with its attention
---@field seed? integer|string|mw.handle of the whole picture's noise
---@field so_center_box? boolean|mw.handle an object is drawn alone in the middle
---@field so_floor_padding? number|mw.handle share of the height left under it
---@field so_gligen_scheduled_sampling_beta? number|mw.handle beta of the objects alone; none: beta
---@field so_horizontal_center_only? boolean|mw.handle in the middle of the width only
---@field so_negative_prompt? string|mw.handle of the objects alone; none: in faithful mode the published terms
---@field so_vertical_placement? "floor_padding"|"centered"|mw.handle where it stands then
---@field steps? integer|mw.handle of the sampler
---@field tile? any|mw.handle whether pictures are decoded in tiles, as vae_decode takes it
---@field top_p? number|mw.handle share of the cells inside and outside a box that count
---@field use_box_input? boolean|mw.handle Segment Anything is asked with the box around the attention, not with its peak
---@field use_fast_schedule? boolean|mw.handle objects skip steps that only their masks need
---@field use_ref_ca? boolean|mw.handle attention is transferred from the objects drawn alone
---@field width? integer|mw.handle of the picture; none: the model's
---@field device? integer run on this one of the devices that --device names, counted from 0; absent: on any that is free

---LLM-grounded diffusion whose network sees the boxes (LMD+): for models with gated layers. Gives what lmd gives.
---@param params mw.lmd_plus.params
---@return mw.lmd_plus
function mw.lmd_plus(params) end

---@class mw.multidiffusion: mw.handle

---@class mw.multidiffusion.params
---@field bootstrapping? integer|mw.handle first steps in which objects are drawn on a plain ground
---@field cfg? number|mw.handle classifier-free guidance: how closely the prompt is followed; 1: without it
---@field height? integer|mw.handle of the picture; none: the model's
---@field layout table|mw.handle a layout, or a table for mw.layout
---@field model mw.handle a checkpoint, or its path
---@field negative? string|mw.handle what not to draw, beside the layout's own
---@field seed? integer|string|mw.handle of the noise: the same picture on every device
---@field steps? integer|mw.handle of the sampler
---@field tile? any|mw.handle whether pictures are decoded in tiles, as vae_decode takes it
---@field width? integer|mw.handle of the picture; none: the model's
---@field device? integer run on this one of the devices that --device names, counted from 0; absent: on any that is free

---A layout by MultiDiffusion's region control (arXiv 2302.08113). Gives the image; latents and layout by name.
---@param params mw.multidiffusion.params
---@return mw.multidiffusion
function mw.multidiffusion(params) end

---@class mw.plain: mw.handle

---@class mw.plain.params
---@field cfg? number|mw.handle classifier-free guidance: how closely the prompt is followed; 1: without it
---@field form? string|mw.handle how the whole picture's prompt is put together
---@field height? integer|mw.handle of the picture; none: the model's
---@field latents? mw.handle [B,4,h,w] what the run starts with; none: the seed's noise
---@field layers? table|mw.handle cross-attentions that are guided; none: the method's
---@field layout table|mw.handle a layout, or a table for mw.layout
---@field mode? "strict"|"faithful"|mw.handle faithful: as the published code has it, traps included
---@field model mw.handle a checkpoint, or its path
---@field negative? string|mw.handle what not to draw, beside the layout's own
---@field prompt? string|mw.handle for the whole picture; none: put together from the layout
---@field seed? integer|string|mw.handle of the noise: the same picture on every device
---@field steps? integer|mw.handle of the sampler
---@field tile? any|mw.handle whether pictures are decoded in tiles, as vae_decode takes it
---@field width? integer|mw.handle of the picture; none: the model's
---@field device? integer run on this one of the devices that --device names, counted from 0; absent: on any that is free

---The prompt of a layout without its boxes. Gives the image; latents, layout, prompt and run by name.
---@param params mw.plain.params
---@return mw.plain
function mw.plain(params) end

---@class mw.sample: mw.handle

---@class mw.sample.params
---@field calls integer|mw.handle how many calls there are
---@field cfg? number|mw.handle classifier-free guidance
---@field ddim_eta? number|mw.handle share of DDPM's noise in DDIM: 0 deterministic, 1 ancestral
---@field embedding mw.handle states of the prompt
---@field first? integer|mw.handle the first call, from 0
---@field latents mw.handle [B,4,h,w] what the first step takes
---@field model mw.handle a checkpoint, or its path
---@field negative? mw.handle states of the negative prompt; needed unless cfg is 1
---@field negative_pooled? mw.handle of the negative prompt, for SDXL
---@field noise? function|mw.handle noise(i): the unit noise that call i adds, for samplers that add some
---@field pooled? mw.handle of the prompt, for SDXL
---@field sampler? "auto"|"ddim"|"ddpm"|"euler"|"euler_ancestral"|"dpmpp_2m"|"dpmpp_2m_heun"|"dpmpp_2m_sde"|"dpmpp_2m_sde_heun"|"uni_pc"|"uni_pc_bh2"|"lms"|"pndm"|"plms"|"ddim_trailing"|"euler_karras"|"lms_karras"|"dpmpp_2m_karras"|"dpmpp_2m_sde_karras"|"dpmpp_2m_sde_heun_karras"|"dpmpp_2m_sde_exponential"|"dpmpp_2m_sde_heun_exponential"|mw.handle the method; auto: the model folder's
---@field schedule mw.handle the times of the run
---@field device? integer run on this one of the devices that --device names, counted from 0; absent: on any that is free

---The loop of a sampler: a call of the network and a step for each. Gives the clean latents.
---@param params mw.sample.params
---@return mw.sample
function mw.sample(params) end

---@class mw.txt2img: mw.handle

---@class mw.txt2img.params
---@field batch? integer|mw.handle how many pictures
---@field batch_seed? "increment"|"stream"|mw.handle how the pictures of a batch get their noise
---@field cfg? number|mw.handle classifier-free guidance: how closely the prompt is followed; 1: without it
---@field clip_skip? integer|mw.handle which layer of the text encoder is read: 0 the last, 1 the one before
---@field ddim_eta? number|mw.handle share of DDPM's noise in DDIM: 0 deterministic, 1 ancestral
---@field generator? "torch"|"philox"|mw.handle of the noise
---@field height? integer|mw.handle of the picture; none: the model's
---@field model mw.handle a checkpoint, or its path
---@field negative? string|string[]|mw.handle what not to draw
---@field prompt string|string[]|mw.handle what to draw; a list: a picture each
---@field sampler? "auto"|"ddim"|"ddpm"|"euler"|"euler_ancestral"|"dpmpp_2m"|"dpmpp_2m_heun"|"dpmpp_2m_sde"|"dpmpp_2m_sde_heun"|"uni_pc"|"uni_pc_bh2"|"lms"|"pndm"|"plms"|"ddim_trailing"|"euler_karras"|"lms_karras"|"dpmpp_2m_karras"|"dpmpp_2m_sde_karras"|"dpmpp_2m_sde_heun_karras"|"dpmpp_2m_sde_exponential"|"dpmpp_2m_sde_heun_exponential"|mw.handle the method; auto: the model folder's
---@field scheduler? "normal"|"karras"|"exponential"|"beta"|"lu"|"sgm_uniform"|"ddim_uniform"|"linspace"|mw.handle how the noise levels are spread
---@field seed? integer|string|mw.handle of the noise: the same picture on every device
---@field steps? integer|mw.handle of the sampler
---@field tile? any|mw.handle whether pictures are decoded in tiles, as vae_decode takes it
---@field width? integer|mw.handle of the picture; none: the model's
---@field device? integer run on this one of the devices that --device names, counted from 0; absent: on any that is free

---A picture from a text. Gives the image; latents, schedule and embedding by name.
---@param params mw.txt2img.params
---@return mw.txt2img
function mw.txt2img(params) end
