// test_sam_masks.c: attention_mask, box_mask and sam_refine wired one after the other: against the reference
// case's masks; and what comes where the network or the attention shows nothing.
#include "tests/nodes/node_test.h"

#include "core/base/file.h"
#include "core/base/pathname.h"
#include "core/io/json.h"
#include "core/io/safetensors.h"

#include <unistd.h>

#define CASE "tests/golden/lmd/sam_refine"
#define FOLDER "tests/golden/lmd/models/sam"

static int start(void **state)
{
    (void)state;
    return open_device((uint64_t)256 << 20);
}

// ---- the reference case by nodes

static mw_st *inputs, *expected;

static mw_tensor *entry(const mw_st *s, const char *name, float factor)
{
    const mw_st_entry *e = mw_st_find(s, name);
    assert_non_null(e);
    float *v = malloc((size_t)e->count * sizeof *v);
    assert_int_equal(mw_st_read_f32(c, e, v), MW_OK);
    for (int64_t i = 0; i < e->count; i++)
        v[i] *= factor;
    mw_tensor *t = mw_tensor_from_f32(c, MW_F32, e->ndim, e->shape, v);
    free(v);
    return t;
}

static double number(const json_t *v, const char *key) { return json_number_value(json_object_get(v, key)); }

static void same_numbers(const mw_value *got, const json_t *want)
{
    assert_int_equal(mw_value_count(got), json_array_size(want));
    for (size_t i = 0; i < mw_value_count(got); i++)
        assert_near(mw_value_as_number(mw_value_at(got, i)), json_number_value(json_array_get(want, i)), 0);
}

// { x0, y0, x1, y1 } as { x, y, width, height }.
static json_t *sides(const json_t *p)
{
    double v[4];
    for (size_t i = 0; i < 4; i++)
        v[i] = json_number_value(json_array_get(p, i));
    return json_pack("[ffff]", v[0], v[1], v[2] - v[0], v[3] - v[1]);
}

static int by_attention(const json_t *v, int model, const char *name)
{
    bool boxed = json_is_true(json_object_get(v, "use_box_input"));
    char input[64];
    snprintf(input, sizeof input, "attn/%s", name);
    mw_tensor *map = entry(inputs, input, 1);
    mw_tensor *maps = mw_reshape(c, map, MW_SHAPE(1, 1, mw_numel(map), 1));
    int mask = ADD("attention_mask", {"maps", wrap(maps)}, {"token", num(0)},
                   {"sigma", num(number(v, "gaussian_sigma"))},
                   {"threshold", num(number(v, boxed ? "mask_th_for_box" : "mask_th_for_point"))},
                   {"erode_dilate", num(boxed ? number(v, "n_erode_dilate") : 0)},
                   {"canvas", LIST(num(256), num(256))}, {"mode", text("faithful")});
    json_t *prompt = json_object_get(v, "prompt"), *box = sides(prompt);
    same_numbers(result(mask, boxed ? 4 : 3), boxed ? box : json_array_get(prompt, 0));
    json_decref(box);
    return ADD("sam_refine", {"model", out_of(model, 0)}, {"image", wrap(entry(inputs, "image", 1.0f / 255))},
               {boxed ? "box" : "point", out_of(mask, boxed ? 4 : 3)}, {"mask", out_of(mask, 1)},
               {"min_confidence", num(number(v, "min_confidence"))}, {"min_iou", num(number(v, "min_iou"))});
}

static int by_box(const json_t *v, int model)
{
    double b[4];
    for (size_t i = 0; i < 4; i++)
        b[i] = json_number_value(json_array_get(json_object_get(v, "box"), i));
    mw_value *box = LIST(num(b[0]), num(b[1]), num(b[2] - b[0]), num(b[3] - b[1]));
    int mask = ADD("box_mask", {"box", box}, {"canvas", LIST(num(1), num(1))},
                   {"like", wrap(mw_tensor_new(c, MW_F32, MW_SHAPE(1, 4, 32, 32)))});
    json_t *pixels = sides(json_object_get(v, "prompt"));
    same_numbers(result(mask, 1), pixels);
    json_decref(pixels);
    return ADD("sam_refine", {"model", out_of(model, 0)}, {"image", wrap(entry(inputs, "image", 1.0f / 255))},
               {"box", out_of(mask, 1)}, {"mask", out_of(mask, 0)},
               {"min_confidence", num(number(v, "min_confidence"))}, {"min_iou", num(number(v, "min_iou"))});
}

static void nodes_give_the_reference_masks(void **state)
{
    (void)state;
    json_t *json = mw_json_load(c, CASE "/case.json"), *v;
    size_t i;
    inputs = mw_st_open(c, CASE "/inputs.safetensors");
    expected = mw_st_open(c, CASE "/expected.safetensors");
    assert_true(json && inputs && expected);
    int model = ADD("sam", {"path", text(FOLDER)}, {"dtype", text("f32")});
    json_t *variants = json_object_get(json_object_get(json, "params"), "variants");
    assert_true(json_array_size(variants) > 0);
    json_array_foreach(variants, i, v)
    {
        const char *name = json_string_value(json_object_get(v, "name"));
        bool attention = json_string_value(json_object_get(v, "route"))[0] == 'a';
        int mask = attention ? by_attention(v, model, name) : by_box(v, model);
        char want[64];
        snprintf(want, sizeof want, "mask/%s", name);
        assert_below(difference(tensor_of(mask, 0), entry(expected, want, 1)), 0);
        snprintf(want, sizeof want, "candidates/%s", name);
        assert_below(difference(tensor_of(mask, 3), entry(expected, want, 1)), 0);
    }
    mw_st_close(inputs);
    mw_st_close(expected);
    json_decref(json);
}

// ---- nothing there

static mw_value *level(int ndim, const int64_t *shape, float height)
{
    static float v[1 << 15];
    for (size_t i = 0; i < sizeof v / sizeof *v; i++)
        v[i] = height;
    return wrap(mw_tensor_from_f32(c, MW_F32, ndim, shape, v));
}

static mw_value *grey(int h, int w) { return level(MW_SHAPE(h, w, 3), 0.5f); }

static mw_value *stripes(int h, int w, int every)
{
    float v[256];
    for (int i = 0; i < h * w; i++)
        v[i] = i % every == 0;
    return wrap(mw_tensor_from_f32(c, MW_F32, MW_SHAPE(h, w), v));
}

// The tiny network with a last layer of zeros: its logits are all 0, so that no pixel is in a mask.
static char *blind_network(const char *folder)
{
    static const char *const copied[] = {"config.json", "preprocessor_config.json"};
    mw_st *s = mw_st_open(c, FOLDER "/model.safetensors");
    mw_st_out out[1024];
    static const char zeros[1 << 16];
    size_t n = 0;
    for (const mw_st_entry *e; (e = mw_st_at(s, n)) && n < 1024; n++) {
        bool last = strstr(e->name, "output_hypernetworks_mlps") && strstr(e->name, "proj_out");
        assert_true(e->bytes <= sizeof zeros || !last);
        out[n] = (mw_st_out){e->name, e->dtype, e->ndim, e->shape, last ? (const void *)zeros : e->data};
    }
    char *path = mw_path_join(c, folder, "model.safetensors");
    assert_int_equal(mw_st_write(c, path, out, n, (const char *const[]){"format", "pt", NULL}), MW_OK);
    free(path);
    mw_st_close(s);
    for (size_t i = 0; i < 2; i++) {
        size_t size;
        char *from = mw_path_join(c, FOLDER, copied[i]), *to = mw_path_join(c, folder, copied[i]);
        char *data = mw_file_read(c, from, 1 << 20, &size);
        mw_file_write(c, to, data, size);
        free(data);
        free(from);
        free(to);
    }
    return mw_strdup(c, folder);
}

static void remove_network(const char *folder)
{
    static const char *const names[] = {"model.safetensors", "config.json", "preprocessor_config.json"};
    for (size_t i = 0; i < 3; i++) {
        char *path = mw_path_join(c, folder, names[i]);
        unlink(path);
        free(path);
    }
    rmdir(folder);
}

static void an_empty_mask_takes_the_other(void **state)
{
    (void)state;
    char made[] = "/tmp/moonweave_sam_XXXXXX";
    assert_non_null(mkdtemp(made));
    char *folder = blind_network(made);
    int model = ADD("sam", {"path", text(folder)}, {"dtype", text("f32")});
    mw_value *other = stripes(8, 12, 3);
    mw_value_retain(other);
    int found = ADD("sam_refine", {"model", out_of(model, 0)}, {"image", grey(64, 96)},
                    {"point", LIST(num(30), num(30))});
    int taken = ADD("sam_refine", {"model", out_of(model, 0)}, {"image", grey(64, 96)},
                    {"point", LIST(num(30), num(30))}, {"otherwise", other});
    float *v = values_of(tensor_of(found, 0)), sum = 0;
    for (int i = 0; i < 96; i++)
        sum += v[i];
    free(v);
    assert_true(sum == 0);
    assert_string_equal(warnings, "");
    assert_below(difference(tensor_of(taken, 0), mw_value_as_tensor(other)), 0);
    assert_non_null(strstr(warnings, "sam_refine: the network finds nothing there; 'otherwise' is taken"));
    mw_value_release(other);
    remove_network(folder);
    free(folder);
}

static void nothing_to_point_at_takes_the_other(void **state)
{
    (void)state;
    int model = ADD("sam", {"path", text(FOLDER)}, {"dtype", text("f32")});
    mw_value *flat = level(MW_SHAPE(1, 2, 16, 3), 0.25f);
    int mask = ADD("attention_mask", {"maps", flat}, {"token", num(1)},
                   {"box", LIST(num(0), num(0), num(256), num(256))}, {"width", num(8)}, {"height", num(8)});
    assert_int_equal(mw_value_kind(result(mask, 3)), MW_NIL); // no cell is brighter than another
    assert_int_equal(mw_value_kind(result(mask, 4)), MW_NIL);
    warnings[0] = 0;
    for (int out = 3; out <= 4; out++) {
        int taken = ADD("sam_refine", {"model", out_of(model, 0)}, {"image", grey(64, 64)},
                        {out == 3 ? "point" : "box", out_of(mask, out)}, {"mask", out_of(mask, 1)},
                        {"otherwise", out_of(mask, 0)});
        assert_below(difference(tensor_of(taken, 0), tensor_of(mask, 0)), 0);
        assert_near(mw_value_as_number(result(taken, 1)), 0, 0);
        assert_int_equal(mw_value_kind(result(taken, 3)), MW_NIL);
        assert_non_null(strstr(warnings, "sam_refine: 'mask' is empty: it points at nothing"));
        warnings[0] = 0;
    }
    assert_fails(ADD("sam_refine", {"model", out_of(model, 0)}, {"image", grey(64, 64)},
                     {"point", LIST(num(1), num(1))}, {"otherwise", stripes(4, 8, 2)}),
                 MW_E_SHAPE, "'otherwise' must be as the result, [8,8], got [4,8]");
}

static void the_point_is_in_the_middle_of_its_cell(void **state)
{
    (void)state;
    float v[16] = {[6] = 1};
    mw_tensor *maps = mw_tensor_from_f32(c, MW_F32, MW_SHAPE(1, 1, 16, 1), v);
    int strict = ADD("attention_mask", {"maps", wrap(maps)}, {"token", num(0)}, {"sigma", num(0)});
    int faithful = ADD("attention_mask", {"maps", wrap(maps)}, {"token", num(0)}, {"sigma", num(0)},
                       {"mode", text("faithful")});
    json_t *middle = json_pack("[ff]", 320.0, 192.0), *corner = json_pack("[ff]", 256.0, 128.0);
    same_numbers(result(strict, 3), middle);
    same_numbers(result(faithful, 3), corner);
    json_decref(middle);
    json_decref(corner);
}

#define T(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(nodes_give_the_reference_masks),
        T(an_empty_mask_takes_the_other),
        T(nothing_to_point_at_takes_the_other),
        T(the_point_is_in_the_middle_of_its_cell),
    };
    return cmocka_run_group_tests(tests, start, close_device);
}
