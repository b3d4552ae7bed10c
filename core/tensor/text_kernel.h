// text_kernel.h: a kernel whose text somebody hands over (a script's), run on tensors.
//
//     kernel void swish(global const float *x, global float *y, float beta, ulong n)
//
// Its arguments are the inputs, the outputs, the parameters, then the number of elements of the first output.
// The tensors reach it contiguous, each from its first element on. The elements of an argument are what the
// kernel declares: float, half, int or uchar, or vectors of them; f32 and f16 change into each other for it.
#ifndef MW_TEXT_KERNEL_H
#define MW_TEXT_KERNEL_H

#include "core/cl/device.h"
#include "core/tensor/op.h"

enum { MW_TEXT_PARAMS = 16, MW_TEXT_ARGS = MW_MAXIN + MW_MAXOUT + MW_TEXT_PARAMS + 1 };

typedef struct mw_text_kernel {
    const char *name;  // of the kernel function
    const char *text;  // OpenCL C 1.2
    const char *place; // where its first line stands, for the compiler's messages: a file's name
    int line;          // and the number of that line
    int nin, nout, nparams;
    const char *arg[MW_TEXT_ARGS];                // names of inputs, outputs and parameters, in this order
    bool whole[MW_TEXT_PARAMS];                   // the parameter is an int, not a float
    struct mw_text_built *built[MW_MOST_STREAMS]; // compiled, by mw_stream_number
} mw_text_kernel;

typedef struct mw_text_range {
    int dims; // 1..3
    size_t global[3];
    size_t local[3]; // all 0: the driver's choice
} mw_text_range;

// Enqueue it on the context's device: in[0..nin) are read, out[0..nout), contiguous, hold zeros, then what it
// writes. No-op in a dry context. Compiles it at its first run on a device. On one thread at a time.
// MW_E_SCRIPT when it does not compile or is declared otherwise than the tensors want it, MW_E_ARG for a
// range that the device cannot run.
mw_status mw_text_kernel_run(mw_ctx *c, mw_text_kernel *k, mw_tensor *const *in, mw_tensor *const *out,
                             const double *params, const mw_text_range *range);
// What was compiled goes; before its device is closed.
void mw_text_kernel_forget(mw_text_kernel *k);

#endif
