// test_gated.c: a UNet with gated layers: grounding tokens, what masks hide, gradients, refusals.
#include "tests/nodes/node_test.h"

#include "core/io/json.h"
#include "core/ops.h"
#include "core/tensor/tape.h"
#include "nodes/nets/checkpoint/model.h"
#include "nodes/nets/base/part_files.h"
#include "nodes/nets/unet/position_net.h"
#include "nodes/nets/base/source.h"

#define FOLDER "tests/golden/unet_gligen/gated_text_box/model"

enum { SIDE = 8, CONTEXT = 24, SLOTS = 3 };

static mw_unet *unet;
static mw_unet_model model; // of it, borrowed

static int start(void **state)
{
    (void)state;
    if (open_device(0))
        return -1;
    json_t *json = mw_json_load(c, FOLDER "/config.json");
    char *path = mw_part_weights(c, FOLDER, "diffusion_pytorch_model", NULL);
    mw_files *files = path ? mw_files_open(c, path) : NULL;
    mw_source *source = files ? mw_source_new(c, files, &mw_rule_unet) : NULL;
    if (source && mw_unet_config_read(c, json, "config.json", &model.config) == MW_OK)
        unet = mw_unet_new(c, &model.config, mw_source_weights(source), MW_F32);
    mw_source_release(source);
    mw_files_release(files);
    free(path);
    json_decref(json);
    if (unet)
        model = unet->model;
    return unet ? 0 : -1;
}

static int stop(void **state)
{
    mw_object_release(&unet->base);
    return close_device(state);
}

// Some numbers of about unit size.
static mw_tensor *numbers(int ndim, const int64_t *shape, int seed)
{
    int64_t n = 1;
    for (int i = 0; i < ndim; i++)
        n *= shape[i];
    float *v = malloc((size_t)n * sizeof *v);
    for (int64_t i = 0; i < n; i++)
        v[i] = (float)sin(1.7 * (double)(i + 1) * (seed + 1) + seed);
    mw_tensor *t = mw_tensor_from_f32(c, MW_F32, ndim, shape, v);
    free(v);
    return t;
}

// Of one picture; used: how many slots hold a box.
static mw_tensor *tokens(const double box[4 * SLOTS], int used, int phrase_seed)
{
    double mask[SLOTS];
    for (int i = 0; i < SLOTS; i++)
        mask[i] = i < used;
    mw_grounding grounding = {1, SLOTS, box, mask, numbers(MW_SHAPE(1, SLOTS, CONTEXT), phrase_seed)};
    return mw_position_net(c, &model, &grounding);
}

static const double boxes[4 * SLOTS] = {.1, .2, .5, .6, .3, .3, .9, .8, 0, 0, 1, 1};

static mw_tensor *output(mw_tensor *latents, mw_tensor *objs)
{
    mw_unet_in in = {.latents = latents, .t = (double[]){500}, .objs = objs};
    in.text = numbers(MW_SHAPE(1, 5, CONTEXT), 2);
    return mw_unet_forward(c, &model, &in);
}

// Two texts for each of two pictures: as the four one by one. So classifier-free guidance asks.
static void several_texts_for_a_picture(void **state)
{
    (void)state;
    mw_tensor *z = numbers(MW_SHAPE(2, 4, SIDE, SIDE), 0), *text = numbers(MW_SHAPE(4, 5, CONTEXT), 2);
    mw_tensor *parts[4] = {tokens(boxes, 2, 1), tokens(boxes, 1, 1), tokens(boxes, 0, 1),
                           tokens(boxes, 2, 3)};
    for (int grounded = 0; grounded < 2; grounded++) {
        mw_unet_in in = {.latents = z, .t = (double[]){500, 300}, .text = text};
        in.objs = grounded ? mw_concat(c, 4, parts, 0) : NULL;
        mw_tensor *all = mw_unet_forward(c, &model, &in);
        assert_int_equal(mw_dim(all, 0), 4);
        for (int i = 0; i < 4; i++) {
            mw_unet_in one = {.latents = mw_slice(c, z, 0, i % 2, 1), .t = &in.t[i % 2]};
            one.text = mw_slice(c, text, 0, i, 1);
            one.objs = grounded ? parts[i] : NULL;
            assert_true(difference(mw_slice(c, all, 0, i, 1), mw_unet_forward(c, &model, &one)) < 1e-5);
        }
    }
}

static void unused_slots_are_all_alike(void **state)
{
    (void)state;
    const double other[4 * SLOTS] = {.1, .2, .5, .6, .3, .3, .4, .4, .5, .5, .7, .7};
    mw_tensor *two = tokens(boxes, 2, 1), *one = tokens(boxes, 1, 1), *none = tokens(boxes, 0, 1);
    assert_shape(two, "[1,3,24] f32");
    assert_true(difference(tokens(other, 1, 1), one) == 0);
    assert_true(difference(tokens(other, 0, 7), none) == 0);
    assert_true(difference(mw_slice(c, none, 1, 0, 1), mw_slice(c, none, 1, 2, 1)) == 0);
    assert_true(difference(mw_slice(c, one, 1, 0, 1), mw_slice(c, two, 1, 0, 1)) < 1e-6);
    assert_above(difference(two, one), 1e-3);
    assert_above(difference(tokens(other, 2, 1), two), 1e-4);
}

static void tokens_matter_and_their_order_does_not(void **state)
{
    (void)state;
    mw_tensor *z = numbers(MW_SHAPE(1, 4, SIDE, SIDE), 0), *objs = tokens(boxes, 2, 1);
    mw_tensor *plain = output(z, NULL), *with = output(z, objs);
    mw_tensor *turned[3];
    for (int i = 0; i < SLOTS; i++)
        turned[i] = mw_slice(c, objs, 1, (i + 1) % SLOTS, 1);
    assert_above(difference(with, plain), 1e-2);
    assert_above(difference(output(z, tokens(boxes, 0, 1)), with), 1e-3);
    assert_below(difference(output(z, mw_concat(c, SLOTS, turned, 1)), with), 1e-4);
}

// The gradient of sum(weights * output) with respect to latents and tokens.
static void gradients(bool recompute, mw_tensor *wrt[2], mw_tensor *weights, mw_tensor *grad[2])
{
    assert_int_equal(mw_tape_begin(c, recompute), MW_OK);
    mw_watch(c, wrt[0]);
    mw_watch(c, wrt[1]);
    mw_tensor *y = output(wrt[0], wrt[1]);
    assert_int_equal(mw_backward(c, 1, &y, &weights, 2, wrt, grad), MW_OK);
    mw_tape_end(c);
}

static double weighted(mw_tensor *z, mw_tensor *objs, mw_tensor *weights)
{
    float *y = values_of(output(z, objs)), *w = values_of(weights);
    double sum = 0;
    for (int i = 0; i < 4 * SIDE * SIDE; i++)
        sum += (double)y[i] * (double)w[i];
    free(y);
    free(w);
    return sum;
}

static void gradients_pass_the_gates(void **state)
{
    (void)state;
    mw_tensor *wrt[2] = {numbers(MW_SHAPE(1, 4, SIDE, SIDE), 0), tokens(boxes, 2, 1)};
    mw_tensor *weights = numbers(MW_SHAPE(1, 4, SIDE, SIDE), 3), *kept[2], *again[2];
    gradients(false, wrt, weights, kept);
    gradients(true, wrt, weights, again);
    for (int i = 0; i < 2; i++)
        assert_below(difference(kept[i], again[i]), 1e-5);
    // Along the gradient of the tokens the sum rises by its squared length.
    const double step = 1e-3;
    float *v = values_of(kept[1]);
    double squares = 0;
    for (int64_t i = 0; i < mw_numel(kept[1]); i++)
        squares += (double)v[i] * (double)v[i];
    free(v);
    assert_above(squares, 1e-3);
    double h = step / sqrt(squares);
    mw_tensor *terms[2] = {wrt[1], kept[1]};
    double up = weighted(wrt[0], mw_lincomb(c, 2, terms, (double[]){1, h}), weights);
    double down = weighted(wrt[0], mw_lincomb(c, 2, terms, (double[]){1, -h}), weights);
    assert_near((up - down) / (2 * h * squares), 1, 0.02);
}

static void assert_refused(const mw_tensor *t, mw_status status, const char *with)
{
    assert_null(t);
    if (mw_err(c) != status || !strstr(mw_errmsg(c), with))
        fail_msg("expected '%s', got '%s'", with, mw_errmsg(c));
    mw_err_clear(c);
}

// ---- the nodes

static mw_value *rect(double x, double y, double w, double h) { return LIST(num(x), num(y), num(w), num(h)); }

static mw_tensor *phrases(int n)
{
    return mw_reshape(c, numbers(MW_SHAPE(1, n, CONTEXT), 1), MW_SHAPE(n, CONTEXT));
}

static int grounding_of(mw_value *list, mw_tensor *rows)
{
    return ADD("grounding", {"model", object(unet)}, {"boxes", list}, {"phrases", wrap(rows)},
               {"canvas", LIST(num(100), num(100))});
}

static void a_node_makes_the_tokens(void **state)
{
    (void)state;
    int node = grounding_of(LIST(rect(10, 20, 40, 40), rect(30, 30, 60, 50)), phrases(2));
    assert_shape(tensor_of(node, 1), "[1,30,24] f32");
    assert_below(
        difference(mw_slice(c, tensor_of(node, 1), 1, 0, 2), mw_slice(c, tokens(boxes, 2, 1), 1, 0, 2)),
        1e-5);
    assert_below(
        difference(mw_slice(c, tensor_of(node, 1), 1, 2, 28), mw_slice(c, tensor_of(node, 2), 1, 2, 28)),
        1e-6);
    mw_value *many = mw_value_list(c);
    for (int i = 0; i < 31; i++)
        mw_value_push(c, many, rect(i, i, 10, 10));
    assert_shape(tensor_of(grounding_of(many, phrases(31)), 1), "[1,30,24] f32");
    assert_non_null(strstr(warnings, "31 boxes: the model takes the first 30"));
}

static void predictions_take_them(void **state)
{
    (void)state;
    mw_tensor *z = numbers(MW_SHAPE(1, 4, SIDE, SIDE), 0), *words = numbers(MW_SHAPE(1, 5, CONTEXT), 2);
    int grounding = grounding_of(LIST(rect(10, 20, 40, 40)), phrases(1));
    int with = ADD("unet", {"model", object(unet)}, {"latents", wrap(z)}, {"embedding", wrap(words)},
                   {"t", num(500)}, {"cfg", num(1)}, {"grounding", out_of(grounding, 0)});
    int both =
        ADD("unet", {"model", object(unet)}, {"latents", wrap(z)}, {"embedding", wrap(words)},
            {"negative", wrap(words)}, {"t", num(500)}, {"cfg", num(0)}, {"grounding", out_of(grounding, 0)});
    assert_below(difference(tensor_of(with, 0), output(z, tensor_of(grounding, 1))), 1e-4);
    assert_below(difference(tensor_of(both, 0), output(z, tensor_of(grounding, 2))),
                 1e-4); // the negative half
    assert_above(difference(tensor_of(with, 0), tensor_of(both, 0)), 1e-3);
}

static void nodes_refuse_what_is_wrong(void **state)
{
    (void)state;
    assert_fails(grounding_of(LIST(rect(1, 1, 9, 9), rect(1, 1, -9, 9)), phrases(2)), MW_E_ARG, "entry 2");
    assert_fails(grounding_of(LIST(rect(1, 1, 9, 9), num(1)), phrases(2)), MW_E_ARG, "entry 2");
    assert_fails(grounding_of(LIST(rect(1, 1, NAN, 9)), phrases(1)), MW_E_ARG, "entry 1");
    assert_fails(grounding_of(LIST(rect(1, 1, 9, 9)), phrases(2)), MW_E_SHAPE,
                 "one for each box, got [2,24] f32");
    assert_fails(grounding_of(LIST(rect(1, 1, 9, 9)), numbers(MW_SHAPE(1, 7), 0)), MW_E_SHAPE, "[1,30,24]");
    mw_tensor *z = numbers(MW_SHAPE(1, 4, SIDE, SIDE), 0), *words = numbers(MW_SHAPE(1, 5, CONTEXT), 2);
    int odd = ADD("unet", {"model", object(unet)}, {"latents", wrap(z)}, {"embedding", wrap(words)},
                  {"t", num(500)}, {"cfg", num(1)}, {"grounding", LIST(num(1))});
    assert_fails(odd, MW_E_ARG, "must be what the node grounding gives");
}

static void what_does_not_fit_is_refused(void **state)
{
    (void)state;
    mw_tensor *z = numbers(MW_SHAPE(1, 4, SIDE, SIDE), 0);
    assert_refused(output(z, numbers(MW_SHAPE(1, SLOTS, 7), 0)), MW_E_SHAPE,
                   "grounding tokens must be [1,n,24], got [1,3,7] f32");
    assert_refused(output(z, numbers(MW_SHAPE(2, SLOTS, CONTEXT), 0)), MW_E_SHAPE, "[1,n,24]");
    mw_grounding narrow = {1, SLOTS, boxes, boxes, numbers(MW_SHAPE(1, SLOTS, 12), 0)};
    assert_refused(mw_position_net(c, &model, &narrow), MW_E_SHAPE, "must be [1,3,24], got [1,3,12] f32");
    mw_unet_model plain = model;
    plain.config.gated = false;
    mw_unet_in in = {.latents = z, .t = (double[]){1}, .text = numbers(MW_SHAPE(1, 5, CONTEXT), 2)};
    in.objs = numbers(MW_SHAPE(1, SLOTS, CONTEXT), 0);
    mw_unet_in three = {.latents = numbers(MW_SHAPE(2, 4, SIDE, SIDE), 0),
                        .t = (double[]){500, 300},
                        .text = numbers(MW_SHAPE(3, 5, CONTEXT), 2)};
    assert_refused(mw_unet_forward(c, &model, &three), MW_E_SHAPE,
                   "the embedding must be [2,L,24], got [3,5,24]");
    assert_refused(mw_unet_forward(c, &plain, &in), MW_E_ARG, "no gated layers");
    mw_grounding fits = {1, SLOTS, boxes, boxes, in.objs};
    assert_refused(mw_position_net(c, &plain, &fits), MW_E_ARG, "no gated layers");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(several_texts_for_a_picture, begin, end),
        cmocka_unit_test_setup_teardown(unused_slots_are_all_alike, begin, end),
        cmocka_unit_test_setup_teardown(tokens_matter_and_their_order_does_not, begin, end),
        cmocka_unit_test_setup_teardown(gradients_pass_the_gates, begin, end),
        cmocka_unit_test_setup_teardown(a_node_makes_the_tokens, begin, end),
        cmocka_unit_test_setup_teardown(predictions_take_them, begin, end),
        cmocka_unit_test_setup_teardown(nodes_refuse_what_is_wrong, begin, end),
        cmocka_unit_test_setup_teardown(what_does_not_fit_is_refused, begin, end),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
