#!/bin/sh
# random_llm.sh FAMILY SIZE TYPE FOLDER|FILE.gguf [SEED]: a language model with random weights, to measure and to compare with:
# `random_llm.sh llama 7b q4_0 7b.gguf` (3.8 GB), `random_llm.sh gemma3 tiny bf16 FOLDER`. Without arguments: what there is.
cd "$(dirname "$0")/../.." && make -s build/release/tests/random_llm/random_llm &&
    exec build/release/tests/random_llm/random_llm "$@"
