// user_kernel.h: what the files of mw.kernel share. Private to core/lua.
#ifndef MW_USER_KERNEL_H
#define MW_USER_KERNEL_H

#include "core/lua/user_node.h"
#include "core/tensor/text_kernel.h"

// An output as it was declared.
typedef struct mw_kernel_out {
    int like; // the input whose shape and dtype it has; -1: it has its own
    mw_dtype dtype;
    int ndim; // -1: a function gives the shape
    int64_t shape[MW_MAXDIM];
} mw_kernel_out;

typedef struct mw_user_kernel {
    mw_user_node node; // first; its `function` is a copy of the declaration
    mw_op op;
    mw_text_kernel kernel;
    char *text, *place;
    bool has_gradient;
    mw_kernel_out out[MW_MAXOUT];
} mw_user_kernel;

// out[i] = what the kernel makes of the tensors and the params, which are checked, in the open scope.
mw_status mw_user_kernel_apply(mw_ctx *c, mw_user_kernel *k, mw_tensor *const *in, mw_value *const *params,
                               mw_tensor **out);
// The op of the kernel, whose name and signature are the caller's.
void mw_user_kernel_op(mw_user_kernel *k);
// As mw_node_type.run.
mw_status mw_user_kernel_run(mw_ctx *c, mw_value *const *in, mw_value **out);
// Turns the kernel's declaration on top of the stack into what mw.kernel returns.
void mw_user_kernel_push(lua_State *L, mw_user_kernel *k);
// The sizes at idx, at most MW_MAXDIM whole numbers from 0 on in a list (or a number: a list of one); how
// many, -1 when it is something else.
int mw_user_kernel_sizes(lua_State *L, int idx, int64_t *size);

#endif
