// tokenizer_folder.c: what the other files of a model's folder say of its tokenizer.
#include "nodes/nets/llm/tokenizer_internal.h"

#include "core/base/file.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MAX_TEMPLATE ((size_t)1 << 20)

static char *path_in(mw_ctx *c, const char *folder, const char *name)
{
    return mw_format(c, "%s/%s", folder, name);
}

// NULL with nothing pending where there is no such file.
static json_t *load(mw_ctx *c, const char *folder, const char *name)
{
    char *path = path_in(c, folder, name);
    json_t *j = path && access(path, F_OK) == 0 ? mw_json_load(c, path) : NULL;
    free(path);
    return j;
}

// ---- added tokens

static void read_decoder(mw_ctx *c, mw_llm_tokenizer *t, const char *folder, const json_t *decoder)
{
    const char *key;
    json_t *o;
    json_object_foreach((json_t *)decoder, key, o)
    {
        char *end;
        long id = strtol(key, &end, 10);
        if (mw_err(c) || mw_llm_read_added_token(c, t, folder, o, *end ? -1 : id))
            return;
    }
}

static void read_map(mw_ctx *c, mw_llm_tokenizer *t, const char *folder, const json_t *map)
{
    const char *text;
    json_t *id;
    json_object_foreach((json_t *)map, text, id)
    {
        json_int_t at = json_is_integer(id) ? json_integer_value(id) : -1;
        if (at >= 0 && at < t->size && t->piece[at].type != MW_LLM_UNUSED)
            continue; // what was told of it already says more
        json_t *o = json_pack("{s:s}", "content", text);
        mw_llm_read_added_token(c, t, folder, o, at);
        json_decref(o);
        if (mw_err(c))
            return;
    }
}

mw_status mw_llm_read_added(mw_ctx *c, mw_llm_tokenizer *t, const char *folder)
{
    json_t *config = load(c, folder, "tokenizer_config.json"), *map = load(c, folder, "added_tokens.json");
    json_t *whole = t->words_inside ? load(c, folder, "tokenizer.json") : NULL; // else it was read
    if (mw_err(c) == MW_OK && whole)
        mw_llm_read_added_list(c, t, folder, json_object_get(whole, "added_tokens"));
    if (mw_err(c) == MW_OK)
        read_decoder(c, t, folder, json_object_get(config, "added_tokens_decoder"));
    if (mw_err(c) == MW_OK)
        read_map(c, t, folder, map);
    json_decref(config);
    json_decref(map);
    json_decref(whole);
    return mw_err(c);
}

// ---- begin, end, what is added to texts

static int32_t named_in(const mw_llm_tokenizer *t, const json_t *o, const char *key)
{
    const json_t *v = json_object_get(o, key);
    const char *name = json_string_value(json_is_object(v) ? json_object_get(v, "content") : v);
    return name ? mw_llm_token_named(t, name, strlen(name)) : -1;
}

static void read_names(mw_ctx *c, mw_llm_tokenizer *t, const json_t *o)
{
    int32_t begin = named_in(t, o, "bos_token"), end = named_in(t, o, "eos_token"),
            pad = named_in(t, o, "pad_token");
    t->pad = pad >= 0 ? pad : t->pad;
    t->begin = begin >= 0 ? begin : t->begin;
    t->end = end >= 0 ? end : t->end;
    mw_llm_add_end(c, t, end);
}

static void read_end_ids(mw_ctx *c, mw_llm_tokenizer *t, const json_t *o)
{
    const json_t *v = json_object_get(o, "eos_token_id"), *one;
    size_t i;
    json_array_foreach((json_t *)v, i, one) mw_llm_add_end(
        c, t,
        json_is_integer(one) && json_integer_value(one) < t->size ? (int32_t)json_integer_value(one) : -1);
    if (json_is_integer(v) && json_integer_value(v) < t->size)
        mw_llm_add_end(c, t, (int32_t)json_integer_value(v));
}

static void read_flags(mw_llm_tokenizer *t, const json_t *config)
{
    const json_t *begin = json_object_get(config, "add_bos_token"),
                 *end = json_object_get(config, "add_eos_token");
    if (json_is_false(json_object_get(config, "legacy")))
        t->one_space = true;
    if (t->kind == MW_LLM_BYTE_LEVEL) // there tokenizer.json alone decides
        return;
    t->add_begin = json_is_boolean(begin) ? json_is_true(begin) : t->add_begin;
    t->add_end = json_is_boolean(end) ? json_is_true(end) : t->add_end;
}

// ---- the chat template

static const char *template_in(const json_t *v)
{
    size_t i;
    const json_t *one;
    const char *found = json_string_value(v);
    json_array_foreach((json_t *)v, i, one)
    {
        const char *name = json_string_value(json_object_get(one, "name"));
        if (name && strcmp(name, "default") == 0)
            found = json_string_value(json_object_get(one, "template"));
    }
    return found;
}

static void read_template(mw_ctx *c, mw_llm_tokenizer *t, const char *folder, const json_t *config)
{
    char *path = path_in(c, folder, "chat_template.jinja");
    if (path && access(path, F_OK) == 0)
        t->chat_template = mw_file_read(c, path, MAX_TEMPLATE, NULL);
    free(path);
    json_t *own = t->chat_template ? NULL : load(c, folder, "chat_template.json");
    const char *text = template_in(json_object_get(own ? own : config, "chat_template"));
    if (!t->chat_template && text)
        t->chat_template = mw_strdup(c, text);
    json_decref(own);
}

mw_status mw_llm_read_settings(mw_ctx *c, mw_llm_tokenizer *t, const char *folder)
{
    json_t *config = load(c, folder, "tokenizer_config.json"),
           *map = load(c, folder, "special_tokens_map.json"),
           *generation = load(c, folder, "generation_config.json"), *model = load(c, folder, "config.json");
    if (mw_err(c) == MW_OK) {
        read_names(c, t, map);
        read_names(c, t, config);
        read_flags(t, config);
        read_end_ids(c, t, generation);
        read_end_ids(c, t, model);
        read_template(c, t, folder, config);
        mw_llm_find_ends(c, t, false);
    }
    json_decref(config);
    json_decref(map);
    json_decref(generation);
    json_decref(model);
    return mw_err(c);
}
