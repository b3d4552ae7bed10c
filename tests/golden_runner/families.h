// families.h: what can be computed, one line for each family: FAMILY(x) stands for `golden_x` of family_x.c.
FAMILY(clip_text)
FAMILY(clip_tokenizer)
FAMILY(lora)
FAMILY(noise)
FAMILY(pipeline)
FAMILY(single_file)
FAMILY(unet)
FAMILY(vae)
