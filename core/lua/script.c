// script.c: a graph script's life: loaded, run, its errors turned into sentences.
#include "core/base/file.h"
#include "core/base/paths.h"
#include "core/lua/lua_internal.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

enum { LONGEST_SCRIPT = 16 << 20 };

mw_script *mw_lua_script(lua_State *L)
{
    void *s; // what the allocator was given (mw_lua_open)
    lua_getallocf(L, &s);
    return s;
}

mw_script *mw_script_new(mw_ctx *c, mw_graph *g, mw_exec *x, const mw_script_options *o)
{
    mw_script *s = mw_alloc(c, sizeof *s);
    if (!s)
        return NULL;
    s->c = c;
    s->g = g;
    s->x = x;
    s->o = *o;
    s->thread = pthread_self();
    s->L = s->main = mw_lua_open(c, s);
    if (s->main)
        return s;
    mw_script_free(s);
    return NULL;
}

void mw_script_free(mw_script *s)
{
    if (!s)
        return;
    if (s->main)
        lua_close(s->main);
    mw_lua_tape_free(s);
    free(s->first);
    for (int i = 0; i < s->nparams; i++)
        mw_param_free(&s->params[i]);
    for (int i = 0; i < s->noutputs; i++) {
        free(s->outputs[i].name);
        mw_graph_name_links(s->g, s->outputs[i].value, false);
        mw_value_release(s->outputs[i].value);
    }
    for (int i = 0; i < s->ntexts; i++) {
        free(s->texts[i].name);
        free(s->texts[i].text);
    }
    mw_user_nodes_free(s);
    mw_composites_free(s);
    if (s->c->env == &s->env)
        s->c->env = s->outer;
    for (size_t i = 0; i < sizeof s->contact / sizeof *s->contact; i++)
        free(s->contact[i]);
    free(s->params);
    free(s->outputs);
    free(s->texts);
    free(s->path);
    free(s->folder);
    free(s->raised_text);
    free(s->stop_text);
    free(s->missed);
    free(s->missed_where);
    free(s);
}

const mw_output *mw_script_outputs(const mw_script *s, int *count)
{
    *count = s->noutputs;
    return s->outputs;
}

const mw_param *mw_script_params(const mw_script *s, int *count)
{
    *count = s->nparams;
    return s->params;
}

const mw_script_text *mw_script_texts(const mw_script *s, int *count)
{
    *count = s->ntexts;
    return s->texts;
}

bool mw_script_refused(const mw_script *s) { return atomic_load(&s->refused); }

int mw_script_errors(const mw_script *s) { return s->errors; }
bool mw_script_assumed(const mw_script *s) { return s->assumed; }

// ---- errors

int mw_lua_raise(lua_State *L, mw_script *s)
{
    s->raised = mw_err(s->c) == MW_E_ARG || mw_err(s->c) == MW_E_SHAPE ? MW_E_SCRIPT : mw_err(s->c);
    if (s->raised == MW_E_CANCEL && !strcmp(mw_errmsg(s->c), "interrupted"))
        mw_fail_context(s->c, "%s", mw_lua_where(L));
    free(s->raised_text);
    s->raised_text = strdup(mw_errmsg(s->c));
    mw_err_clear(s->c);
    if (!s->raised_text)
        return mw_lua_no_memory(L);
    lua_pushstring(L, s->raised_text);
    return lua_error(L);
}

const char *mw_lua_where(lua_State *L)
{
    lua_Debug d;
    for (int level = 0; lua_getstack(L, level, &d); level++) {
        lua_getinfo(L, "Sl", &d);
        if (d.currentline > 0 && *d.source == '@') // the installation's own chunks begin with '='
            return lua_pushfstring(L, "%s:%d", d.source + 1, d.currentline);
    }
    lua_pushstring(L, mw_lua_script(L)->path);
    return lua_tostring(L, -1);
}

const char *mw_lua_a_type(lua_State *L, int idx)
{
    static const char *const names[] = {"nil",     "a boolean",  "a userdata", "a number", "a string",
                                        "a table", "a function", "a userdata", "a thread"};
    mw_link link;
    int type = lua_type(L, idx);
    if (mw_lua_handle(L, idx, &link))
        return "a handle";
    if (lua_iscfunction(L, idx))
        return "a built-in function";
    return type == LUA_TNONE ? "nothing" : type <= LUA_TTHREAD ? names[type] : "a cdata";
}

static void push_sentence(lua_State *L, const char *fmt, va_list ap)
{
    mw_lua_where(L);
    lua_pushliteral(L, ": ");
    lua_pushvfstring(L, fmt, ap);
    lua_concat(L, 3);
}

int mw_lua_wrong(lua_State *L, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    push_sentence(L, fmt, ap);
    va_end(ap);
    return lua_error(L);
}

void mw_lua_mistake(lua_State *L, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    push_sentence(L, fmt, ap);
    va_end(ap);
    mw_lua_go_on(L, mw_lua_script(L));
}

void mw_lua_fail(mw_ctx *c, mw_status code, const char *text)
{
    static const char overflow[] = "stack overflow";
    size_t n = strlen(text), m = sizeof overflow - 1;
    if (n >= m && !strcmp(text + n - m, overflow))
        mw_fail(c, code, "%s: functions call each other too deep here; does the recursion end?", text);
    else
        mw_fail(c, code, "%s", text);
}

void mw_lua_go_on(lua_State *L, mw_script *s)
{
    const char *text = lua_type(L, -1) == LUA_TSTRING ? lua_tostring(L, -1) : NULL;
    bool other = text && s->raised_text && !strcmp(text, s->raised_text) && s->raised != MW_E_SCRIPT;
    if (!s->o.check || !text || other || s->stopped || s->memory_out || s->blind)
        lua_error(L);
    s->errors++;
    s->o.report(s->o.user, text, true);
    lua_pop(L, 1);
}

bool mw_lua_try(lua_State *L, mw_script *s, int n, int results)
{
    if (!s->o.check) {
        lua_call(L, n, results);
        return true;
    }
    if (!lua_pcall(L, n, results, 0))
        return true;
    mw_lua_go_on(L, s);
    return false;
}

// The Lua error on top of the stack as the context's.
static void take_error(mw_ctx *c, mw_script *s, int code)
{
    const char *text = lua_tostring(s->main, -1);
    if (s->host_out)
        mw_fail(c, MW_E_MEMORY, "%s: out of host memory", s->path);
    else if (s->memory_out || code == LUA_ERRMEM)
        mw_fail(c, MW_E_MEMORY,
                "%s: the script needs more than %zu MiB of Lua memory (--trust lifts the limit)", s->path,
                s->lua_limit >> 20);
    else if (s->stopped && atomic_load(c->cancel))
        mw_fail(c, MW_E_CANCEL, "%s", text ? text : "interrupted");
    else if (text && s->raised_text && !strcmp(text, s->raised_text))
        mw_fail(c, s->raised, "%s", text);
    else if (text && !strcmp(text, "stack overflow")) // Lua's own, from within a function in C
        mw_fail(c, MW_E_SCRIPT, "%s: %s", s->path, text);
    else if (text)
        mw_lua_fail(c, MW_E_SCRIPT, text);
    else
        mw_fail(c, MW_E_SCRIPT, "%s: the script threw %s as its error", s->path, mw_lua_a_type(s->main, -1));
}

// ---- running

static int prepare(lua_State *L)
{
    mw_script *s = lua_touserdata(L, 1);
    mw_lua_open_modules(L);
    const mw_script_text *source = &s->texts[0];
    lua_pushfstring(L, "@%s", s->path);
    mw_lua_load_file(L, source->text, source->length, lua_tostring(L, -1));
    lua_call(L, 0, 0);
    mw_lua_check_missed(L, s);
    if (!s->has_outputs)
        return luaL_error(
            L, "%s: the script ends without mw.output { name = handle }: it says nothing to make", s->path);
    return 0;
}

static mw_status keep_source(mw_ctx *c, mw_script *s, const char *file, const char *text, size_t length)
{
    s->texts = mw_alloc(c, sizeof *s->texts);
    if (!s->texts)
        return mw_err(c);
    mw_script_text *first = s->texts;
    first->name = mw_strdup(c, s->path);
    if (!text)
        first->text = mw_file_read(c, file, LONGEST_SCRIPT, &first->length);
    else if ((first->text = mw_alloc(c, length + 1))) {
        memcpy(first->text, text, length);
        first->length = length;
    }
    s->ntexts = 1;
    return mw_err(c);
}

// Messages name the script as it was typed; its folder is that of the file found.
static mw_status keep_place(mw_ctx *c, mw_script *s, const char *typed, const char *found)
{
    s->path = mw_strdup(c, typed);
    s->folder = mw_strdup(c, found);
    char *slash = s->folder ? strrchr(s->folder, '/') : NULL;
    if (slash)
        slash[slash == s->folder] = 0;
    else if (s->folder && *s->folder)
        strcpy(s->folder, "."); // a script without a file (replay) has no folder
    return mw_err(c);
}

mw_status mw_script_run(mw_ctx *c, mw_script *s, const char *path, const char *text, size_t length)
{
    char *found = text ? mw_strdup(c, "") : mw_find_path(c, path);
    if (!found || keep_place(c, s, path, found) || keep_source(c, s, found, text, length)) {
        free(found);
        return mw_err(c);
    }
    free(found);
    s->env = mw_env_of(c);
    s->env.may_read = s->o.trust ? NULL : mw_lua_may_read;
    s->env.beside = *s->folder ? s->folder : NULL;
    s->env.typed = mw_lua_typed;
    s->env.may_contact = s->o.trust ? NULL : mw_lua_may_contact;
    s->env.user = s;
    s->outer = c->env;
    c->env = &s->env;
    s->lua_began = mw_lua_clock();
    int code = lua_cpcall(s->main, prepare, s);
    if (code && !s->blind)
        take_error(c, s, code);
    lua_settop(s->main, 0);
    if (mw_err(c) && s->o.check && mw_err(c) == MW_E_SCRIPT) {
        s->errors++;
        s->o.report(s->o.user, mw_errmsg(c), true);
        mw_err_clear(c);
    }
    return mw_err(c) ? mw_err(c) : mw_script_check_usage(s);
}

static int prepare_composites(lua_State *L)
{
    mw_lua_open_modules(L);
    mw_lua_require_composites(L, lua_touserdata(L, 1));
    return 0;
}

const mw_node_type *const *mw_script_composites(mw_ctx *c, mw_script *s)
{
    if (keep_place(c, s, "scripts/moonweave", ""))
        return NULL;
    s->lua_began = mw_lua_clock();
    int code = lua_cpcall(s->main, prepare_composites, s);
    if (code)
        take_error(c, s, code);
    else if (s->errors)
        mw_fail(c, MW_E_SCRIPT, "%s: %d error%s", s->path, s->errors, s->errors > 1 ? "s" : "");
    lua_settop(s->main, 0);
    return mw_err(c) ? NULL : mw_lua_composite_types(c, s);
}
