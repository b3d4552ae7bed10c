// op.h: what an op is. Read this, then core/ops/geglu.c, and you can add one.
//
// An op is mathematics: a total function of tensors and attributes with a shape rule; no files, no
// randomness. One op, one file: core/ops/<op>.c (infer, forward, descriptor, typed wrapper), kernels/<op>.cl,
// tests/ops/<op>.c, and its line in core/ops.h.
#ifndef MW_OP_H
#define MW_OP_H

#include "core/tensor/tensor.h"

#define MW_MAXIN 8
#define MW_MAXOUT 4

// One application of an op, filled by mw_apply.
typedef struct mw_call {
    const struct mw_op *op;
    int nin;
    mw_tensor *in[MW_MAXIN];   // an optional input that was not given is NULL
    mw_tensor *out[MW_MAXOUT]; // [0] the result
    const void *attrs;         // the op's own attributes struct
} mw_call;

typedef struct mw_op {
    const char *name; // == file name == kernel file == test file
    const char *sig;  // "x[..,n] -> y[..,n]": printed in errors and docs
    const char *doc;  // one sentence, with the formula
    int nin;          // inputs; those from nreq on may be NULL
    int nreq;
    // Check the inputs, create out[]. Runs no kernel.
    mw_status (*infer)(mw_ctx *c, mw_call *k);
    // Launch the kernels that fill out[]. Not called in a dry context.
    mw_status (*forward)(mw_ctx *c, const mw_call *k);
    // gin[i] = vector-Jacobian product of gout for in[i], f32, in the open scope; only where want[i]. gout[j]
    // is f32 and contiguous, NULL for an output that nothing depends on. NULL: the op is not differentiable,
    // and the tape says so.
    mw_status (*vjp)(mw_ctx *c, const mw_call *k, mw_tensor *const *gout, mw_tensor **gin, const bool *want);
    size_t attrs_size; // of the attributes struct, which the tape copies; it must hold no pointers to what
                       // may go
    // Of which tensors vjp reads the elements, by MW_READS_*: of the others it gets shape and dtype alone,
    // and the tape need not keep them. NULL: of all.
    unsigned (*reads)(const mw_call *k, const bool *want);
    unsigned prepared; // MW_READS_IN of the inputs that may be weights prepared for kernels (mw_prepare_*)
    // MW_READS_IN of the inputs for which vjp gives the sum with what it finds in gin[i]: the gradient so
    // far, f32 and contiguous, which it leaves as it is, or NULL. Spares a pass over both.
    unsigned adds;
} mw_op;

#define MW_READS_IN(i) (1u << (i))
#define MW_READS_OUT(i) (1u << (MW_MAXIN + (i)))
// For mw_op.reads: none; all inputs and no output; the weight (input 1), and x (input 0) for its gradient.
unsigned mw_reads_nothing(const mw_call *k, const bool *want);
unsigned mw_reads_inputs(const mw_call *k, const bool *want);
unsigned mw_reads_weight(const mw_call *k, const bool *want);

// Run an op: infer, then forward. The one gate through which all ops pass (errors, profiling).
// Returns the first output, owned by the open scope; NULL when an error is pending or arises, or a required
// input is NULL.
mw_tensor *mw_apply(mw_ctx *c, const mw_op *op, mw_tensor *const *in, int nin, const void *attrs);
// As mw_apply, for ops with several outputs: out[0..nout) are filled (NULL on failure).
mw_status mw_apply_many(mw_ctx *c, const mw_op *op, mw_tensor *const *in, int nin, const void *attrs,
                        mw_tensor **out, int nout);

// In infer(): record "<op> <sig>: <sentence>" as MW_E_SHAPE.
#define mw_op_fail(c, k, ...) mw_op_fail_at((c), (k), __FILE__, __LINE__, __VA_ARGS__)
mw_status mw_op_fail_at(mw_ctx *c, const mw_call *k, const char *file, int line, const char *fmt, ...)
    __attribute__((format(printf, 5, 6)));

#endif
