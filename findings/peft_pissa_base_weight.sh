#!/bin/bash
# peft_pissa_base_weight.sh: an adapter that PEFT trained from PiSSA or OLoRA is no sum to the model's own weights.
#
# Expected: a file of lora_A and lora_B adds alpha / r * B * A to W, however A and B were started; how they were is history.
# Happens: with init_lora_weights "pissa" or "olora" PEFT takes the starting product out of W, and does so again each time that the
#   adapter is loaded, since only the factors are saved. W + alpha / r * B * A counts that product twice. All that
#   tells is one key of adapter_config.json.
# Version: peft 0.21.2, torch 2.15.0, CPU. The output seen stands below.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/env"
"$work/env/bin/pip" install -q uv==0.13.9
"$work/env/bin/uv" pip install -q --python "$work/env/bin/python" torch==2.15.0 numpy==2.4.6 \
    peft==0.21.2 transformers==5.24.0

cat >"$work/seen" <<'END'
init_lora_weights True: PEFT loads the trained model, the sum is the trained model
init_lora_weights pissa: PEFT loads the trained model, the sum is another
init_lora_weights olora: PEFT loads the trained model, the sum is another
END
cat >"$work/show.py" <<'END'
import torch
from peft import LoraConfig, PeftModel, get_peft_model
from safetensors.torch import load_file


def model():
    torch.manual_seed(0)
    return torch.nn.Sequential(torch.nn.Linear(8, 8, bias=False))


same = {True: "the trained model", False: "another"}
for start in (True, "pissa", "olora"):
    weight, inputs = model()[0].weight.detach(), torch.eye(8)
    trained = get_peft_model(model(), LoraConfig(r=2, lora_alpha=4, target_modules=["0"], init_lora_weights=start))
    with torch.no_grad():
        trained.base_model.model[0].lora_B["default"].weight += 0.1  # a training of one step
        expected = trained(inputs)
        trained.save_pretrained("adapter")
        loaded = PeftModel.from_pretrained(model(), "adapter")(inputs)
    a, b = (next(t for name, t in load_file("adapter/adapter_model.safetensors").items() if side in name) for side in ("lora_A", "lora_B"))
    summed = inputs @ (weight + 4 / 2 * b @ a).T
    print(
        f"init_lora_weights {start}: PEFT loads {same[torch.allclose(loaded, expected, atol=1e-5)]},",
        f"the sum is {same[torch.allclose(summed, expected, atol=1e-2)]}",
    )
END
cd "$work"
HF_HUB_OFFLINE=1 env/bin/python show.py >now 2>log || { cat now log; exit 1; }
if diff seen now; then cat now; echo OK; else echo "changed: < is what was seen before, > what is seen now"; exit 1; fi
