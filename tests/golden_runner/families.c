// families.c: the list of what can be computed. One line for each family.
#include "tests/golden_runner/golden.h"

const golden_family *const golden_families[] = {
    NULL,
};
