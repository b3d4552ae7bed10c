// test_weights.c: named weights from a made-up source: shapes, numbers that cannot be, patches, first use.
#include "tests/nodes/node_test.h"

#include "core/ops.h"
#include "nodes/nets/base/weights.h"

// One entry, "a.weight".
typedef struct {
    int ndim;
    int64_t shape[4];
    const float *v;
    int reads, frees;
} entry;

static bool find(void *user, const char *name, int *ndim, int64_t shape[4])
{
    const entry *e = user;
    *ndim = e->ndim;
    memcpy(shape, e->shape, sizeof e->shape);
    return strcmp(name, "a.weight") == 0;
}

static mw_status read_f32(mw_ctx *k, void *user, const char *name, float *out)
{
    entry *e = user;
    size_t n = 1;
    for (int i = 0; i < e->ndim; i++)
        n *= (size_t)e->shape[i];
    assert_string_equal(name, "a.weight");
    memcpy(out, e->v, n * sizeof *out);
    e->reads++;
    return mw_err(k);
}

static const char *name_at(void *user, size_t i)
{
    (void)user;
    return i == 0 ? "a.weight" : NULL;
}

static mw_status doubled(mw_ctx *k, void *user, const char *name, int ndim, const int64_t *shape, float *v)
{
    (void)user, (void)name, (void)ndim;
    for (int64_t i = 0; i < shape[0] * shape[1]; i++)
        v[i] *= 2;
    return mw_err(k);
}

static const void *in_memory; // values of the entry; NULL: they have to be read
static mw_dtype in_memory_as = MW_F16;

static const void *stored(void *user, const char *name, mw_dtype dtype)
{
    (void)user, (void)name;
    return dtype == in_memory_as ? in_memory : NULL;
}

static void freed(void *user) { ((entry *)user)->frees++; }

static mw_weights *make(entry *e, mw_dtype dtype, bool patched)
{
    mw_weight_source s = {.user = e,
                          .path = "file",
                          .find = find,
                          .read_f32 = read_f32,
                          .stored = stored,
                          .name_at = name_at,
                          .patch = patched ? doubled : NULL,
                          .free = freed};
    return mw_weights_new(c, s, "net", dtype);
}

static float four[4] = {1, 2, 3, 4};

// What every network does: ask dry, load, ask again.
static mw_tensor *ask(mw_weights *w, const char *name, int64_t n, int64_t k)
{
    c->dry = true;
    mw_weight_linear(c, w, name, n, k);
    c->dry = false;
    mw_weights_load(c, w, NULL);
    return mw_weight_linear(c, w, name, n, k);
}

static void a_weight_is_set_in_place(void **state)
{
    (void)state;
    for (mw_dtype dtype = MW_F32; dtype <= MW_F16; dtype++) {
        entry e = {.ndim = 2, .shape = {2, 2}, .v = four};
        mw_weights *w = make(&e, dtype, false);
        mw_tensor *t = ask(w, "a.weight", 2, 2), *one = mw_full(c, dtype, MW_SHAPE(1, 2), 1);
        mw_tensor *trained = mw_tensor_from_f32(c, MW_F32, MW_SHAPE(2, 2), (float[]){5, 6, 7, 8});
        assert_int_equal(mw_weights_revision(w), 0);
        assert_int_equal(mw_weight_set(c, w, "a.weight", trained), MW_OK);
        unsigned long first = mw_weights_revision(w);
        assert_true(first > 0);
        float *y = values_of(mw_linear(c, one, t, NULL, MW_ACT_NONE, NULL));
        assert_true(y[0] == 11 && y[1] == 15);
        free(y);
        assert_int_equal(mw_weight_set(c, w, "a.weight", trained), MW_OK);
        assert_true(mw_weights_revision(w) > first);
        mw_fill(c, trained, 1); // and not set again
        assert_null(mw_linear(c, one, t, NULL, MW_ACT_NONE, NULL));
        assert_non_null(strstr(mw_errmsg(c), "a.weight, was prepared from a weight that has changed since"));
        mw_err_clear(c);
        assert_int_equal(mw_weight_set(c, w, "a.weight", one), MW_E_SHAPE);
        mw_err_clear(c);
        assert_int_equal(mw_weight_set(c, w, "b.weight", trained), MW_E_ARG);
        mw_err_clear(c);
        mw_weights_free(w);
    }
}

// On two halves of a CPU.
static void each_device_has_its_own(void **state)
{
    (void)state;
    mw_stream *own = c->stream;
    c->stream = NULL;
    if (mw_device_open(c, "cpu/2", (uint64_t)64 << 20, false) != MW_OK) {
        mw_err_clear(c);
        c->stream = own;
        skip();
    }
    mw_stream *a = c->stream, *b = mw_stream_at(c, 1);
    mw_scope_begin(c);
    entry e = {.ndim = 2, .shape = {2, 2}, .v = four};
    mw_weights *w = make(&e, MW_F32, true);
    mw_tensor *on_a = ask(w, "a.weight", 2, 2);
    c->stream = b;
    assert_int_equal(mw_weights_held(w, b), 0);
    mw_tensor *on_b = mw_weight_linear(c, w, "a.weight", 2, 2);
    assert_ptr_equal(mw_tensor_stream(on_a), a);
    assert_ptr_equal(mw_tensor_stream(on_b), b);
    assert_ptr_equal(mw_weight_linear(c, w, "a.weight", 2, 2), on_b);
    assert_int_equal(e.reads, 2);
    float *y = values_of(mw_linear(c, mw_full(c, MW_F32, MW_SHAPE(1, 2), 1), on_b, NULL, MW_ACT_NONE, NULL));
    assert_true(y[0] == 6 && y[1] == 14);
    free(y);
    assert_int_equal(mw_weights_held(w, NULL), 2 * mw_weights_held(w, b));
    mw_tensor *trained = mw_full(c, MW_F32, MW_SHAPE(2, 2), 1);
    assert_int_equal(mw_weight_set(c, w, "a.weight", trained), MW_E_ARG);
    assert_non_null(strstr(mw_errmsg(c), "more devices than device 1"));
    mw_err_clear(c);
    mw_weights_free(w);
    assert_int_equal(e.frees, 1);

    w = make(&e, MW_F32, false);
    ask(w, "a.weight", 2, 2);
    assert_int_equal(mw_weight_set(c, w, "a.weight", trained), MW_OK);
    c->stream = a;
    assert_null(mw_weight_linear(c, w, "a.weight", 2, 2));
    assert_non_null(strstr(mw_errmsg(c), "net: its weights were changed on device 1, and device 0"));
    mw_err_clear(c);
    mw_weights_free(w);
    mw_scope_end(c, NULL);
    mw_device_close(c);
    c->stream = own;
}

static void read_once_and_prepared(void **state)
{
    (void)state;
    for (int patched = 0; patched < 2; patched++)
        for (mw_dtype dtype = MW_F32; dtype <= MW_F16; dtype++) {
            entry e = {.ndim = 4, .shape = {2, 2, 1, 1}, .v = four}; // a matrix stored as a convolution
            mw_weights *w = make(&e, dtype, patched);
            mw_tensor *t = ask(w, "a.weight", 2, 2);
            assert_non_null(t);
            assert_true(mw_weight_linear(c, w, "a.weight", 2, 2) == t);
            assert_int_equal(e.reads, 1);
            assert_int_equal(mw_weights_count(w), 4);
            assert_int_equal(mw_weights_bytes(w), 4 * mw_dtype_size(dtype));
            mw_tensor *one = mw_tensor_from_f32(c, dtype, MW_SHAPE(1, 2), (float[]){10, 1});
            float *y = values_of(mw_linear(c, one, t, NULL, MW_ACT_NONE, NULL));
            assert_true(y[0] == (patched ? 24 : 12) && y[1] == (patched ? 68 : 34));
            free(y);
            mw_weights_free(w);
            assert_int_equal(e.frees, 1);
            assert_string_equal(warnings, "");
        }
}

// f16 values in memory are taken as they are, without alignment, also by a network in f32, unless one of them
// is no number.
static void halves_are_taken_as_they_are(void **state)
{
    (void)state;
    float six[6] = {1, 1, 1, 1, 1, 1};
    for (int wrong = -1; wrong < 6; wrong++) {
        unsigned char bytes[13];
        for (int i = 0; i < 6; i++) {
            uint16_t h = i == wrong ? 0xfc00 : i % 2 ? 0x7bff : 0xbc00; // -infinity, 65504, -1
            memcpy(bytes + 1 + 2 * i, &h, sizeof h);
        }
        in_memory = bytes + 1;
        entry e = {2, {3, 2}, six, 0, 0};
        for (mw_dtype dtype = MW_F32; dtype <= MW_F16; dtype++) {
            e.reads = 0;
            mw_weights *w = make(&e, dtype, false);
            mw_tensor *t = ask(w, "a.weight", 3, 2);
            assert_int_equal(t->dtype, MW_F16);
            assert_int_equal(mw_weights_bytes(w), 12);
            assert_int_equal(e.reads, wrong >= 0);
            mw_weights_free(w);
        }
    }
    in_memory = NULL;
}

static void floats_are_taken_as_they_are(void **state)
{
    (void)state;
    const float odd[3] = {1, -0.5f, 3e37f};
    for (int wrong = -1; wrong < 3; wrong++) {
        unsigned char bytes[13];
        for (int i = 0; i < 3; i++) {
            float f = i == wrong ? -INFINITY : odd[i];
            memcpy(bytes + 1 + 4 * i, &f, sizeof f);
        }
        in_memory = bytes + 1;
        in_memory_as = MW_F32;
        entry e = {2, {1, 3}, four, 0, 0};
        mw_weights *w = make(&e, MW_F32, false);
        mw_tensor *t = ask(w, "a.weight", 1, 3), *one = mw_tensor_from_f32(c, MW_F32, MW_SHAPE(1, 3), four);
        assert_int_equal(t->dtype, MW_F32);
        assert_int_equal(e.reads, wrong >= 0);
        float *y = values_of(mw_linear(c, one, t, NULL, MW_ACT_NONE, NULL));
        assert_true(wrong >= 0 ? y[0] == 14 : y[0] == 3 * 3e37f);
        free(y);
        mw_weights_free(w);
    }
    in_memory = NULL;
    in_memory_as = MW_F16;
}

// What changes the values of a network in f32 needs room for the result.
static void patched_halves_are_widened(void **state)
{
    (void)state;
    const uint16_t one_third[4] = {0x3555, 0x3555, 0x3555, 0x3555};
    in_memory = one_third;
    entry e = {2, {2, 2}, four, 0, 0};
    mw_weights *w = make(&e, MW_F32, true);
    assert_int_equal(ask(w, "a.weight", 2, 2)->dtype, MW_F32);
    assert_int_equal(e.reads, 1);
    mw_weights_free(w);
    in_memory = NULL;
}

static void refuse(entry *e, mw_dtype dtype, const char *name, int64_t n, mw_status status, const char *with)
{
    mw_weights *w = make(e, dtype, false);
    ask(w, name, n, 2);
    assert_fails(-1, status, with);
    mw_weights_free(w);
    assert_int_equal(e->frees, 1);
}

static void what_cannot_be(void **state)
{
    (void)state;
    float nan[4] = {1, 2, NAN, 4}, wide[4] = {1, -70000, 3, 4}, infinite[4] = {0, 0, 0, INFINITY};
    refuse(&(entry){2, {2, 2}, four, 0, 0}, MW_F32, "b.weight", 2, MW_E_FILE,
           "file: net: tensor 'b.weight' [2,2] is missing");
    refuse(&(entry){2, {2, 2}, four, 0, 0}, MW_F32, "a.weight", 3, MW_E_FILE,
           "tensor 'a.weight' has shape [2,2], but the config asks for [3,2]");
    refuse(&(entry){2, {2, 2}, nan, 0, 0}, MW_F32, "a.weight", 2, MW_E_FILE, "holds nan at position 2");
    refuse(&(entry){2, {2, 2}, infinite, 0, 0}, MW_F16, "a.weight", 2, MW_E_FILE, "holds inf");
    refuse(&(entry){2, {2, 2}, wide, 0, 0}, MW_F16, "a.weight", 2, MW_E_NUMBER,
           "too large for f16; use dtype f32");
    entry fine = {2, {2, 2}, wide, 0, 0};
    mw_weights *w = make(&fine, MW_F32, false);
    assert_non_null(ask(w, "a.weight", 2, 2));
    mw_weights_free(w);
}

static void unused_entries_are_warned_of(void **state)
{
    (void)state;
    entry e = {2, {2, 2}, four, 0, 0};
    mw_weights *w = make(&e, MW_F32, false);
    mw_weights_load(c, w, NULL);
    assert_non_null(strstr(warnings, "file: net: 1 tensor of the file is not used: a.weight"));
    mw_weights_free(w);
}

static mw_block_rows in_blocks; // of the entry; no rows: it does not lie so

static bool blocks(void *user, const char *name, mw_block_rows *out)
{
    (void)user, (void)name;
    *out = in_blocks;
    return in_blocks.rows > 0;
}

// A matrix in blocks is read where it lies: the source stays until the last tensor over it is gone. Where it
// is to be changed it is widened.
static void blocks_stay_where_they_are(void **state)
{
    (void)state;
    static float v[2][32];
    uint8_t bytes[2 * 34];
    for (int i = 0; i < 64; i++)
        v[i / 32][i % 32] = (float)(i % 32 - 16) / 8;
    mw_ggml_encode(MW_GGML_Q8_0, v[0], bytes, 64);
    mw_ggml_decode(MW_GGML_Q8_0, bytes, v[0], 64);
    in_blocks =
        (mw_block_rows){.type = MW_GGML_Q8_0, .rows = 2, .columns = 32, .row_bytes = 34, .data = bytes};
    mw_weight_source s = {
        .find = find, .read_f32 = read_f32, .blocks = blocks, .name_at = name_at, .free = freed};
    for (int patched = 0; patched < 2; patched++) {
        entry e = {2, {2, 32}, v[0], 0, 0};
        s.user = &e;
        s.patch = patched ? doubled : NULL;
        mw_weights *w = mw_weights_new(c, s, "net", MW_F32);
        mw_tensor *t = mw_retain(ask(w, "a.weight", 2, 32));
        assert_int_equal(e.reads, patched);
        assert_int_equal(mw_weights_count(w), 64);
        assert_int_equal(mw_weights_bytes(w), patched ? 256 : 0);
        mw_weights_free(w);
        assert_int_equal(e.frees, patched);
        mw_tensor *ones = mw_full(c, MW_F32, MW_SHAPE(1, 32), 1);
        float *y = values_of(mw_linear(c, ones, t, NULL, MW_ACT_NONE, NULL));
        assert_true(fabsf(y[0] - (patched ? -4.0f : -2.0f)) < 1e-3f && y[0] == y[1]);
        free(y);
        mw_release(t);
        assert_int_equal(mw_device_finish(c), MW_OK);
        assert_int_equal(e.frees, 1);
    }
    in_blocks.rows = 0;
}

static int start(void **state)
{
    (void)state;
    return open_device((uint64_t)64 << 20);
}

#define T(f) cmocka_unit_test_setup_teardown(f, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {T(a_weight_is_set_in_place),     T(each_device_has_its_own),
                                       T(read_once_and_prepared),       T(halves_are_taken_as_they_are),
                                       T(floats_are_taken_as_they_are), T(patched_halves_are_widened),
                                       T(blocks_stay_where_they_are),   T(what_cannot_be),
                                       T(unused_entries_are_warned_of)};
    return cmocka_run_group_tests(tests, start, close_device);
}
