-- negatives.lua: mw.negatives: the terms that the published code of LMD puts into every negative prompt.
local overall = "artifacts, blurry, smooth texture, bad quality, distortions, unrealistic, distorted image, "
  .. "bad proportions, duplicate"

return {
  overall = overall,
  object = overall .. ", two, many, group, occlusion, occluded, side, border, collate",
}
