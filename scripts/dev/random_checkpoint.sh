#!/bin/sh
# random_checkpoint.sh FAMILY FOLDER [SEED]: a folder of the true size (sd1: 2 GB, sd2: 2.5 GB, sdxl: 7 GB, sam: 0.2 GB)
# with random f16 weights, to measure with.
cd "$(dirname "$0")/../.." && make -s build/release/tests/bench/random_checkpoint &&
    exec build/release/tests/bench/random_checkpoint "$@"
