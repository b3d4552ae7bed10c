// families.h: what can be computed, one line for each family: FAMILY(x) stands for `golden_x` of family_x.c.
FAMILY(clip_tokenizer)
FAMILY(noise)
FAMILY(clip_text)
FAMILY(pipeline)
FAMILY(unet)
FAMILY(vae)
