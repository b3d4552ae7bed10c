// model.c: the handles of a checkpoint's parts that travel on wires.
#include "nodes/nets/checkpoint/model.h"

#include "nodes/nets/clip/clip_tokenizer.h"

#include <stdlib.h>

static void unet_free(mw_object *o)
{
    mw_weights_free(((mw_unet *)o)->model.weights);
    free(o);
}

static void vae_free(mw_object *o)
{
    mw_weights_free(((mw_vae *)o)->model.weights);
    free(o);
}

static void tokenizer_free(mw_object *o)
{
    mw_clip_tokenizer_free(((mw_tokenizer *)o)->tokenizer);
    free(o);
}

static void text_encoder_free(mw_object *o)
{
    mw_text_encoder *t = (mw_text_encoder *)o;
    for (int i = 0; i < t->n; i++) {
        mw_weights_free(t->encoder[i].weights);
        if (t->tokenizer[i])
            mw_object_release(&t->tokenizer[i]->base);
    }
    free(o);
}

static size_t unet_bytes(const mw_object *o, const struct mw_stream *s)
{
    return mw_weights_held(((const mw_unet *)o)->model.weights, s);
}

static size_t vae_bytes(const mw_object *o, const struct mw_stream *s)
{
    return mw_weights_held(((const mw_vae *)o)->model.weights, s);
}

static size_t text_encoder_bytes(const mw_object *o, const struct mw_stream *s)
{
    const mw_text_encoder *t = (const mw_text_encoder *)o;
    size_t bytes = 0;
    for (int i = 0; i < t->n; i++)
        bytes += mw_weights_held(t->encoder[i].weights, s);
    return bytes;
}

static unsigned long unet_revision(const mw_object *o)
{
    return mw_weights_revision(((const mw_unet *)o)->model.weights);
}

static unsigned long vae_revision(const mw_object *o)
{
    return mw_weights_revision(((const mw_vae *)o)->model.weights);
}

static unsigned long text_encoder_revision(const mw_object *o)
{
    const mw_text_encoder *t = (const mw_text_encoder *)o;
    unsigned long last = 0;
    for (int i = 0; i < t->n; i++) {
        unsigned long one = mw_weights_revision(t->encoder[i].weights);
        last = one > last ? one : last;
    }
    return last;
}

static const mw_object_type unet_type = {
    .name = "unet", .free = unet_free, .bytes = unet_bytes, .revision = unet_revision};
static const mw_object_type vae_type = {
    .name = "vae", .free = vae_free, .bytes = vae_bytes, .revision = vae_revision};
static const mw_object_type tokenizer_type = {.name = "tokenizer", .free = tokenizer_free};
static const mw_object_type text_encoder_type = {
    .name = "text_encoder",
    .free = text_encoder_free,
    .bytes = text_encoder_bytes,
    .revision = text_encoder_revision,
};

// A fresh object of `size` bytes whose first member is the base.
static void *make(mw_ctx *c, size_t size, const mw_object_type *type)
{
    mw_object *o = mw_alloc(c, size);
    if (o) {
        o->type = type;
        atomic_init(&o->refs, 1);
    }
    return o;
}

// The object, or NULL after giving it back when something failed.
static void *checked(mw_ctx *c, mw_object *o)
{
    if (mw_err(c) == MW_OK)
        return o;
    if (o)
        mw_object_release(o);
    return NULL;
}

mw_unet *mw_unet_new(mw_ctx *c, const mw_unet_config *config, mw_weight_source source, mw_dtype dtype)
{
    mw_weights *w = mw_weights_new(c, source, "unet", dtype);
    mw_unet *u = make(c, sizeof *u, &unet_type);
    if (!u) {
        mw_weights_free(w);
        return NULL;
    }
    u->model = (mw_unet_model){.config = *config, .weights = w};
    if (w)
        mw_unet_load(c, &u->model);
    return checked(c, &u->base);
}

mw_vae *mw_vae_new(mw_ctx *c, const mw_vae_config *config, mw_weight_source source, mw_dtype dtype)
{
    mw_weights *w = mw_weights_new(c, source, "vae", dtype);
    mw_vae *v = make(c, sizeof *v, &vae_type);
    if (!v) {
        mw_weights_free(w);
        return NULL;
    }
    v->model = (mw_vae_model){.config = *config, .weights = w};
    if (w)
        mw_vae_load(c, &v->model);
    return checked(c, &v->base);
}

mw_text_encoder *mw_text_encoder_new(mw_ctx *c, int n, const mw_clip_text_config *configs,
                                     mw_weight_source *sources, mw_tokenizer *const *tokenizers,
                                     mw_dtype dtype)
{
    static const char *const labels[] = {"text_encoder", "text_encoder_2"};
    mw_text_encoder *t = make(c, sizeof *t, &text_encoder_type);
    for (int i = 0; i < n; i++) { // each source is taken over, also after a failure
        mw_weights *w = mw_weights_new(c, sources[i], labels[i], dtype);
        if (!t) {
            mw_weights_free(w);
            continue;
        }
        t->encoder[i] = (mw_clip_text){.config = configs[i], .weights = w};
        t->tokenizer[i] = tokenizers[i];
        mw_object_retain(&tokenizers[i]->base);
        t->n = i + 1;
        if (w)
            mw_clip_text_load(c, &t->encoder[i]);
    }
    if (t)
        t->penultimate = n > 1;
    return t ? checked(c, &t->base) : NULL;
}

mw_tokenizer *mw_tokenizer_new(mw_ctx *c, struct mw_clip_tokenizer *tokenizer)
{
    mw_tokenizer *t = make(c, sizeof *t, &tokenizer_type);
    if (!t)
        mw_clip_tokenizer_free(tokenizer);
    else
        t->tokenizer = tokenizer;
    return t;
}
