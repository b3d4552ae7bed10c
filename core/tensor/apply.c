// apply.c: the one gate through which all ops pass.
#include "core/tensor/tape.h"
#include "core/tensor/tensor_internal.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

mw_status mw_apply_many(mw_ctx *c, const mw_op *op, mw_tensor *const *in, int nin, const void *attrs,
                        mw_tensor **out, int nout)
{
    for (int i = 0; i < nout; i++)
        out[i] = NULL;
    if (mw_err(c))
        return mw_err(c);
    mw_call k = {.op = op, .nin = nin, .attrs = attrs};
    for (int i = 0; i < nin; i++) {
        k.in[i] = in[i];
        if (!in[i] && i < op->nreq)
            return mw_fail(c, MW_E_ARG, "%s %s: input %d is missing", op->name, op->sig, i + 1);
        bool prepared = op->prepared & MW_READS_IN(i);
        if (in[i] && (!mw_tensor_here(c, in[i]) || (!prepared && !mw_tensor_plain(c, in[i])))) {
            mw_fail_context(c, "%s %s: input %d", op->name, op->sig, i + 1);
            return mw_err(c);
        }
        if (in[i] && mw_stale(in[i]))
            return mw_fail(
                c, MW_E_ARG,
                "%s %s: input %d, %s, was prepared from a weight that has changed since; prepare it "
                "again (mw_prepare_again)",
                op->name, op->sig, i + 1, in[i]->label ? in[i]->label : "a weight");
    }
    struct mw_tape *tape = c->tape; // what an op does inside is its own affair
    c->tape = NULL;
    if (op->infer(c, &k) == MW_OK && !c->dry)
        op->forward(c, &k);
    c->tape = tape;
    mw_tape_record(c, &k);
    if (mw_err(c))
        return mw_err(c);
    for (int i = 0; i < nout; i++)
        out[i] = k.out[i];
    return MW_OK;
}

mw_tensor *mw_apply(mw_ctx *c, const mw_op *op, mw_tensor *const *in, int nin, const void *attrs)
{
    mw_tensor *out;
    mw_apply_many(c, op, in, nin, attrs, &out, 1);
    return out;
}

mw_status mw_op_fail_at(mw_ctx *c, const mw_call *k, const char *file, int line, const char *fmt, ...)
{
    char sentence[512];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(sentence, sizeof sentence, fmt, ap);
    va_end(ap);
    return mw_fail_at(c, MW_E_SHAPE, file, line, "%s %s: %s", k->op->name, k->op->sig, sentence);
}
