// options.c: GNU-style options: -p x=1, --device=gpu, --device gpu, -- ends them.
#include "core/base/nearest.h"
#include "core/base/text.h"
#include "core/cli/param_texts.h"
#include "core/cli/settings.h"
#include "core/cli/verb.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

typedef struct option {
    char letter;              // 0: none
    const char *name, *value; // value: NULL for a switch
    unsigned verbs;           // MW_OPT_*; 0: every verb
    const char *doc;
} option;

static const option options[] = {
    {'p', "param", "NAME=VALUE", MW_OPT_PARAM,
     "set a parameter of the graph; Greek and Latin names are the same"},
    {0, "each", "NAME=FILE", MW_OPT_EACH, "run once for each non-empty line of the file (-: standard input)"},
    {'o', "output", "DIR", MW_OPT_OUT, "where results go (default: the working folder)"},
    {0, "device", "NAME", MW_OPT_DEVICE,
     "an index, a part of a name, or a type (cpu, gpu); several with commas between, or all"},
    {0, "dtype", "f32|f16", MW_OPT_DEVICE,
     "how weights and activations are stored (default: what suits the device)"},
    {0, "threads", "N", MW_OPT_DEVICE, "threads of a CPU device (default: all it has)"},
    {0, "memory", "SIZE", MW_OPT_DEVICE, "device memory that is never exceeded, such as 4G"},
    {0, "cache-size", "SIZE", MW_OPT_RUN, "memory for results that may be needed again (default: 512M)"},
    {0, "profile", NULL, MW_OPT_RUN, "print the time of each node and kernel"},
    {0, "no-metadata", NULL, MW_OPT_RUN, "write pictures without graph and parameters"},
    {0, "overwrite", NULL, MW_OPT_RUN, "replace the files of earlier runs (default: the next number)"},
    {0, "trust", NULL, MW_OPT_TRUST, "let the script do whatever a program may"},
    {0, "json", NULL, MW_OPT_JSON, "one JSON object a line on stdout"},
    {0, "dot", NULL, MW_OPT_DOT, "as input of graphviz's dot"},
    {0, "markdown", NULL, MW_OPT_DOCS, "the reference docs/nodes.md"},
    {0, "annotations", NULL, MW_OPT_DOCS, "type annotations of Lua for editors"},
    {'q', "quiet", NULL, 0, "errors only"},
    {'v', "verbose", NULL, 0, "more about what happens"},
    {'h', "help", NULL, 0, "this text"},
    {'V', "version", NULL, 0, "the version"},
};
enum { COUNT = sizeof options / sizeof *options };

static bool takes(const mw_verb *v, const option *o) { return !v || !o->verbs || o->verbs & v->options; }

static void print_option(const option *o)
{
    char left[64];
    snprintf(left, sizeof left, "%c%c%c --%s%s%s", o->letter ? '-' : ' ', o->letter ? o->letter : ' ',
             o->letter ? ',' : ' ', o->name, o->value ? "=" : "", o->value ? o->value : "");
    printf("  %-27s %s\n", left, o->doc);
}

void mw_cli_help(const mw_verb *v)
{
    if (v) {
        printf("usage: moonweave %s%s%s [options]\n\n%s\n\noptions:\n", v->name, *v->args ? " " : "", v->args,
               v->doc);
    } else {
        printf("usage: moonweave <command> [options]\n\ncommands:\n");
        for (const mw_verb *const *each = mw_verbs; *each; each++)
            printf("  %-9s %-12s %s\n", (*each)->name, (*each)->args, (*each)->doc);
        printf("\noptions:\n");
    }
    for (int i = 0; i < COUNT; i++)
        if (takes(v, &options[i]))
            print_option(&options[i]);
    if (!v)
        printf("\nDefaults of device, threads, dtype, memory and cache-size come from $MOONWEAVE_DEVICE and "
               "so on, then from\n"
               "$XDG_CONFIG_HOME/moonweave/config (lines such as: device = gpu).\n"
               "\nexit status: 0 done, 1 a run failed, 2 usage, 3 script, 4 file, 5 device, 6 memory, 7 "
               "number,\n"
               "             130 interrupted\n");
}

static bool parse_size(const char *text, uint64_t *size)
{
    static const char units[] = "KMGT";
    char *end;
    double x = strtod(text, &end);
    const char *unit = *end ? strchr(units, *end & ~32) : NULL;
    int power = unit ? (int)(unit - units) + 1 : 0;
    const char *rest = unit ? end + 1 : end;
    bool known =
        !*rest || (unit && (!strcmp(rest, "B") || !strcmp(rest, "iB"))) || (!unit && !strcmp(rest, "B"));
    *size = (uint64_t)ldexp(x, 10 * power);
    return end != text && known && x > 0 && ldexp(x, 10 * power) < 0x1p60;
}

static mw_status set_size(mw_ctx *c, const option *o, const char *text, uint64_t *size)
{
    if (parse_size(text, size))
        return MW_OK;
    return mw_fail(c, MW_E_USAGE, "--%s=%s: must be a size such as 512M or 4G", o->name, text);
}

enum { LEAST_MEMORY = 1 << 20 };

static mw_status set_memory(mw_cli *k, const option *o, const char *text)
{
    if (!set_size(k->c, o, text, &k->memory) && k->memory < LEAST_MEMORY)
        return mw_fail(k->c, MW_E_USAGE,
                       "--memory=%s: must be at least %dM; pictures of 512 x 512 take some 4G", text,
                       LEAST_MEMORY >> 20);
    return mw_err(k->c);
}

static mw_status set_threads(mw_cli *k, const char *text)
{
    char *end;
    long n = strtol(text, &end, 10);
    if (!*text || *end || n < 1 || n > 1 << 16)
        return mw_fail(k->c, MW_E_USAGE, "--threads=%s: must be a whole number from 1", text);
    k->threads = (int)n;
    return MW_OK;
}

static mw_status set_dtype(mw_cli *k, const char *text)
{
    if (strcmp(text, "f32") && strcmp(text, "f16"))
        return mw_fail(k->c, MW_E_USAGE, "--dtype=%s: must be f32 or f16", text);
    k->env.dtype = text;
    return MW_OK;
}

static mw_status set(mw_cli *k, const option *o, const char *value, bool *version, bool *help)
{
    const char *n = o->name;
    if (!strcmp(n, "output") && !*value)
        return mw_fail(k->c, MW_E_USAGE, "--output=: must name a folder");
    if (!strcmp(n, "param"))
        return mw_cli_add_param(k, value);
    if (!strcmp(n, "dtype"))
        return set_dtype(k, value);
    if (!strcmp(n, "memory"))
        return set_memory(k, o, value);
    if (!strcmp(n, "threads"))
        return set_threads(k, value);
    if (!strcmp(n, "cache-size"))
        return set_size(k->c, o, value, &k->cache_size);
    if (!strcmp(n, "output"))
        k->env.out_dir = value;
    else if (!strcmp(n, "device"))
        k->device = value;
    else if (!strcmp(n, "each"))
        k->each = value;
    else if (!strcmp(n, "quiet"))
        k->c->log_level = MW_LOG_ERROR;
    else if (!strcmp(n, "verbose"))
        k->c->log_level = MW_LOG_DEBUG;
    else
        *(!strcmp(n, "profile")           ? &k->profile
              : !strcmp(n, "no-metadata") ? &k->no_metadata
              : !strcmp(n, "overwrite")   ? &k->overwrite
              : !strcmp(n, "trust")       ? &k->trust
              : !strcmp(n, "json")        ? &k->json
              : !strcmp(n, "dot")         ? &k->dot
              : !strcmp(n, "markdown")    ? &k->markdown
              : !strcmp(n, "annotations") ? &k->annotations
              : !strcmp(n, "help")        ? help
                                          : version) = true;
    return MW_OK;
}

// v: the verb of the command line, NULL where it has none.
static const option *find_long(mw_ctx *c, const mw_verb *v, const char *name, size_t n)
{
    char *copy = strndup(name, n);
    mw_nearest near = {.wrong = copy ? copy : ""};
    char hint[96];
    const option *found = NULL;
    for (int i = 0; i < COUNT && !found; i++) {
        if (takes(v, &options[i]))
            mw_nearest_offer(&near, options[i].name);
        if (strlen(options[i].name) == n && !strncmp(options[i].name, name, n))
            found = &options[i];
    }
    if (!copy)
        mw_fail(c, MW_E_MEMORY, "out of host memory");
    else if (!found)
        mw_fail(c, MW_E_USAGE, "there is no option --%s%s", near.wrong,
                mw_nearest_hint(&near, hint, sizeof hint));
    free(copy);
    return found;
}

static const option *find_letter(mw_ctx *c, char letter)
{
    for (int i = 0; i < COUNT; i++)
        if (options[i].letter == letter)
            return &options[i];
    mw_fail(c, MW_E_USAGE, "there is no option -%c", letter);
    return NULL;
}

typedef struct parsing {
    mw_cli *k;
    char **argv;
    int argc, at;
    const option *seen[COUNT];
    bool *version, *help;
} parsing;

// Apply an option whose value is `inline_value`, or else the next argument.
static mw_status apply(parsing *p, const option *o, const char *inline_value)
{
    if (o->verbs == MW_OPT_EACH && p->seen[o - options])
        return mw_fail(p->k->c, MW_E_USAGE, "--%s is given twice", o->name);
    p->seen[o - options] = o;
    if (!o->value && inline_value)
        return mw_fail(p->k->c, MW_E_USAGE, "--%s takes no value", o->name);
    if (o->value && !inline_value && p->at + 1 >= p->argc)
        return mw_fail(p->k->c, MW_E_USAGE, "--%s needs a value: %s", o->name, o->value);
    const char *value = !o->value ? NULL : inline_value ? inline_value : p->argv[++p->at];
    return set(p->k, o, value, p->version, p->help);
}

// The verb, which may stand behind the options.
static const mw_verb *verb_ahead(const parsing *p)
{
    for (int i = p->at; i < p->argc && !p->k->verb; i++)
        for (const mw_verb *const *v = mw_verbs; *v; v++)
            if (!strcmp((*v)->name, p->argv[i]))
                return *v;
    return p->k->verb;
}

static mw_status parse_long(parsing *p, const char *text)
{
    size_t n = strcspn(text, "=");
    const option *o = find_long(p->k->c, verb_ahead(p), text, n);
    return o ? apply(p, o, text[n] ? text + n + 1 : NULL) : MW_E_USAGE;
}

// "-qv", "-pname=1", "-p name=1"
static mw_status parse_letters(parsing *p, const char *text)
{
    for (; *text; text++) {
        const option *o = find_letter(p->k->c, *text);
        if (!o)
            return MW_E_USAGE;
        if (o->value)
            return apply(p, o, text[1] ? text + 1 : NULL);
        if (apply(p, o, NULL))
            return MW_E_USAGE;
    }
    return MW_OK;
}

const mw_verb *mw_cli_verb(mw_ctx *c, const char *name)
{
    mw_nearest near = {.wrong = name};
    char hint[96];
    for (const mw_verb *const *v = mw_verbs; *v; v++) {
        mw_nearest_offer(&near, (*v)->name);
        if (!strcmp((*v)->name, name))
            return *v;
    }
    mw_fail(c, MW_E_USAGE, "there is no command '%s'%s; moonweave help lists them", name,
            mw_nearest_hint(&near, hint, sizeof hint));
    return NULL;
}

static mw_status check(parsing *p)
{
    mw_cli *k = p->k;
    const mw_verb *v = k->verb;
    for (int i = 0; i < COUNT; i++)
        if (p->seen[i] && !takes(v, &options[i]))
            return mw_fail(k->c, MW_E_USAGE, "moonweave %s takes no --%s", v->name, options[i].name);
    if (k->nargs < v->least)
        return mw_fail(k->c, MW_E_USAGE, "usage: moonweave %s %s", v->name, v->args);
    if (k->nargs > v->most)
        return mw_fail(k->c, MW_E_USAGE, "moonweave %s: what is '%s' for? usage: moonweave %s %s", v->name,
                       k->args[v->most], v->name, v->args);
    return MW_OK;
}

// What the command line leaves open: the environment's, else the file's. Options of devices and runs only.
static void add_settings(parsing *p)
{
    mw_cli *k = p->k;
    for (int i = 0; i < COUNT && !mw_err(k->c); i++) {
        const option *o = &options[i];
        const char *from;
        bool open = o->value && o->verbs & (MW_OPT_DEVICE | MW_OPT_RUN) & k->verb->options;
        char *value = open && !p->seen[i] ? mw_setting(k->c, o->name, &from) : NULL;
        if (!value)
            continue;
        k->settings[k->nsettings++] = value;
        set(k, o, value, p->version, p->help);
        mw_fail_context(k->c, "%s", from);
    }
}

// --threads is a part of what the device is selected by.
static mw_status join_threads(mw_cli *k)
{
    const char *device = k->device ? k->device : "";
    if (!k->threads || mw_err(k->c))
        return mw_err(k->c);
    if (strpbrk(device, ",/@") || !strcasecmp(device, "all"))
        return mw_fail(k->c, MW_E_USAGE, "--threads=%d is for one CPU device, not for --device=%s",
                       k->threads, device);
    char *joined = mw_format(k->c, "%s@%d", device, k->threads);
    if (joined)
        k->device = k->settings[k->nsettings++] = joined;
    return mw_err(k->c);
}

mw_status mw_cli_parse(mw_cli *k, int argc, char **argv, bool *version, bool *help)
{
    parsing p = {.k = k, .argv = argv, .argc = argc, .version = version, .help = help};
    const char *term = getenv("TERM"), *no_colour = getenv("NO_COLOR");
    k->terminal = isatty(2) && term && strcmp(term, "dumb") != 0;
    k->colour = k->terminal && !(no_colour && *no_colour);
    k->cache_size = (uint64_t)512 << 20;
    k->args = mw_alloc(k->c, ((size_t)argc + 1) * sizeof *k->args);
    k->params = mw_alloc(k->c, ((size_t)argc + 2) * sizeof *k->params); // --each adds one
    k->texts = mw_alloc(k->c, ((size_t)argc + 1) * sizeof *k->texts);
    bool ended = false;
    for (p.at = 1; p.at < argc && !mw_err(k->c); p.at++) {
        const char *a = argv[p.at];
        if (!ended && !strcmp(a, "--"))
            ended = true;
        else if (!ended && !strncmp(a, "--", 2))
            parse_long(&p, a + 2);
        else if (!ended && *a == '-' && a[1])
            parse_letters(&p, a + 1);
        else if (!k->verb)
            k->verb = mw_cli_verb(k->c, a);
        else
            k->args[k->nargs++] = a;
    }
    if (mw_err(k->c) || *version || *help)
        return mw_err(k->c);
    if (!k->verb)
        return mw_fail(k->c, MW_E_USAGE, "usage: moonweave <command> [options]; moonweave help lists them");
    if (!check(&p))
        add_settings(&p);
    return join_threads(k);
}

void mw_cli_free(mw_cli *k)
{
    for (int i = 0; i < k->nsettings; i++)
        free(k->settings[i]);
    for (int i = 0; i < k->ntexts; i++)
        free(k->texts[i]);
    free(k->texts);
    free(k->args);
    free(k->params);
}
