// jinja_internal.h: what the files of the template interpreter share.
#ifndef MW_JINJA_INTERNAL_H
#define MW_JINJA_INTERNAL_H

#include "nodes/nets/jinja/jinja.h"

#define MW_JINJA_DEPTH 100 // of nesting: of expressions and statements, of calls of macros

// ---- memory that goes at once (jinja_memory.c)
typedef struct mw_jinja_block mw_jinja_block;
typedef struct {
    mw_ctx *c;
    mw_jinja_block *last;
    size_t used, limit; // bytes
} mw_jinja_memory;
// Zeroed; NULL with an error pending, MW_E_ARG beyond the limit.
void *mw_jinja_alloc(mw_jinja_memory *m, size_t bytes);
void mw_jinja_release(mw_jinja_memory *m);
// Room for one more than n items in a list that grows in powers of two; the list, NULL on failure.
void *mw_jinja_grow(mw_jinja_memory *m, void *items, size_t n, size_t item_bytes);

// ---- values
typedef struct mw_jinja_value mw_jinja_value;

typedef struct {
    const char *text;             // zero-terminated, and may hold zeros
    const unsigned char *foreign; // for each byte whether it is; NULL: none is
    size_t size;
} mw_jinja_string;

typedef struct {
    mw_jinja_value *item;
    size_t n;
    bool tuple;
} mw_jinja_list;

typedef struct {
    mw_jinja_value *key, *item;
    size_t n;
} mw_jinja_dict;

typedef struct {
    const mw_jinja_list *of;
    size_t at;
} mw_jinja_loop;

typedef enum {
    MW_JINJA_UNDEFINED, // a zeroed value
    MW_JINJA_NONE,
    MW_JINJA_BOOL,
    MW_JINJA_INT,
    MW_JINJA_FLOAT,
    MW_JINJA_STRING,
    MW_JINJA_LIST,
    MW_JINJA_DICT,
    MW_JINJA_NAMESPACE, // a dict whose items may be set
    MW_JINJA_LOOP,
    MW_JINJA_MACRO,
    MW_JINJA_FUNCTION, // of the environment: by its name
    MW_JINJA_METHOD,   // of a value
} mw_jinja_kind;

struct mw_jinja_value {
    mw_jinja_kind kind;
    union {
        bool b;
        int64_t i;
        double f;
        const mw_jinja_string *s;
        mw_jinja_list *list;
        mw_jinja_dict *dict;
        const mw_jinja_loop *loop;
        const struct mw_jinja_macro *macro;
        const char *name; // of a function; what is undefined
        const struct mw_jinja_method *method;
    };
};

typedef struct mw_jinja_method {
    mw_jinja_value of;
    const char *name;
} mw_jinja_method;

// ---- a template as it was read
typedef enum {
    // expressions
    MW_JINJA_CONST,
    MW_JINJA_NAME,
    MW_JINJA_ATTRIBUTE, // a . name
    MW_JINJA_ITEM,      // a [ b ]
    MW_JINJA_SLICE,     // a [ list ]: from, to, step, each may be NULL
    MW_JINJA_CALL,      // a ( list )
    MW_JINJA_FILTER,    // a | name ( list )
    MW_JINJA_TEST,      // a is name ( list )
    MW_JINJA_KEYWORD,   // name = a, in a list of arguments
    MW_JINJA_NOT,
    MW_JINJA_NEGATIVE,
    MW_JINJA_POSITIVE,
    MW_JINJA_AND,
    MW_JINJA_OR,
    MW_JINJA_CHOICE,  // a if b else c
    MW_JINJA_BINARY,  // a name b: + - * / // % **
    MW_JINJA_COMPARE, // a, then for each of list: name a
    MW_JINJA_CONCAT,  // list, by ~
    MW_JINJA_ITEMS,   // list: [list] or (list)
    MW_JINJA_PAIRS,   // list: {list}, keys and values in turn
    // statements
    MW_JINJA_TEXT,    // its constant
    MW_JINJA_PRINT,   // a
    MW_JINJA_IF,      // a: list, else more
    MW_JINJA_FOR,     // target b in a if c: list, else more
    MW_JINJA_SET,     // b = a
    MW_JINJA_CAPTURE, // b = a, in which MW_JINJA_WRITTEN is what list writes
    MW_JINJA_DEFINE,  // macro name(more): list
    MW_JINJA_BREAK,
    MW_JINJA_CONTINUE,
    MW_JINJA_GROUP, // list
} mw_jinja_node_kind;

#define MW_JINJA_WRITTEN                                                                                     \
    "(written)" // what a {% set x %} block wrote, for its filters: a name that none can have

typedef struct mw_jinja_node mw_jinja_node;
struct mw_jinja_node {
    mw_jinja_node_kind kind;
    int line;
    const char *name;
    mw_jinja_value value;
    mw_jinja_node *a, *b, *c;
    mw_jinja_node **list, **more;
    size_t n, nmore;
    bool tuple;
};

typedef struct mw_jinja_macro {
    const mw_jinja_node *node;
    struct mw_jinja_scope *scope; // where it was defined
} mw_jinja_macro;

struct mw_jinja {
    mw_jinja_memory memory;
    char *name;
    size_t size;
    mw_jinja_node **list;
    size_t n;
};

// ---- reading
typedef enum {
    MW_JINJA_T_END,
    MW_JINJA_T_NAME,
    MW_JINJA_T_TEXT,
    MW_JINJA_T_INT,
    MW_JINJA_T_FLOAT,
    MW_JINJA_T_SIGN
} mw_jinja_token_kind;

typedef struct {
    mw_jinja_token_kind kind; // END: of the tag
    char *text;               // a name, a sign, what quotes hold
    size_t size;
    int64_t i;
    double f;
} mw_jinja_token;

typedef struct {
    mw_ctx *c;
    mw_jinja_memory *m;
    const char *name; // of the template
    const char *text; // with line feeds only
    size_t size, at;
    int line, depth;
    bool at_line_start;   // of the template's text
    bool in_block;        // the open tag is {% %}
    int open;             // brackets in it
    mw_jinja_token token; // the next one
} mw_jinja_reader;

// MW_E_FILE "name, line n: ...".
mw_status mw_jinja_bad(mw_jinja_reader *r, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
// (jinja_lexer.c) Text up to the next tag, NULL for none; *tag is what comes then: '{' a print, '%' a
// statement, '#' more text, 0 the end.
mw_jinja_node *mw_jinja_read_text(mw_jinja_reader *r, char *tag);
void mw_jinja_next(mw_jinja_reader *r); // the next token of the open tag into r->token
bool mw_jinja_is_sign(const mw_jinja_reader *r, const char *sign);
bool mw_jinja_is_name(const mw_jinja_reader *r, const char *name);
bool mw_jinja_take_sign(mw_jinja_reader *r, const char *sign); // goes on when it is that
bool mw_jinja_take_name(mw_jinja_reader *r, const char *name);
void mw_jinja_want_sign(mw_jinja_reader *r, const char *sign);
mw_jinja_node *mw_jinja_node_new(mw_jinja_reader *r, mw_jinja_node_kind kind);
mw_jinja_node *mw_jinja_node_of(mw_jinja_reader *r, mw_jinja_node_kind kind, const char *name,
                                mw_jinja_node *a, mw_jinja_node *b);
const char *
mw_jinja_want_name(mw_jinja_reader *r); // the name at hand, which is taken; "" with an error pending
void mw_jinja_put(mw_jinja_reader *r, mw_jinja_node ***list, size_t *n, mw_jinja_node *one);
// (jinja_expression.c) An expression; with commas a tuple. `conditions`: "a if b else c" is read.
mw_jinja_node *mw_jinja_read_expression(mw_jinja_reader *r, bool conditions);
mw_jinja_node *mw_jinja_read_primary(mw_jinja_reader *r);
mw_jinja_node *mw_jinja_read_postfix(mw_jinja_reader *r, mw_jinja_node *of);
mw_jinja_node *mw_jinja_read_tuple(mw_jinja_reader *r, bool conditions);
mw_jinja_node *mw_jinja_read_filters(mw_jinja_reader *r, mw_jinja_node *of, bool tests);
mw_jinja_node *mw_jinja_read_target(mw_jinja_reader *r); // what for and set name

// ---- running
typedef struct mw_jinja_scope {
    struct mw_jinja_scope *outer;
    mw_jinja_dict names;
} mw_jinja_scope;

typedef struct {
    char *text;
    unsigned char *foreign;
    size_t n, room;
} mw_jinja_writer;

typedef struct {
    mw_ctx *c;
    const mw_jinja *t;
    mw_jinja_memory m;
    mw_jinja_scope *scope;
    mw_jinja_writer *out;
    uint64_t steps;
    int depth, line;
} mw_jinja_run;

// MW_E_ARG "name, line n: ..."; returns an undefined value.
mw_jinja_value mw_jinja_wrong(mw_jinja_run *r, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
bool mw_jinja_stopped(mw_jinja_run *r); // an error is pending, or it ran on for too long

// Arguments of a call: by place, then by name.
typedef struct {
    mw_jinja_value *item;
    size_t n;
    const char **keyword; // of the last `nkeywords` items
    size_t nkeywords;
} mw_jinja_arguments;
// The argument of that place or name; undefined where there is none.
mw_jinja_value mw_jinja_argument(const mw_jinja_arguments *a, size_t place, const char *name);
// False with an error pending when there are others than these, NULL-terminated; at most that many.
bool mw_jinja_takes(mw_jinja_run *r, const char *what, const mw_jinja_arguments *a, const char *const *names);

mw_jinja_value mw_jinja_eval(mw_jinja_run *r, const mw_jinja_node *n); // jinja_eval.c
// (jinja_operators.c) + - * / // % **, and == != < <= > >= in, not in.
mw_jinja_value mw_jinja_binary(mw_jinja_run *r, const char *op, mw_jinja_value a, mw_jinja_value b);
bool mw_jinja_compare(mw_jinja_run *r, const char *op, mw_jinja_value a, mw_jinja_value b);
void mw_jinja_exec(mw_jinja_run *r, mw_jinja_node *const *list, size_t n, int *leaving); // jinja_run.c
mw_jinja_value mw_jinja_call_macro(mw_jinja_run *r, const mw_jinja_macro *macro, const mw_jinja_arguments *a);
mw_jinja_value mw_jinja_call_function(mw_jinja_run *r, const char *name, const mw_jinja_arguments *a);
bool mw_jinja_is_function(const char *name);
mw_jinja_value mw_jinja_filter(mw_jinja_run *r, const char *name, mw_jinja_value of,
                               const mw_jinja_arguments *a);
bool mw_jinja_is_list_filter(const char *name);
mw_jinja_value mw_jinja_filter_list(mw_jinja_run *r, const char *name, mw_jinja_value of,
                                    const mw_jinja_arguments *a);
bool mw_jinja_test(mw_jinja_run *r, const char *name, mw_jinja_value of, const mw_jinja_arguments *a);
bool mw_jinja_is_filter(const char *name);
bool mw_jinja_is_test(const char *name);
// Methods: whether the value has one of that name, and calling it.
bool mw_jinja_has_method(mw_jinja_value of, const char *name);
mw_jinja_value mw_jinja_call_method(mw_jinja_run *r, const mw_jinja_method *method,
                                    const mw_jinja_arguments *a);

// ---- values (jinja_value.c)
mw_jinja_value mw_jinja_bool(bool b);
mw_jinja_value mw_jinja_int(int64_t i);
mw_jinja_value mw_jinja_float(double f);
mw_jinja_value mw_jinja_string_new(mw_jinja_memory *m, const char *text, size_t size,
                                   const unsigned char *foreign);
mw_jinja_value mw_jinja_words(mw_jinja_run *r, const char *text); // of the interpreter itself
mw_jinja_value mw_jinja_part(mw_jinja_run *r, const mw_jinja_string *s, size_t begin, size_t end);
mw_jinja_value mw_jinja_list_new(mw_jinja_memory *m);
void mw_jinja_push(mw_jinja_memory *m, mw_jinja_value list, mw_jinja_value item);
mw_jinja_value mw_jinja_dict_new(mw_jinja_memory *m);
void mw_jinja_set(mw_jinja_memory *m, mw_jinja_dict *d, mw_jinja_value key, mw_jinja_value item);
const mw_jinja_value *mw_jinja_get(const mw_jinja_dict *d, mw_jinja_value key);    // NULL: none
const mw_jinja_value *mw_jinja_get_name(const mw_jinja_dict *d, const char *name); // NULL: none
mw_jinja_value mw_jinja_of_json(mw_jinja_memory *m, const json_t *v, bool foreign);
bool mw_jinja_true(mw_jinja_value v);
bool mw_jinja_equal(mw_jinja_value a, mw_jinja_value b);
// -1, 0, 1; an error for values that have no order.
int mw_jinja_order(mw_jinja_run *r, mw_jinja_value a, mw_jinja_value b);
const char *mw_jinja_kind_name(mw_jinja_value v);
bool mw_jinja_is_number(mw_jinja_value v); // a truth value too, as in Python
double mw_jinja_as_number(mw_jinja_value v);
int64_t mw_jinja_as_int(mw_jinja_value v); // of INT and BOOL
// The items of a list, keys of a dict, characters of a text, nothing of what is undefined; an error for
// others.
const mw_jinja_list *mw_jinja_items_of(mw_jinja_run *r, mw_jinja_value v);
size_t mw_jinja_characters(const mw_jinja_string *s);
size_t mw_jinja_byte_of(const mw_jinja_string *s,
                        size_t character); // where it begins; the size past the last

// ---- writing (jinja_write.c)
void mw_jinja_put_text(mw_jinja_run *r, mw_jinja_writer *w, const char *text, size_t size,
                       const unsigned char *foreign);
void mw_jinja_put_words(mw_jinja_run *r, mw_jinja_writer *w, const char *text);
void mw_jinja_put_value(mw_jinja_run *r, mw_jinja_writer *w, mw_jinja_value v); // as Python's str
void mw_jinja_put_repr(mw_jinja_run *r, mw_jinja_writer *w, mw_jinja_value v);  // as Python's repr
// As Python's json.dumps; indent < 0: on one line. separators NULL: ", " and ": ".
void mw_jinja_put_json(mw_jinja_run *r, mw_jinja_writer *w, mw_jinja_value v, int indent, int depth,
                       bool sorted, bool ascii);
mw_jinja_value mw_jinja_written(mw_jinja_run *r, const mw_jinja_writer *w);

#endif
