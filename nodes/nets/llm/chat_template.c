// chat_template.c: conversations as a model's own chat template writes them out.
#include "nodes/nets/llm/chat_template.h"

#include <stdlib.h>
#include <string.h>

struct mw_chat_template {
    const mw_llm_tokenizer *tokenizer;
    mw_jinja *jinja;
};

mw_chat_template *mw_chat_template_open(mw_ctx *c, const mw_llm_tokenizer *t, const char *file)
{
    const char *text = mw_llm_tokenizer_chat_template(t);
    if (!text || mw_err(c))
        return NULL;
    mw_chat_template *x = mw_alloc(c, sizeof *x);
    char *name = mw_format(c, "%s: its chat template", file);
    if (x && name) {
        x->tokenizer = t;
        x->jinja = mw_jinja_parse(c, text, strlen(text), name);
    }
    free(name);
    if (x && x->jinja)
        return x;
    free(x);
    return NULL;
}

void mw_chat_template_free(mw_chat_template *x)
{
    if (x)
        mw_jinja_free(x->jinja);
    free(x);
}

static void set_token(const mw_llm_tokenizer *t, json_t *own, const char *name, int32_t id)
{
    size_t size;
    const char *text = mw_llm_token_text(t, id, &size);
    if (text)
        json_object_set_new(own, name, json_stringn(text, size));
}

static json_t *own_variables(const mw_llm_tokenizer *t, bool generate)
{
    json_t *own = json_pack("{s:b,s:n,s:n}", "add_generation_prompt", generate, "tools", "documents");
    set_token(t, own, "bos_token", mw_llm_tokenizer_begin(t));
    set_token(t, own, "eos_token", mw_llm_tokenizer_end(t));
    set_token(t, own, "unk_token", mw_llm_tokenizer_unknown(t));
    set_token(t, own, "pad_token", mw_llm_tokenizer_pad(t));
    return own;
}

mw_status mw_chat_render(mw_ctx *c, const mw_chat_template *x, const mw_llm_message *messages, size_t n,
                         bool generate, mw_jinja_text *out)
{
    *out = (mw_jinja_text){0};
    if (mw_err(c))
        return mw_err(c);
    json_t *own = own_variables(x->tokenizer, generate), *list = json_array();
    for (size_t i = 0; i < n; i++)
        json_array_append_new(
            list, json_pack("{s:s,s:s}", "role", messages[i].role, "content", messages[i].content));
    json_t *foreign = json_pack("{s:o}", "messages", list);
    if (!own || !foreign || json_array_size(list) != n)
        mw_fail(c, MW_E_ARG, "a conversation of %zu messages that are no UTF-8", n);
    else
        mw_jinja_render(c, x->jinja, own, foreign, out);
    json_decref(own);
    json_decref(foreign);
    return mw_err(c);
}

mw_status mw_chat_encode(mw_ctx *c, const mw_chat_template *x, const mw_llm_message *messages, size_t n,
                         bool generate, mw_llm_ids *out)
{
    mw_jinja_text text;
    if (mw_chat_render(c, x, messages, n, generate, &text) == MW_OK)
        mw_llm_encode_parts(c, x->tokenizer, text.text, text.size, text.foreign, text.nforeign, false, out);
    mw_jinja_text_free(&text);
    return mw_err(c);
}
