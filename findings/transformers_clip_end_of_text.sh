#!/bin/bash
# transformers_clip_end_of_text.sh: which token CLIP's pooled output is read at hangs on whether eos_token_id is exactly 2.
#
# Expected: the pooled output is the state at the end-of-text token, eos_token_id of the config.
# Happens: published text encoders, SD 1's among them, say eos_token_id 2, which is not their end-of-text token; on 2
#   transformers reads the state at the first place of the LARGEST id instead. That is end-of-text as long as it is the last row of
#   the table. A token added behind it, as textual inversion does, has a larger id: with such a word in the prompt the pooled
#   embedding (which SDXL uses) is read at that word, and what stands behind it no longer counts.
# Version: transformers 5.24.0, torch 2.15.0, CPU. The output seen stands below.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/env"
"$work/env/bin/pip" install -q uv==0.13.9
"$work/env/bin/uv" pip install -q --python "$work/env/bin/python" torch==2.15.0 numpy==2.4.6 \
    transformers==5.24.0

cat >"$work/seen" <<'END'
eos_token_id 2, tokens [97, 5, 6, 98, 98]: pooled at [3]
eos_token_id 2, tokens [97, 5, 99, 6, 98]: pooled at [2]
eos_token_id 98, tokens [97, 5, 6, 98, 98]: pooled at [3]
eos_token_id 98, tokens [97, 5, 99, 6, 98]: pooled at [4]
END
cat >"$work/show.py" <<'END'
import torch
from transformers import CLIPTextConfig, CLIPTextModel

BEGIN, END, ADDED = 97, 98, 99  # a table of 99 words, and one that was learned
for eos in (2, END):
    torch.manual_seed(0)
    net = CLIPTextModel(CLIPTextConfig(
        hidden_size=32, intermediate_size=32, num_attention_heads=4, num_hidden_layers=2, vocab_size=100,
        bos_token_id=BEGIN, eos_token_id=eos, pad_token_id=END,
    )).eval()
    for ids in ([BEGIN, 5, 6, END, END], [BEGIN, 5, ADDED, 6, END]):
        with torch.no_grad():
            out = net(torch.tensor([ids]))
        at = [i for i in range(5) if torch.allclose(out.pooler_output[0], out.last_hidden_state[0, i])]
        print(f"eos_token_id {eos}, tokens {ids}: pooled at {at}")
END
cd "$work"
HF_HUB_OFFLINE=1 env/bin/python show.py >now 2>log || { cat now log; exit 1; }
if diff seen now; then cat now; echo OK; else echo "changed: < is what was seen before, > what is seen now"; exit 1; fi
