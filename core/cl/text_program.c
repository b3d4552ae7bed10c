// text_program.c: programs whose text somebody hands over, and what the arguments of their kernels are.
//
// They are compiled from the text each time, since what the driver keeps of a compiled program need not say
// what its arguments are; drivers have caches of their own.
#include "core/cl/device_internal.h"
#include "core/cl/driver_output.h"

#include <stdlib.h>
#include <string.h>

static char *build_log(mw_ctx *c, cl_program g)
{
    size_t size = 0;
    clGetProgramBuildInfo(g, c->stream->id, CL_PROGRAM_BUILD_LOG, 0, NULL, &size);
    char *log = mw_alloc(c, size + 1);
    if (log)
        clGetProgramBuildInfo(g, c->stream->id, CL_PROGRAM_BUILD_LOG, size, log, NULL);
    for (size_t n = log ? strlen(log) : 0; n && (log[n - 1] == '\n' || log[n - 1] == ' '); n--)
        log[n - 1] = 0;
    return log;
}

// The text with a line in front that says where it stands. free() it.
static char *placed(mw_ctx *c, const char *text, const char *place, int line)
{
    char *name = mw_strdup(c, place);
    for (char *p = name; p && *p; p++)
        if (*p == '"' || *p == '\\' || (unsigned char)*p < ' ')
            *p = '_';
    char *all = name ? mw_format(c, "#line %d \"%s\"\n%s\n", line, name, text) : NULL;
    free(name);
    return all;
}

static bool built(mw_ctx *c, cl_program g, const char *entry)
{
    mw_driver_output_begin();
    cl_int e = clBuildProgram(g, 1, &c->stream->id, "-cl-std=CL1.2 -cl-kernel-arg-info", NULL, NULL);
    mw_driver_output_end(c);
    if (e != CL_SUCCESS && e != CL_BUILD_PROGRAM_FAILURE)
        mw_cl_check(c, e, "building a program");
    char *log = mw_err(c) ? NULL : build_log(c, g);
    if (e != CL_SUCCESS && log)
        mw_fail(c, MW_E_SCRIPT, "the kernel '%s' does not compile on %s:\n%s", entry, c->stream->name, log);
    else if (log && strcasestr(log, "warning"))
        mw_warn(c, "the kernel '%s': %s", entry, log);
    free(log);
    return !mw_err(c);
}

cl_kernel mw_text_program(mw_ctx *c, const char *text, const char *entry, const char *place, int line)
{
    cl_int e;
    cl_kernel k = NULL;
    char *source = placed(c, text, place, line);
    if (!source)
        return NULL;
    cl_program g = clCreateProgramWithSource(c->stream->context, 1, (const char *[]){source}, NULL, &e);
    free(source);
    if (mw_cl_check(c, e, "making a program"))
        return NULL;
    if (built(c, g, entry)) {
        k = clCreateKernel(g, entry, &e);
        if (e == CL_INVALID_KERNEL_NAME)
            mw_fail(c, MW_E_SCRIPT, "the source of the kernel '%s' has no 'kernel void %s(...)'", entry,
                    entry);
        else
            mw_cl_check(c, e, "making a kernel");
    }
    clReleaseProgram(g); // the kernel holds it
    return mw_err(c) ? NULL : k;
}

bool mw_kernel_arg_info(mw_ctx *c, cl_kernel k, cl_uint i, mw_kernel_arg *arg)
{
    cl_kernel_arg_address_qualifier address = 0;
    cl_kernel_arg_type_qualifier qualifier = 0;
    *arg = (mw_kernel_arg){{0}, {0}, false, false};
    cl_int e = clGetKernelArgInfo(k, i, CL_KERNEL_ARG_ADDRESS_QUALIFIER, sizeof address, &address, NULL);
    if (e == CL_KERNEL_ARG_INFO_NOT_AVAILABLE)
        return false;
    if (e == CL_SUCCESS)
        e = clGetKernelArgInfo(k, i, CL_KERNEL_ARG_TYPE_QUALIFIER, sizeof qualifier, &qualifier, NULL);
    if (e == CL_SUCCESS)
        e = clGetKernelArgInfo(k, i, CL_KERNEL_ARG_NAME, sizeof arg->name, arg->name, NULL);
    if (e == CL_SUCCESS)
        e = clGetKernelArgInfo(k, i, CL_KERNEL_ARG_TYPE_NAME, sizeof arg->type, arg->type, NULL);
    if (mw_cl_check(c, e, "asking for a kernel's arguments"))
        return false;
    char *to = arg->type; // "float *" and "float*" are the same
    for (const char *p = arg->type; *p; p++)
        if (*p != ' ')
            *to++ = *p;
    *to = 0;
    arg->is_global = address == CL_KERNEL_ARG_ADDRESS_GLOBAL;
    arg->is_const = qualifier & CL_KERNEL_ARG_TYPE_CONST;
    return true;
}
