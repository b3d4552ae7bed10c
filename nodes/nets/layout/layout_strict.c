// layout_strict.c: boxes, background and negative prompt found between labels of any make.
#include "nodes/nets/layout/layout_strict.h"

#include "core/base/text.h"
#include "nodes/nets/layout/layout_labels.h"
#include "nodes/nets/layout/layout_list.h"

#include <string.h>

typedef struct {
    mw_ctx *c;
    const mw_layout_source *from;
    mw_piece text;
    size_t at;        // how far it was read
    mw_piece part[4]; // by mw_label_kind; .at NULL: not yet
    json_t *map;      // the whole answer as one dictionary; owns its parts; NULL: it is none
    size_t behind;    // where the label of a list that stands behind a prompt begins; 0: it stands in front
    size_t list_end;
} reader;

static mw_piece between(const reader *r, size_t begin, size_t end)
{
    return mw_piece_from((mw_piece){r->text.at, end}, begin);
}

static bool has_blank_line(mw_piece p)
{
    int ends = 0;
    for (size_t i = 0; i < p.n && ends < 2; i++)
        ends = p.at[i] == '\n' ? ends + 1 : memchr(" \t\r", p.at[i], 3) ? ends : 0;
    return ends == 2;
}

// ---- values

// Where the answer to the label ends in its line: at the next label or a fence.
static size_t value_end(const reader *r, size_t begin)
{
    mw_label next;
    mw_piece rest = mw_piece_from(r->text, begin);
    size_t end = begin + mw_piece_line(rest);
    if (mw_label_find(r->text, begin, MW_ANY_LABEL, &next) && next.begin < end)
        end = next.begin > begin ? next.begin : begin;
    const char *fence = mw_piece_find(between(r, begin, end), "```");
    return fence ? (size_t)(fence - r->text.at) : end;
}

// Marks of bold letters and one pair of quotes around the value go, and a comma or semicolon behind the
// quotes.
static mw_piece bare(mw_piece p)
{
    static const char *const pairs[][2] = {{"\"", "\""},
                                           {"'", "'"},
                                           {"\xe2\x80\x9c", "\xe2\x80\x9d"},
                                           {"\xc2\xab", "\xc2\xbb"},
                                           {"\xe3\x80\x8c", "\xe3\x80\x8d"}};
    p = mw_piece_strip(p);
    while (mw_piece_at(p, "*`"))
        p = mw_piece_from(p, 1);
    while (p.n && memchr("*`", p.at[p.n - 1], 2))
        p.n--;
    p = mw_piece_strip(p);
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        size_t a = strlen(pairs[i][0]), b = strlen(pairs[i][1]),
               n = p.n && memchr(",;", p.at[p.n - 1], 2) ? p.n - 1 : p.n;
        if (n < a + b || memcmp(p.at, pairs[i][0], a) != 0 || memcmp(p.at + n - b, pairs[i][1], b) != 0)
            continue;
        mw_piece inside = {p.at + a, n - a - b};
        return mw_piece_find(inside, pairs[i][0]) || mw_piece_find(inside, pairs[i][1])
            ? p
            : mw_piece_strip(inside);
    }
    return p;
}

// It says that there is nothing, perhaps with a remark: "None (nothing must be absent)".
static bool is_none(mw_piece p)
{
    const char *remark = mw_piece_find(p, " (");
    mw_piece front = {p.at, remark ? (size_t)(remark - p.at) : 0};
    return mw_says_none(p) || (front.n && mw_says_none(front));
}

// A remark of the model's, no list of things.
static bool is_note(mw_piece p)
{
    p = mw_piece_strip(p);
    return mw_piece_at(p, "([") || mw_piece_find(p, ":") || (p.n && memchr(".!?", p.at[p.n - 1], 3));
}

// The value of the label: the rest of its line, or where nothing is there the line below. What stands below
// that without a blank line between is a remark, which is told and left out.
static void take_value(reader *r, const mw_label *l)
{
    size_t end = value_end(r, l->end);
    r->part[l->kind] = bare(between(r, l->end, end));
    size_t line = end + 1;
    if (r->part[l->kind].n == 0 && line < r->text.n && r->text.at[end] == '\n') {
        size_t next = value_end(r, line);
        mw_piece below = bare(between(r, line, next));
        if (below.n && !(l->kind == MW_LABEL_NEGATIVE && is_note(below))) {
            r->part[l->kind] = below;
            end = next;
        }
    }
    r->at = end;
    if (is_none(r->part[l->kind]))
        r->part[l->kind].n = 0;
}

// What stands directly below the last value, up to a blank line, the next label or a fence.
static void tell_note(reader *r, const mw_label *next)
{
    size_t end = r->at;
    while (end < next->begin) {
        mw_piece rest = mw_piece_from(between(r, 0, next->begin), end + (r->text.at[end] == '\n'));
        size_t n = mw_piece_line(rest);
        if (mw_piece_strip((mw_piece){rest.at, n}).n == 0 || mw_label_fence(rest))
            break;
        end = (size_t)(rest.at - r->text.at) + n;
    }
    mw_piece note = mw_piece_strip(between(r, r->at, end));
    char shown[100];
    while (mw_piece_at(note, "*_`,;.}] \n"))
        note = mw_piece_from(note, 1);
    if (note.n)
        mw_layout_warn(r->c, r->from, "the remark \"%s\" is left out",
                       mw_printable_n(note.at, note.n, shown, sizeof shown));
}

// ---- the whole

// Behind a byte order mark and the thoughts of a model that thinks aloud.
static mw_piece after_thoughts(mw_piece p)
{
    static const char close[] = "</think>", mark[] = "\xef\xbb\xbf";
    if (mw_piece_begins(p, mark))
        p = mw_piece_from(p, strlen(mark));
    for (const char *hit; (hit = mw_piece_find(p, close));)
        p = mw_piece_from(p, (size_t)(hit - p.at) + strlen(close));
    return p;
}

// The first line that opens a bracket; the text's length when there is none.
static size_t bracket_line(const reader *r)
{
    for (size_t at = 0; at < r->text.n; at += mw_piece_line(mw_piece_from(r->text, at)) + 1) {
        mw_piece line = mw_piece_from(r->text, at);
        if (mw_piece_at(mw_piece_from(line, mw_label_marks(line)), "[({"))
            return at;
    }
    return r->text.n;
}

// The list of an answer that begins with the prompt at byte `prompt`: behind its label, unless it is a
// further completion's, which has a caption in front or a background of its own. Where it begins; 0: there is
// none.
static size_t list_behind(reader *r, size_t prompt)
{
    mw_label objects, other;
    mw_piece front = mw_piece_strip((mw_piece){r->text.at, prompt});
    bool caption = mw_label_find(front, 0, 1u << MW_LABEL_CAPTION, &other);
    if ((front.n && !caption && front.at[front.n - 1] != ':') ||
        !mw_label_find(r->text, prompt, 1u << MW_LABEL_OBJECTS, &objects))
        return 0;
    mw_piece between = {r->text.at, objects.begin};
    if (mw_label_find(between, prompt, 1u << MW_LABEL_CAPTION, &other) ||
        (mw_label_find(between, prompt, 1u << MW_LABEL_BACKGROUND, &other) &&
         mw_label_find(r->text, objects.end, 1u << MW_LABEL_BACKGROUND, &other)))
        return 0;
    r->behind = objects.begin;
    return objects.end;
}

// Where the list begins: behind its label, or at the first line that opens a bracket.
static size_t list_begin(reader *r)
{
    const unsigned prompts = 1u << MW_LABEL_BACKGROUND | 1u << MW_LABEL_NEGATIVE | MW_LABEL_LINES;
    mw_label objects, caption, prompt;
    size_t bracket = bracket_line(r), begin = bracket, label = r->text.n;
    if (mw_label_find(r->text, 0, 1u << MW_LABEL_OBJECTS, &objects) && objects.begin <= bracket) {
        begin = objects.end;
        label = objects.begin;
    }
    if (mw_label_find(r->text, 0, prompts, &prompt) && prompt.begin < begin)
        return list_behind(r, prompt.begin);
    if (mw_label_find(r->text, 0, 1u << MW_LABEL_CAPTION, &caption) && caption.begin < label)
        r->part[MW_LABEL_CAPTION] = bare(between(r, caption.end, value_end(r, caption.end)));
    return begin < r->text.n ? begin : 0;
}

static mw_status no_background(const reader *r)
{
    char quoted[80];
    return mw_fail(r->c, r->from->code, "%s: there is no \"Background prompt:\" in \"%s\"", r->from->name,
                   mw_printable_n(r->text.at, r->text.n, quoted, sizeof quoted));
}

static mw_status read_list(reader *r, mw_completion *out)
{
    mw_label prompt = {.begin = r->text.n};
    size_t used;
    r->at = list_begin(r);
    bool found = mw_label_find(r->text, r->at, 1u << MW_LABEL_BACKGROUND | 1u << MW_LABEL_NEGATIVE, &prompt);
    if (!found && !r->behind && bracket_line(r) == r->text.n)
        return no_background(r);
    out->boxes =
        mw_layout_list_read(r->c, r->from, mw_piece_from(r->text, r->at), prompt.begin - r->at, &used);
    r->at += used;
    r->list_end = r->at;
    // Then what is in front of the list is read.
    if (r->behind && mw_label_find(r->text, 0, 1u << MW_LABEL_BACKGROUND | 1u << MW_LABEL_NEGATIVE, &prompt))
        r->at = prompt.begin;
    return mw_err(r->c);
}

// {"objects": [...], "background prompt": "...", "negative prompt": "..."}: the list becomes out->boxes.
// Other dictionaries are boxes by name.
static void read_map(reader *r, mw_completion *out)
{
    json_t *boxes = NULL;
    mw_piece part[4] = {{0}};
    mw_label_kind kind;
    if (!json_is_object(out->boxes))
        return;
    for (void *i = json_object_iter(out->boxes); i; i = json_object_iter_next(out->boxes, i)) {
        const char *key = json_object_iter_key(i);
        json_t *value = json_object_iter_value(i);
        if (!mw_label_of_words((mw_piece){key, strlen(key)}, &kind))
            continue;
        if (kind == MW_LABEL_OBJECTS)
            boxes = value;
        else if (json_is_null(value))
            part[kind] = (mw_piece){"", 0};
        else if (json_is_string(value))
            part[kind] = (mw_piece){json_string_value(value), json_string_length(value)};
    }
    if (!boxes || !part[MW_LABEL_BACKGROUND].at)
        return;
    for (int k = 0; k < 4; k++)
        r->part[k] = part[k].at && is_none(part[k]) ? (mw_piece){part[k].at, 0} : part[k];
    r->map = out->boxes;
    out->boxes = json_incref(boxes);
}

static mw_status twice(reader *r, const char *label)
{
    char quoted[80];
    return mw_fail(r->c, r->from->code, "%s: there is more than one \"%s\" in \"%s\"", r->from->name, label,
                   mw_printable_n(r->text.at, r->text.n, quoted, sizeof quoted));
}

// Labels and their values up to the end of the completion: the next caption or list, or, behind a blank line,
// a prompt that is there already.
static mw_status read_prompts(reader *r)
{
    static const char *const names[] = {"Caption:", "Objects:", "Background prompt:", "Negative prompt:"};
    for (bool more = true; more && !mw_err(r->c);) {
        mw_label l = {.begin = r->text.n};
        more = mw_label_find(r->text, r->at, MW_ANY_LABEL, &l);
        tell_note(r, &l);
        if (more && r->behind && l.begin == r->behind) {
            r->at = r->list_end;
            continue;
        }
        bool apart = has_blank_line(between(r, r->at, l.begin));
        if (!more || l.kind == MW_LABEL_CAPTION || l.kind == MW_LABEL_OBJECTS ||
            (apart && r->part[l.kind].at))
            break;
        if (r->part[l.kind].at)
            return twice(r, names[l.kind]);
        take_value(r, &l);
    }
    return mw_err(r->c);
}

mw_status mw_completion_read_strict(mw_ctx *c, const mw_layout_source *from, mw_piece text,
                                    mw_completion *out)
{
    reader r = {.c = c, .from = from, .text = after_thoughts(text)};
    if (read_list(&r, out) != MW_OK)
        return mw_err(c);
    read_map(&r, out);
    if (!r.map && read_prompts(&r) != MW_OK)
        return mw_err(c);
    if (!r.part[MW_LABEL_BACKGROUND].at)
        return no_background(&r);
    out->caption = mw_piece_copy(c, from, "caption", r.part[MW_LABEL_CAPTION]);
    out->background =
        mw_err(c) ? NULL : mw_piece_copy(c, from, "background prompt", r.part[MW_LABEL_BACKGROUND]);
    out->negative = mw_err(c) ? NULL : mw_piece_copy(c, from, "negative prompt", r.part[MW_LABEL_NEGATIVE]);
    json_decref(r.map);
    return mw_err(c);
}
