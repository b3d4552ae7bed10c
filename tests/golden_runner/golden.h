// golden.h: what a golden case is to the code that computes it.
//
// To add a family: write family_<name>.c with one `const golden_family golden_<name>` at its foot, and add
// its line to families.h. `run` looks at what the case wants, reads its inputs and parameters, computes, and
// gives results; the runner compares, prints and writes them. It need not give everything: a tensor that is
// expected but not given is listed as not computed, which is no miss. Names that the case does not expect are
// dropped when given, so `run` may give all it has. A failure in `run` fails the case; what was given until
// then is still shown.
//
// Functions that return pointers return NULL with an error pending, and do nothing when one is pending
// already. All that `run` gets from here is freed by the runner when the case ends, except where said;
// tensors belong to the scope that the runner opens around it.
#ifndef GOLDEN_H
#define GOLDEN_H

#include "core/io/json.h"
#include "core/io/safetensors.h"
#include "core/tensor/tensor.h"

typedef struct golden_result golden_result; // result.c

typedef struct golden_case {
    const char *folder; // as on the command line
    char *name;         // "family/case"; names the case in messages
    json_t *json;       // case.json
    const char *op;     // which computation; lives in json
    json_t *params;     // an object, empty when the case has none; lives in json. Read it with mw_json_*
    mw_st *inputs;      // inputs.safetensors; NULL when there is none
    mw_st *expected;    // expected.safetensors; NULL when there is none
    json_t *inputs_json, *expected_json; // the same as JSON
    mw_dtype dtype;                      // what weights and activations are to be stored as: MW_F32 or MW_F16
    // ---- of the runner
    golden_result *results;
    json_t *actual_json;
    void **owned; // freed when the case is closed
    size_t nowned;
} golden_case;

typedef struct golden_family {
    const char *ops[8]; // values of `op` it computes, NULL after the last
    bool device;        // it runs ops: the runner opens the default device first
    mw_status (*run)(mw_ctx *c, golden_case *k);
    bool expects; // its cases have no expected.*: what they expect is given with golden_expect_json
} golden_family;

// ---- what is there
// The expected tensor of that name: shape and dtype; NULL (and no error) when the case does not ask for it.
const mw_st_entry *golden_wants(const golden_case *k, const char *name);
// The input of that name; golden_has tells whether there is one.
const mw_st_entry *golden_input(mw_ctx *c, const golden_case *k, const char *name);
bool golden_has(const golden_case *k, const char *name);
// Its values on the host, e->count of them.
const float *golden_input_f32(mw_ctx *c, golden_case *k, const char *name);
const int32_t *golden_input_i32(mw_ctx *c, golden_case *k, const char *name);
// As a tensor of that dtype, on the device.
mw_tensor *golden_input_tensor(mw_ctx *c, golden_case *k, const char *name, mw_dtype dtype);

// A path below the case folder.
const char *golden_path(mw_ctx *c, golden_case *k, const char *relative);
// The path of the model that case.json names; where it names one for each part, that of `part` (else NULL).
const char *golden_model(mw_ctx *c, golden_case *k, const char *part);
// printf into a text: golden_text(c, k, "step%d", i).
const char *golden_text(mw_ctx *c, golden_case *k, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

// ---- what was computed; values are copied, row-major, and converted to the expected dtype. Given again, a
// name has the latest values.
mw_status golden_give_f32(mw_ctx *c, golden_case *k, const char *name, int ndim, const int64_t *shape,
                          const float *v);
mw_status golden_give_f64(mw_ctx *c, golden_case *k, const char *name, int ndim, const int64_t *shape,
                          const double *v);
mw_status golden_give_i32(mw_ctx *c, golden_case *k, const char *name, int ndim, const int64_t *shape,
                          const int32_t *v);
mw_status golden_give_tensor(mw_ctx *c, golden_case *k, const char *name, const mw_tensor *t);
// The whole of what is held against expected.json; takes the JSON over.
mw_status golden_give_json(mw_ctx *c, golden_case *k, json_t *actual);
// What stands in the case's other files, in the place of expected.json; takes the JSON over.
void golden_expect_json(golden_case *k, json_t *expected);

#endif
