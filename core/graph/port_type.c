// port_type.c: the table of port types.
#include "core/graph/port_type.h"

#include "core/graph/node.h"

#include <stdio.h>
#include <string.h>

#define KIND(k) (1u << MW_##k)

static const mw_port_type types[] = {
    {.name = "number", .lua = "number", .kinds = KIND(NUMBER), .group = MW_GROUP_NUMBER},
    {.name = "integer", .lua = "integer", .kinds = KIND(NUMBER), .group = MW_GROUP_NUMBER},
    {.name = "seed",
     .takes = "a whole number from -2^63 to 2^64-1 (beyond 2^53 as text, or with ULL behind it)",
     .lua = "integer|string",
     .kinds = KIND(NUMBER) | KIND(TEXT),
     .group = MW_GROUP_NUMBER},
    {.name = "bool", .takes = "true or false", .lua = "boolean", .kinds = KIND(BOOL)},
    {.name = "choice", .kinds = KIND(TEXT), .group = MW_GROUP_TEXT},
    {.name = "text", .takes = "a string", .lua = "string", .kinds = KIND(TEXT), .group = MW_GROUP_TEXT},
    {.name = "texts",
     .takes = "a string or a list of strings",
     .lua = "string|string[]",
     .kinds = KIND(TEXT) | KIND(LIST),
     .group = MW_GROUP_TEXT,
     .nested = true},
    {.name = "path",
     .takes = "a string (a path)",
     .lua = "string",
     .kinds = KIND(TEXT),
     .group = MW_GROUP_TEXT},
    {.name = "list", .takes = "a list", .lua = "table", .kinds = KIND(LIST), .nested = true},
    {.name = "any", .takes = "a value", .lua = "any", .kinds = ~0u, .nested = true},
    {.name = "function", .takes = "a function", .lua = "function", .kinds = KIND(OBJECT), .object = true},
    {.name = "layout", .takes = "a layout", .lua = "table", .kinds = KIND(MAP), .nested = true},
    {.name = "layouts",
     .takes = "a layout or a list of layouts",
     .lua = "table",
     .kinds = KIND(MAP) | KIND(LIST),
     .nested = true},
    {.name = "table", .takes = "a table of rows", .lua = "table", .kinds = KIND(MAP)},
    {.name = "vectors", .takes = "vectors of texts", .kinds = KIND(MAP)},
    {.name = "tokens", .takes = "tokens", .kinds = KIND(MAP) | KIND(LIST)},
    {.name = "maps", .takes = "attention maps", .kinds = KIND(MAP) | KIND(LIST), .nested = true},
    {.name = "schedule", .takes = "a schedule", .kinds = KIND(MAP) | KIND(OBJECT)},
    {.name = "tensor", .kinds = KIND(TENSOR), .group = MW_GROUP_TENSOR},
    {.name = "image", .takes = "an image", .kinds = KIND(TENSOR), .group = MW_GROUP_TENSOR, .finite = true},
    {.name = "latents", .takes = "latents", .kinds = KIND(TENSOR), .group = MW_GROUP_TENSOR, .finite = true},
    {.name = "embedding", .takes = "an embedding", .kinds = KIND(TENSOR), .group = MW_GROUP_TENSOR},
    {.name = "mask", .kinds = KIND(TENSOR), .group = MW_GROUP_TENSOR},
};

static const mw_port_type objects = {.kinds = KIND(OBJECT), .object = true};

const mw_port_type *mw_port_type_of(const char *name)
{
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (!strcmp(types[i].name, name))
            return &types[i];
    return &objects;
}

bool mw_port_type_known(const char *name)
{
    if (mw_port_type_of(name) != &objects)
        return true;
    for (const mw_node_type *const *t = mw_node_types; *t; t++)
        for (const mw_out *o = (*t)->out; o && o->name; o++)
            if (!strcmp(o->type, name))
                return true;
    return false;
}

char *mw_port_type_words(mw_ctx *c)
{
    char *words = mw_alloc(c, sizeof types / sizeof *types * 16), *end = words;
    for (size_t i = 0; words && i < sizeof types / sizeof *types; i++)
        if (!types[i].object)
            end += sprintf(end, "%s%s", end == words ? "" : ", ", types[i].name);
    return words;
}

static bool is(const char *type, const char *name) { return !strcmp(type, name); }

bool mw_types_fit(const char *from, const char *to)
{
    if (is(from, to) || is(from, "any") || is(to, "any") || is(to, "list"))
        return true;
    if ((is(to, "texts") || is(to, "layouts")) && is(from, "list"))
        return true;
    if (is(to, "layouts") && is(from, "layout"))
        return true;
    int group = mw_port_type_of(from)->group;
    if (group == MW_GROUP_NONE || group != mw_port_type_of(to)->group)
        return false;
    // A tensor is what its consumer takes it for, but two named meanings are not interchangeable, except
    // picture and mask.
    if (group == MW_GROUP_TENSOR)
        return is(from, "tensor") || is(to, "tensor") || (is(from, "image") && is(to, "mask")) ||
            (is(from, "mask") && is(to, "image"));
    return group == MW_GROUP_NUMBER || !is(from, "texts");
}
