// lora_names.h: the names in LoRA files: which part, which module, which factor.
//
// kohya:     lora_unet_down_blocks_0_attentions_0_proj_in.lora_down.weight    (also in the original code's
// names) PEFT:      unet.down_blocks.0.attentions.0.proj_in.lora_A.weight            (also
// lora_A.<adapter>.weight) diffusers: unet.down_blocks.0.attentions.0.proj_in.lora.down.weight (older)
// ComfyUI:   text_encoders.clip_l.transformer.text_model.encoder.layers.0.mlp.fc1.lora_up.weight
// LyCORIS:   lycoris_down_blocks_0_attentions_0_proj_in.lora_down.weight
#ifndef MW_LORA_NAMES_H
#define MW_LORA_NAMES_H

#include <stdbool.h>
#include <stddef.h>

enum { MW_LORA_NAME_MAX = 256 };

typedef enum { MW_LORA_UNET, MW_LORA_TEXT, MW_LORA_TEXT_2, MW_LORA_PARTS } mw_lora_part;

// "unet", "text_encoder", "text_encoder_2"
const char *mw_lora_part_name(mw_lora_part p);

typedef enum { MW_LORA_DOWN, MW_LORA_UP, MW_LORA_MID, MW_LORA_ALPHA, MW_LORA_ROLES } mw_lora_role;

typedef struct mw_lora_name {
    mw_lora_part part;
    mw_lora_role role;
    bool bare;                     // the file names no part: it was told from the module
    char module[MW_LORA_NAME_MAX]; // within the part, as spelled in the file
} mw_lora_name;

// Take an entry's name apart. NULL when it could, else why not ("a LoHa adapter, which is not supported").
const char *mw_lora_name_parse(const char *entry, mw_lora_name *out);

// The form in which modules are compared: dots as underscores, without "text_model" in front.
void mw_lora_module_key(const char *module, char key[MW_LORA_NAME_MAX]);

#endif
