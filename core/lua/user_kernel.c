// user_kernel.c: mw.kernel: a kernel in OpenCL C that a script brings along, as a node and as a function of
// tensors.
#include "core/lua/user_kernel.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static int by_name(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

// ---- declaration

static const char usage[] =
    "mw.kernel { name =, source =, inputs =, outputs =, params =, global =, local =, gradient =, doc = }";

static void check_function(lua_State *L, const char *kernel, const char *key)
{
    lua_getfield(L, 1, key);
    if (!lua_isnil(L, -1) && (!lua_isfunction(L, -1) || lua_iscfunction(L, -1)))
        mw_lua_wrong(L, "kernel '%s': '%s' must be a Lua function, got %s", kernel, key,
                     mw_lua_a_type(L, -1));
    lua_pop(L, 1);
}

// Names of C: the kernel's arguments have them.
static void check_name(lua_State *L, const char *kernel, const char *name)
{
    bool good = isalpha((unsigned char)*name) || *name == '_';
    for (const char *p = name; *p; p++)
        good = good && (isalnum((unsigned char)*p) || *p == '_');
    if (!good || strlen(name) > 100)
        mw_lua_wrong(L, "kernel '%s': '%s' is no name of an argument in OpenCL C (letters, digits and _)",
                     kernel, name);
    if (!strcmp(name, "n"))
        mw_lua_wrong(L,
                     "kernel '%s': the last argument is called n (elements of the first output); call yours "
                     "otherwise",
                     kernel);
}

static void check_declaration(lua_State *L)
{
    static const char *const known[] = {"name",   "source", "inputs",   "outputs", "params",
                                        "global", "local",  "gradient", "doc",     NULL};
    if (!lua_istable(L, 1))
        mw_lua_wrong(L, "kernel: expected %s", usage);
    mw_user_check_keys(L, "kernel", known);
    lua_getfield(L, 1, "name");
    const char *name = lua_tostring(L, -1);
    check_name(L, name, name);
    lua_getfield(L, 1, "source");
    if (lua_type(L, -1) != LUA_TSTRING || strlen(lua_tostring(L, -1)) != lua_objlen(L, -1))
        mw_lua_wrong(L, "kernel '%s': 'source' must be a string of OpenCL C, got %s", name,
                     mw_lua_a_type(L, -1));
    check_function(L, name, "global");
    check_function(L, name, "local");
    check_function(L, name, "gradient");
    lua_settop(L, 1);
    if (!mw_lua_script(L)->o.trust)
        mw_lua_wrong(
            L,
            "kernel '%s': a kernel of a script is native code, which the sandbox cannot hold; --trust "
            "allows it, for a script whose author you trust",
            name);
}

int mw_user_kernel_sizes(lua_State *L, int idx, int64_t *size)
{
    bool list = lua_istable(L, idx);
    size_t n = list ? lua_objlen(L, idx) : 1;
    for (size_t i = 0; i < n && n <= MW_MAXDIM; i++) {
        if (list)
            lua_rawgeti(L, idx, (int)i + 1);
        else
            lua_pushvalue(L, idx);
        double x = lua_type(L, -1) == LUA_TNUMBER ? lua_tonumber(L, -1) : -1;
        lua_pop(L, 1);
        if (x != floor(x) || x < 0 || x > 0x1p53)
            return -1;
        size[i] = (int64_t)x;
    }
    return n <= MW_MAXDIM ? (int)n : -1;
}

// Output `name`, whose declaration is on top of the stack.
static void read_output(lua_State *L, const mw_user_kernel *k, const char *name, mw_kernel_out *o)
{
    static const mw_dtype dtypes[] = {MW_F32, MW_F16, MW_I32};
    const mw_user_node *n = &k->node;
    const char *like = lua_type(L, -1) == LUA_TSTRING ? lua_tostring(L, -1) : NULL;
    *o = (mw_kernel_out){.like = -1};
    for (int i = 0; like && i < n->ninputs; i++)
        if (!strcmp(n->declared[i].port.name, like))
            o->like = i;
    if (o->like >= 0)
        return;
    if (!lua_istable(L, -1))
        mw_lua_wrong(
            L,
            "kernel '%s': output '%s' must be the name of an input, whose shape and dtype it has, or { "
            "shape = { sizes } or function(i, prm), dtype = \"f32\" }, got %s",
            n->type.name, name, like ? like : mw_lua_a_type(L, -1));
    lua_getfield(L, -1, "dtype");
    const char *dtype = lua_isnil(L, -1) ? "f32" : lua_tostring(L, -1);
    bool known = false;
    for (size_t i = 0; i < sizeof dtypes / sizeof *dtypes; i++)
        if (dtype && !strcmp(dtype, mw_dtype_name(dtypes[i]))) {
            o->dtype = dtypes[i];
            known = true;
        }
    if (!known)
        mw_lua_wrong(L, "kernel '%s': output '%s': its dtype must be f32, f16 or i32, got %s", n->type.name,
                     name, dtype ? dtype : mw_lua_a_type(L, -1));
    lua_getfield(L, -2, "shape");
    o->ndim = lua_isfunction(L, -1) && !lua_iscfunction(L, -1) ? -1
        : lua_istable(L, -1) ? mw_user_kernel_sizes(L, lua_gettop(L), o->shape)
                             : -2;
    if (o->ndim == -2 || (o->ndim < 0 && lua_istable(L, -1)))
        mw_lua_wrong(L,
                     "kernel '%s': output '%s': its shape must be a list of at most %d whole numbers, or a "
                     "function(i, prm) that gives one",
                     n->type.name, name, MW_MAXDIM);
    lua_pop(L, 2);
}

static void read_outputs(lua_State *L, mw_user_kernel *k)
{
    mw_user_node *n = &k->node;
    const char *names[MW_MAXOUT];
    int count = 0;
    lua_getfield(L, 1, "outputs");
    int table = lua_gettop(L);
    for (lua_pushnil(L); lua_istable(L, table) && lua_next(L, table); lua_pop(L, 1)) {
        if (lua_type(L, -2) != LUA_TSTRING || count == MW_MAXOUT) {
            count = 0;
            break;
        }
        names[count++] = lua_tostring(L, -2);
    }
    if (!count)
        mw_lua_wrong(L, "kernel '%s': outputs = { name = \"input\", ... }, from 1 to %d", n->type.name,
                     MW_MAXOUT);
    qsort(names, (size_t)count, sizeof *names, by_name);
    for (int i = 0; i < count; i++) {
        check_name(L, n->type.name, names[i]);
        for (int p = 0; p < n->ndeclared; p++)
            if (!strcmp(n->declared[p].port.name, names[i]))
                mw_lua_wrong(L, "kernel '%s': '%s' is an output and something else", n->type.name, names[i]);
        lua_getfield(L, table, names[i]);
        read_output(L, k, names[i], &k->out[i]);
        mw_user_add_output(L, &n->out[i], names[i],
                           k->out[i].like < 0 ? "tensor" : n->declared[k->out[i].like].port.type);
        lua_pop(L, 1);
    }
    k->kernel.nout = count;
    lua_settop(L, table - 1);
}

static void check_ports(lua_State *L, const mw_user_kernel *k)
{
    const mw_user_node *n = &k->node;
    const char *name = n->type.name;
    if (n->ninputs > MW_MAXIN || n->ndeclared - n->ninputs > MW_TEXT_PARAMS)
        mw_lua_wrong(L, "kernel '%s': at most %d inputs and %d params", name, MW_MAXIN, MW_TEXT_PARAMS);
    for (int i = 0; i < n->ndeclared; i++) {
        const mw_port *p = &n->declared[i].port;
        bool tensor = mw_port_type_of(p->type)->group == MW_GROUP_TENSOR;
        bool number = !strcmp(p->type, "number") || !strcmp(p->type, "integer") || !strcmp(p->type, "bool");
        check_name(L, name, p->name);
        if (i < n->ninputs && (!tensor || p->def))
            mw_lua_wrong(
                L,
                "kernel '%s': input '%s' must be a tensor, image, latents, embedding or mask that is "
                "always given",
                name, p->name);
        if (i >= n->ninputs && (!number || (p->def && !strcmp(p->def, "null"))))
            mw_lua_wrong(L, "kernel '%s': param '%s' must be a number, an integer or a bool", name, p->name);
    }
}

// ---- what the kernel is made of

// The script's text that the source stands in, so that the compiler's messages name its lines.
static void find_place(const mw_script *s, mw_user_kernel *k)
{
    for (int i = 0; i < s->ntexts && !k->place; i++) {
        const char *text = s->texts[i].text, *at = text ? strstr(text, k->text) : NULL;
        if (!at)
            continue;
        k->kernel.line = 1;
        for (const char *p = text; p < at; p++)
            k->kernel.line += *p == '\n';
        k->place = mw_strdup(s->c, s->texts[i].name);
    }
    if (!k->place) {
        k->kernel.line = 1;
        k->place = mw_strdup(s->c, k->node.type.name);
    }
}

static void let_go(mw_user_node *n)
{
    mw_user_kernel *k = (mw_user_kernel *)n;
    mw_text_kernel_forget(&k->kernel);
    free(k->text);
    free(k->place);
    free((void *)(size_t)k->op.sig);
}

// "(x, y) -> (z)"
static char *signature(mw_ctx *c, const mw_user_kernel *k)
{
    const mw_text_kernel *t = &k->kernel;
    char *all = mw_format(c, "(");
    for (int i = 0; all && i < t->nin + t->nout; i++) {
        char *longer = mw_format(c, "%s%s%s", all, i == t->nin ? ") -> (" : i ? ", " : "", t->arg[i]);
        free(all);
        all = longer;
    }
    char *closed = all ? mw_format(c, "%s)", all) : NULL;
    free(all);
    return closed;
}

static void make_kernel(lua_State *L, mw_user_kernel *k)
{
    mw_user_node *n = &k->node;
    mw_text_kernel *t = &k->kernel;
    lua_getfield(L, 1, "source");
    mw_lua_count_kept(L, n->s, lua_objlen(L, -1));
    k->text = mw_strdup(n->s->c, lua_tostring(L, -1));
    lua_getfield(L, 1, "gradient");
    k->has_gradient = lua_isfunction(L, -1);
    lua_pop(L, 2);
    if (k->text)
        find_place(n->s, k);
    t->name = n->type.name;
    t->text = k->text;
    t->place = k->place;
    t->nin = n->ninputs;
    t->nparams = n->ndeclared - n->ninputs;
    for (int i = 0; i < t->nin; i++)
        t->arg[i] = n->declared[i].port.name;
    for (int i = 0; i < t->nout; i++)
        t->arg[t->nin + i] = n->out[i].name;
    for (int i = 0; i < t->nparams; i++) {
        const mw_port *p = &n->declared[t->nin + i].port;
        t->arg[t->nin + t->nout + i] = p->name;
        t->whole[i] = strcmp(p->type, "number") != 0;
    }
    k->op.sig = signature(n->s->c, k);
    mw_user_kernel_op(k);
    if (mw_err(n->s->c))
        mw_lua_raise(L, n->s);
}

// A copy of the table at idx, with the tables in it; functions are shared.
static void push_copy(lua_State *L, int idx, int depth)
{
    luaL_checkstack(L, 8, "too deep");
    lua_newtable(L);
    int copy = lua_gettop(L);
    for (lua_pushnil(L); lua_next(L, idx); lua_settop(L, copy + 1)) {
        lua_pushvalue(L, -2);
        if (lua_istable(L, -2) && depth)
            push_copy(L, copy + 2, depth - 1);
        else
            lua_pushvalue(L, -2);
        lua_settable(L, copy);
    }
}

// ---- mw.kernel

static int declare(lua_State *L)
{
    lua_settop(L, 1);
    check_declaration(L);
    mw_user_kernel *k = (mw_user_kernel *)mw_user_node_new(L, sizeof *k, "kernel");
    k->node.let_go = let_go;
    k->node.type.run = mw_user_kernel_run;
    mw_user_read_inputs(L, &k->node);
    mw_user_read_params(L, &k->node);
    check_ports(L, k);
    read_outputs(L, k);
    make_kernel(L, k);
    push_copy(L, 1, 3);
    lua_pushvalue(L, -1);
    mw_user_node_finish(L, &k->node);
    mw_user_kernel_push(L, k);
    return 1;
}

static int kernel(lua_State *L)
{
    lua_settop(L, 1);
    lua_pushcfunction(L, declare);
    lua_insert(L, 1);
    if (!mw_lua_try(L, mw_lua_script(L), 1, 1))
        mw_lua_push_broken_constructor(L);
    return 1;
}

const mw_lua_entry mw_lua_user_kernels[] = {
    {.name = "kernel",
     .run = kernel,
     .usage = usage,
     .type = "fun(declaration: table): fun(arguments: table): any",
     .doc = "Makes a node of a kernel in OpenCL C, with --trust only, and returns its constructor; given "
            "tensors "
            "instead of handles, that runs at once and returns a tensor (several outputs: a table of them). "
            "outputs "
            "= { y = \"x\" }: shape and dtype of that input, or { shape = list or function(i, prm), dtype = "
            "\"f32\" "
            "}. Arguments in order: inputs, outputs, params (each by name), ulong n. gradient = function(i, "
            "g, prm) "
            "gives { x = }; docs/adding-a-kernel.md says more."},
    {.name = NULL},
};
