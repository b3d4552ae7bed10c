// value.h: what travels on the wires of a graph. Plain data (numbers, texts, lists, maps), tensors, and
// opaque objects.
//
// The type names of ports ("image", "latents", "layout", "schedule", ...) say what a value means; the kinds
// below say how it is held. Everything but tensors and objects can be shown as Lua values or JSON without
// further knowledge.
#ifndef MW_VALUE_H
#define MW_VALUE_H

#include "core/tensor/tensor.h"

typedef enum { MW_NIL, MW_BOOL, MW_NUMBER, MW_TEXT, MW_TENSOR, MW_LIST, MW_MAP, MW_OBJECT } mw_kind;

// An opaque handle made by a node (a checkpoint's unet, say). The first member of the node's own struct.
typedef struct mw_object {
    const struct mw_object_type *type;
    atomic_int refs;
} mw_object;

typedef struct mw_object_type {
    const char *name;           // "unet": the port type it satisfies
    void (*free)(mw_object *o); // called when the last share goes
    // The part of this object that a port of type `port_type` takes (a checkpoint's "vae"), borrowed; NULL
    // when none. May be NULL: no parts.
    mw_object *(*part)(mw_object *o, const char *port_type);
    // Port types that `part` answers, NULL-terminated, for wiring checks; may be NULL.
    const char *const *parts;
    // Device memory that goes when the object goes, as it is now (weights count once they are loaded), on
    // this stream, or (NULL) on all; the function NULL: none.
    size_t (*bytes)(const mw_object *o, const struct mw_stream *s);
    // The last mw_revision_next of what it stands for, which was changed in place; 0: never. What nodes make
    // of it is known by that as well. May be NULL: it is never changed.
    unsigned long (*revision)(const mw_object *o);
} mw_object_type;

typedef struct mw_value mw_value; // immutable once shared; counted; safe to share between threads

// Constructors return one share; mw_value_release gives it back. NULL with an error pending when memory is
// out.
mw_value *mw_value_nil(mw_ctx *c);
mw_value *mw_value_bool(mw_ctx *c, bool b);
mw_value *mw_value_number(mw_ctx *c, double x);
mw_value *mw_value_text(mw_ctx *c, const char *utf8, size_t length);
mw_value *mw_value_tensor(mw_ctx *c, mw_tensor *t); // takes a share of its own
mw_value *mw_value_object(mw_ctx *c, mw_object *o); // takes over the caller's share
mw_value *mw_value_list(mw_ctx *c);
mw_value *mw_value_map(mw_ctx *c);                                                 // keeps insertion order
mw_status mw_value_push(mw_ctx *c, mw_value *list, mw_value *item);                // takes over item's share
mw_status mw_value_set(mw_ctx *c, mw_value *map, const char *key, mw_value *item); // takes over item's share
mw_value *mw_value_retain(mw_value *v);
void mw_value_release(mw_value *v);

// Accessors: total; a value of another kind (or NULL) gives the neutral answer.
mw_kind mw_value_kind(const mw_value *v); // MW_NIL for NULL
const char *mw_kind_name(mw_kind k);      // "number"
bool mw_value_as_bool(const mw_value *v);
double mw_value_as_number(const mw_value *v);    // 0
const char *mw_value_as_text(const mw_value *v); // ""
size_t mw_value_text_length(const mw_value *v);
mw_tensor *mw_value_as_tensor(const mw_value *v);             // borrowed; NULL
mw_object *mw_value_as_object(const mw_value *v);             // borrowed; NULL
size_t mw_value_count(const mw_value *v);                     // items of a list or map
mw_value *mw_value_at(const mw_value *v, size_t i);           // borrowed; list or map entry; NULL
const char *mw_value_key_at(const mw_value *v, size_t i);     // of a map; ""
mw_value *mw_value_get(const mw_value *map, const char *key); // borrowed; NULL

// Memory that goes when the value goes, roughly: host bytes plus the elements of its tensors. Objects count
// as themselves only.
size_t mw_value_bytes(const mw_value *v);
// What the objects in it hold on the device (mw_object_type.bytes).
size_t mw_value_object_bytes(const mw_value *v);

// The last revision of the objects in it; 0: none was ever changed in place.
unsigned long mw_value_revision(const mw_value *v);

void mw_object_retain(mw_object *o);
void mw_object_release(mw_object *o);

#endif
