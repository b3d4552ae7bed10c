// test_vae_memory.c: decoding falls back to tiles where memory does not suffice for the whole picture.
#include "tests/nodes/node_test.h"

#include "nodes/nets/checkpoint/checkpoint.h"

static mw_checkpoint *model;

static int start(void **state)
{
    (void)state;
    mw_checkpoint_options o = {.path = "tests/golden/pipeline/txt2img/model", .dtype = MW_F32};
    if (open_device((uint64_t)40 << 20))
        return -1;
    model = mw_checkpoint_open(c, &o);
    return model ? 0 : -1;
}

static int stop(void **state)
{
    mw_object_release(&model->base);
    return close_device(state);
}

static void tiles_where_the_whole_does_not_fit(void **state)
{
    (void)state;
    int z = ADD("noise", {"width", num(704)}, {"height", num(512)});
    int whole =
        ADD("vae_decode", {"model", object(model->vae)}, {"latents", out_of(z, 0)}, {"tile", text("none")});
    int small =
        ADD("vae_decode", {"model", object(model->vae)}, {"latents", out_of(z, 0)}, {"tile", num(64)});
    int chosen = ADD("vae_decode", {"model", object(model->vae)}, {"latents", out_of(z, 0)});
    assert_fails(whole, MW_E_MEMORY, "");
    assert_string_equal(warnings, "");
    assert_shape(tensor_of(chosen, 0), "[512,704,3] f32");
    assert_non_null(strstr(warnings, "done in tiles of 64 pixels"));
    assert_below(difference(tensor_of(chosen, 0), tensor_of(small, 0)), 1e-6);
}

static void a_picture_in_tiles(void **state)
{
    (void)state;
    int z = ADD("noise", {"width", num(704)}, {"height", num(512)});
    int image =
        ADD("vae_decode", {"model", object(model->vae)}, {"latents", out_of(z, 0)}, {"tile", num(64)});
    int small =
        ADD("vae_encode", {"model", object(model->vae)}, {"image", out_of(image, 0)}, {"tile", num(64)});
    int chosen = ADD("vae_encode", {"model", object(model->vae)}, {"image", out_of(image, 0)});
    assert_shape(tensor_of(chosen, 0), "[1,4,64,88] f32");
    assert_non_null(strstr(warnings, "done in tiles of 64 pixels"));
    assert_below(difference(tensor_of(chosen, 0), tensor_of(small, 0)), 1e-6);
    // Where no other tile reaches, latents are those of encoding the tile's pixels alone.
    mw_tensor *cut = mw_slice(c, mw_slice(c, tensor_of(image, 0), 0, 0, 64), 1, 0, 64);
    int alone = ADD("vae_encode", {"model", object(model->vae)}, {"image", wrap(cut)});
    mw_tensor *corner = mw_slice(c, mw_slice(c, tensor_of(small, 0), 2, 0, 6), 3, 0, 6);
    assert_below(difference(corner, mw_slice(c, mw_slice(c, tensor_of(alone, 0), 2, 0, 6), 3, 0, 6)), 1e-6);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(tiles_where_the_whole_does_not_fit, begin, end),
        cmocka_unit_test_setup_teardown(a_picture_in_tiles, begin, end),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
