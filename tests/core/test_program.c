// test_program.c: compiled kernels on disk: one that lacks what is asked for, or belongs to another, is
// compiled again; devices of one kind do not compile the same at once.
#include "core/base/file.h"
#include "core/cl/device.h"
#include "core/ops.h"

#include <CL/cl.h>
#include <dlfcn.h>
#include <glob.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <xxhash.h>

#include <cmocka.h>

// As in core/cl/program.c.
typedef struct header {
    char magic[8];
    uint64_t name, size, checksum;
} header;

static char folder[] = "/tmp/moonweave-test-XXXXXX";

static int setup(void **state)
{
    (void)state;
    return mkdtemp(folder) && setenv("XDG_CACHE_HOME", folder, 1) == 0 ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    char command[128];
    snprintf(command, sizeof command, "rm -rf %s", folder);
    return system(command);
}

// Two programs, in a device opened for them: the sums of the columns' softmax are ones.
static void compute(void)
{
    mw_ctx *c = mw_ctx_new();
    assert_int_equal(mw_device_open(c, NULL, (uint64_t)64 << 20, false), MW_OK);
    mw_scope_begin(c);
    const float v[6] = {1, 2, 3, 4, 5, 7};
    float sums[3] = {0};
    mw_tensor *x = mw_transpose(c, mw_tensor_from_f32(c, MW_F32, MW_SHAPE(2, 3), v), 0, 1);
    mw_tensor *y = mw_softmax(c, mw_contiguous(c, x)); // [3,2]
    float p[6] = {0};
    assert_int_equal(mw_tensor_read_f32(c, y, p), MW_OK);
    for (int i = 0; i < 6; i++)
        sums[i / 2] += p[i];
    for (int i = 0; i < 3; i++)
        assert_true(sums[i] > 0.999f && sums[i] < 1.001f);
    mw_scope_end(c, NULL);
    mw_device_close(c);
    mw_ctx_free(c);
}

static size_t find(glob_t *g)
{
    char pattern[128];
    snprintf(pattern, sizeof pattern, "%s/moonweave/kernels/*.bin", folder);
    assert_int_equal(glob(pattern, 0, NULL, g), 0);
    return g->gl_pathc;
}

static char *bytes_of(mw_ctx *c, const char *path, size_t *size)
{
    char *bytes = mw_file_read(c, path, (size_t)1 << 30, size);
    assert_non_null(bytes);
    assert_true(*size > sizeof(header));
    return bytes;
}

// The files change places; with `signed_`, each says that it is what its name says and that it is whole.
static void swap(bool signed_)
{
    mw_ctx *c = mw_ctx_new();
    glob_t g;
    compute();
    assert_int_equal(find(&g), 2);
    char *bytes[2], *crafted[2];
    size_t size[2];
    for (int i = 0; i < 2; i++)
        bytes[i] = bytes_of(c, g.gl_pathv[i], &size[i]);
    for (int i = 0; i < 2; i++) {
        size_t n = size[1 - i];
        crafted[i] = malloc(n);
        memcpy(crafted[i], bytes[1 - i], n);
        header *h = (header *)crafted[i];
        if (signed_)
            h->name = ((header *)bytes[i])->name;
        assert_true(h->checksum == XXH3_64bits(crafted[i] + sizeof *h, n - sizeof *h));
        assert_int_equal(mw_file_write(c, g.gl_pathv[i], crafted[i], n), MW_OK);
    }
    compute();
    for (int i = 0; i < 2; i++) {
        size_t n;
        char *now = bytes_of(c, g.gl_pathv[i], &n);
        assert_true(n != size[1 - i] || memcmp(now, crafted[i], n)); // written again
        free(now);
        free(bytes[i]);
        free(crafted[i]);
    }
    globfree(&g);
    mw_ctx_free(c);
}

static void one_that_lacks_a_kernel(void **state)
{
    (void)state;
    swap(true);
}

static void one_under_another_name(void **state)
{
    (void)state;
    swap(false);
}

// Stands before the library's: counts the sources that are compiled.
static atomic_int sources;
cl_program clCreateProgramWithSource(cl_context context, cl_uint n, const char **text, const size_t *length,
                                     cl_int *e)
{
    cl_program (*real)(cl_context, cl_uint, const char **, const size_t *, cl_int *);
    *(void **)&real = dlsym(RTLD_NEXT, "clCreateProgramWithSource");
    atomic_fetch_add(&sources, 1);
    return real(context, n, text, length, e);
}

static void *negate(void *context)
{
    mw_ctx *c = context;
    mw_scope_begin(c);
    float v[2] = {1, 2};
    if (mw_tensor_read_f32(c, mw_affine(c, mw_tensor_from_f32(c, MW_F32, MW_SHAPE(2), v), -1, 0), v) ||
        v[1] != -2)
        print_error("%s\n", mw_errmsg(c));
    mw_scope_end(c, NULL);
    return v[1] == -2 ? context : NULL;
}

// Two halves of a CPU want the same program at once: one compiles it, the other takes it from the disk.
static void devices_of_one_kind_compile_once(void **state)
{
    (void)state;
    mw_ctx *c = mw_ctx_new();
    char command[128];
    snprintf(command, sizeof command, "rm -rf %s/moonweave", folder);
    assert_int_equal(system(command), 0);
    if (mw_device_open(c, "cpu/2", (uint64_t)64 << 20, false) != MW_OK) {
        mw_ctx_free(c);
        skip();
    }
    atomic_store(&sources, 0);
    mw_ctx *other = mw_ctx_fork(c);
    other->stream = mw_stream_at(c, 1);
    pthread_t thread;
    void *good;
    assert_int_equal(pthread_create(&thread, NULL, negate, other), 0);
    assert_non_null(negate(c));
    pthread_join(thread, &good);
    assert_non_null(good);
    assert_int_equal(atomic_load(&sources), 1);
    mw_ctx_free(other);
    mw_device_close(c);
    mw_ctx_free(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_that_lacks_a_kernel),
        cmocka_unit_test(one_under_another_name),
        cmocka_unit_test(devices_of_one_kind_compile_once),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
