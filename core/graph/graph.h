// graph.h: a graph: node instances, what feeds them, and the keys of what they make.
//
// A node's inputs are values in which links stand for other nodes' outputs, at the top or inside lists and
// maps. A node can only be fed by nodes added before it, so that ids are a topological order and cycles
// cannot be written.
#ifndef MW_GRAPH_H
#define MW_GRAPH_H

#include "core/graph/schema.h"

typedef struct mw_hash {
    uint64_t lo, hi;
} mw_hash;

// Why a node's result may not be cached, or that it may.
typedef enum { MW_KEY_UNKNOWN, MW_KEY_GOOD, MW_KEY_NONE } mw_key_state;

typedef struct mw_gnode {
    const mw_schema *schema;
    mw_value **in; // schema->nin: literal, default, link, or a list or map with links inside
    bool *linked;  // schema->nin: there is a link in it
    int *deps;     // ids of the nodes that feed it, ascending, each once
    int ndeps;
    int id, refs;                   // refs: of nodes that it feeds, and from outside of the graph
    char *where;                    // "graphs/lmd.lua:19"
    bool device;                    // it uses one, or something that feeds it does
    bool called;                    // it is given a function
    bool sealed;                    // its inputs were let go: key and results stay as they are
    bool marked;                    // for walks over the graph; false between them
    int slot;                       // its place in the plan of the run, from 1; 0: none
    size_t bytes;                   // of its literals
    struct mw_gnode *older, *newer; // of all nodes that are there, by id
    mw_hash key;                    // also of a node whose results may not be cached
    mw_key_state key_state;
    uint64_t functions;     // a hash of the functions that the key depends on
    unsigned long revision; // of what feeds it, in the key
    mw_hash made;           // the key that `out` was made with
    mw_value **out;         // schema->nout results while somebody needs them; NULL before and after
    mw_value **copies;      // of results on other devices: [output * MW_MOST_STREAMS + stream]; NULL: none
    int pin;                // 1 + the device that it must run on; 0: any
    int holds;              // how many hold the results beyond the run that made them
} mw_gnode;

typedef struct mw_graph mw_graph;

mw_graph *mw_graph_new(mw_ctx *c);
void mw_graph_free(mw_graph *g);
int mw_graph_count(const mw_graph *g);              // ids below this were given to nodes
mw_gnode *mw_graph_node(const mw_graph *g, int id); // NULL when there is none, or none any more
mw_gnode *mw_graph_first(const mw_graph *g);        // the lowest id; ->newer leads on

// ---- growth
// A node is named by the nodes that it feeds and from outside: whoever adds it, holds a handle to it or keeps
// a link to it as an output. All on the thread that adds nodes.
void mw_graph_retain(mw_graph *g, int id);
void mw_graph_release(mw_graph *g, int id);                            // MW_BROKEN is no node
void mw_graph_name_links(mw_graph *g, const mw_value *v, bool retain); // of all links in v
// There are so many nodes that mw_graph_sweep is worth its while: a few thousand, then twice as many as the
// last sweep left.
bool mw_graph_crowded(const mw_graph *g);
// While nothing runs, where the graph is crowded: nodes that nothing names go. A node whose results are held
// and known by their key lets go of what feeds it, so that a loop of many steps does not keep them all: what
// the results follow from is in the key, and they stay what they are when a file or function changes later.
void mw_graph_sweep(mw_ctx *c, mw_graph *g);

// The schema of a type, made at its first use and kept by the graph.
const mw_schema *mw_graph_schema(mw_ctx *c, mw_graph *g, const mw_node_type *type);

// The type whose schema has this index; NULL beyond the last.
const mw_node_type *mw_graph_type(const mw_graph *g, int index);

// The recipe (recipe.h) that the keys of nodes which use a device follow from; the others' follow from the
// program's part of it. Set it when the device was opened, before their keys are asked for.
mw_status mw_graph_set_recipe(mw_ctx *c, mw_graph *g);
// The recipe of device nodes; of the program alone before it was set. Borrowed.
const char *mw_graph_recipe(const mw_graph *g);

// ---- links
enum { MW_WHOLE = -1, MW_BROKEN = -1 };
typedef struct mw_link {
    mw_object base;
    int node; // MW_BROKEN: a node that was refused; fits everywhere, so that one mistake is reported once
    int out;  // MW_WHOLE: the handle itself, not one of its outputs
} mw_link;
mw_value *mw_link_value(mw_ctx *c, int node, int out);
const mw_link *mw_link_of(const mw_value *v); // NULL when v is not a link
// A link anywhere in v.
bool mw_link_inside(const mw_value *v);

// ---- wiring
typedef struct mw_wiring {
    const char *where; // "graphs/lmd.lua:19"
    // A hint for a port that got nothing ("did you mean p.prompt?"), free()d by the caller; NULL: none. May
    // be NULL.
    char *(*hint)(void *user, const char *port);
    // Called with each problem's sentence; NULL: the first one fails the context.
    void (*report)(void *user, const char *sentence);
    void *user;
    int pin; // of a node that uses a device and is given no `device` itself: mw_gnode.pin
} mw_wiring;

// What every constructor takes besides the ports of its type, where none of them has the name.
extern const mw_port mw_device_port;

// Add a node (on one thread at a time; others may run nodes meanwhile) with the arguments of a map (port name
// -> literal, link or nested lists of both). Returns its id, named once for the caller; MW_BROKEN with an
// error pending (MW_E_SCRIPT "where: node: 'port' must be ..."), or, when w->report is set, with every
// problem reported and none pending.
int mw_graph_add(mw_ctx *c, mw_graph *g, const mw_node_type *type, const mw_value *args, const mw_wiring *w);

// The same arguments, checked and with what is absent filled in, without a node: in[i] for each input of the
// type, one share each. w->report must be NULL.
mw_status mw_graph_arguments(mw_ctx *c, mw_graph *g, const mw_node_type *type, const mw_value *args,
                             const mw_wiring *w, mw_value **in);

// Check a value (a literal, a link, or both nested) against a port as mw_graph_add would: MW_E_SCRIPT "'port'
// must be
// ..." where it does not take it.
mw_status mw_graph_check(mw_ctx *c, mw_graph *g, const mw_port *p, mw_value *v);

// ---- keys
// The key of a node's results; also those of all that feed it. MW_KEY_NONE when it is impure or fed by such a
// node.
mw_key_state mw_graph_key(mw_ctx *c, mw_graph *g, int id);
// Before an evaluation: looks anew at the files and functions that keys depend on. Where one is another now,
// keys are found anew when they are asked for.
void mw_graph_refresh(mw_ctx *c, mw_graph *g);
// After an evaluation: what a node's function changed while it ran does not make its own results old.
void mw_graph_settle(mw_ctx *c, mw_graph *g);
// A hash, as text, of what the file or folder holds that `name` leads to (mw_find_path), wherever that is;
// empty when there is none. Of a folder: the names and contents of what is not hidden, four folders deep.
mw_value *mw_file_identity(mw_ctx *c, const char *name);
// MW_E_FILE naming the file when one that the node is given is not what it was when its key was found.
mw_status mw_graph_check_files(mw_ctx *c, mw_graph *g, int id);

#endif
