// image_prep.c: how a vision network wants its pictures: resized, scaled, normalised, padded.
#include "nodes/nets/pictures/image_prep.h"
#include "core/ops.h"

#include <stdlib.h>

enum { MAX_SIDE = 1 << 14 };

// ---- the file

static int side_of(mw_config *cfg, const char *key, const json_t *v)
{
    json_int_t n = json_integer_value(v);
    if (json_is_integer(v) && n >= 1 && n <= MAX_SIDE)
        return (int)n;
    mw_config_fail(cfg, key, "sides must be whole numbers from 1 to %d", MAX_SIDE);
    return 1;
}

// { height, width }, [height, width] or one number for both.
static void read_size(mw_config *cfg, const char *key, int *width, int *height)
{
    const json_t *v = mw_config_raw(cfg, key);
    if (!v)
        return;
    const json_t *w = v, *h = v;
    if (json_is_object(v)) {
        w = json_object_get(v, "width");
        h = json_object_get(v, "height");
    } else if (json_is_array(v)) {
        h = json_array_get(v, 0);
        w = json_array_get(v, 1);
    }
    *width = side_of(cfg, key, w);
    *height = side_of(cfg, key, h);
}

static void read_filter(mw_config *cfg, mw_image_prep *p)
{
    // Pillow's numbers; 0 (nearest) and 5 (Hamming) are used by no such network.
    static const mw_resize_filter filters[] = {
        [1] = MW_RESIZE_LANCZOS, [2] = MW_RESIZE_BILINEAR, [3] = MW_RESIZE_BICUBIC, [4] = MW_RESIZE_BOX};
    if (mw_config_raw(cfg, "resample"))
        p->filter = filters[mw_config_need_int(cfg, "resample", 1, 4)];
}

static void read_three(mw_config *cfg, const char *key, bool positive, double out[3])
{
    const json_t *v = mw_config_raw(cfg, key);
    if (!v)
        return;
    for (size_t i = 0; i < 3; i++) {
        const json_t *x = json_array_get(v, i);
        if (json_array_size(v) != 3 || !json_is_number(x) || (positive && json_number_value(x) <= 0))
            mw_config_fail(cfg, key, "must be a list of three %snumbers", positive ? "positive " : "");
        out[i] = json_number_value(x);
    }
}

mw_status mw_image_prep_read(mw_ctx *c, const json_t *json, const char *file, mw_image_prep *p)
{
    mw_config cfg;
    static const char *const told[] = {"processor_class",
                                       "image_processor_type",
                                       "feature_extractor_type",
                                       "_processor_class",
                                       "mask_size",
                                       "mask_pad_size",
                                       "crop_size",
                                       "rescale",
                                       "do_convert_rgb",
                                       "default_to_square",
                                       "data_format",
                                       "input_data_format",
                                       "return_tensors",
                                       "disable_grouping",
                                       "device"};
    if (mw_config_begin(c, &cfg, json, file) != MW_OK)
        return mw_err(c);
    for (size_t i = 0; i < sizeof told / sizeof *told; i++)
        mw_config_raw(&cfg, told[i]); // no number of ours comes from these
    mw_config_only(&cfg, "do_center_crop", "false", "cropping");
    mw_config_only(&cfg, "do_flip_channel_order", "false", NULL);
    p->resize = mw_config_bool(&cfg, "do_resize", p->resize);
    p->rescale = mw_config_bool(&cfg, "do_rescale", p->rescale);
    p->normalize = mw_config_bool(&cfg, "do_normalize", p->normalize);
    p->factor = mw_config_number(&cfg, "rescale_factor", p->factor, 1e-9, 1e9);
    const json_t *longest = json_object_get(mw_config_raw(&cfg, "size"), "longest_edge");
    if (longest) {
        p->longest = side_of(&cfg, "size", longest);
    } else if (mw_config_raw(&cfg, "size")) {
        p->longest = 0;
        read_size(&cfg, "size", &p->width, &p->height);
    }
    read_filter(&cfg, p);
    read_three(&cfg, "image_mean", false, p->mean);
    read_three(&cfg, "image_std", true, p->deviation);
    read_size(&cfg, "pad_size", &p->pad_width, &p->pad_height);
    if (!mw_config_bool(&cfg, "do_pad", p->pad_width > 0))
        p->pad_width = p->pad_height = 0;
    return mw_config_done(&cfg);
}

// ---- pictures

static int scaled_side(int side, int longest, int other)
{
    int most = side > other ? side : other;
    int n = (int)(side * ((double)longest / most) + 0.5);
    return n > 0 ? n : 1;
}

static mw_image_geometry geometry_of(const mw_image_prep *p, const mw_image *image)
{
    mw_image_geometry g = {image->width, image->height, image->width, image->height, 0, 0};
    if (p->resize && p->longest) {
        g.new_width = scaled_side(g.width, p->longest, g.height);
        g.new_height = scaled_side(g.height, p->longest, g.width);
    } else if (p->resize) {
        g.new_width = p->width;
        g.new_height = p->height;
    }
    g.pad_width = p->pad_width ? p->pad_width : g.new_width;
    g.pad_height = p->pad_height ? p->pad_height : g.new_height;
    return g;
}

static void fill(const mw_image_prep *p, const mw_image_geometry *g, const uint8_t *rgb, float *out)
{
    double factor = p->rescale ? p->factor : 1;
    for (size_t y = 0; y < (size_t)g->new_height; y++)
        for (size_t x = 0; x < (size_t)g->new_width; x++)
            for (size_t ch = 0; ch < 3; ch++) {
                double v = rgb[(y * (size_t)g->new_width + x) * 3 + ch] * factor;
                if (p->normalize)
                    v = (v - p->mean[ch]) / p->deviation[ch];
                out[(y * (size_t)g->pad_width + x) * 3 + ch] = (float)v;
            }
}

mw_tensor *mw_image_prep_run(mw_ctx *c, const mw_image_prep *p, const mw_image *image, mw_image_geometry *g)
{
    *g = geometry_of(p, image);
    if (mw_err(c) == MW_OK && (g->new_width > g->pad_width || g->new_height > g->pad_height))
        mw_fail(c, MW_E_SHAPE, "a picture of %d x %d does not fit into the network's %d x %d", g->new_width,
                g->new_height, g->pad_width, g->pad_height);
    mw_image resized;
    mw_image_resize(c, image, g->new_width, g->new_height, p->filter, &resized);
    float *v = mw_alloc(c, (size_t)g->pad_width * (size_t)g->pad_height * 3 * sizeof *v);
    if (v && mw_err(c) == MW_OK)
        fill(p, g, resized.rgb, v);
    mw_tensor *t = v ? mw_tensor_from_f32(c, MW_F32, MW_SHAPE(1, g->pad_height, g->pad_width, 3), v) : NULL;
    free(v);
    mw_image_free(&resized);
    return t;
}
