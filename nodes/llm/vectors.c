// vectors.c: reads a file of vectors, one for each of many texts.
#include "core/base/paths.h"
#include "core/graph/node.h"
#include "nodes/nets/llm/vectors_file.h"

#include <stdlib.h>

enum { PATH };
static const mw_port in[] = {
    [PATH] = {.name = "path",
              .type = "path",
              .doc = "a .pt of torch.save (a dict of texts and vectors; it is read as data, nothing of it is "
                     "executed), or a "
                     ".safetensors: a tensor for each text, or what mw.output wrote"},
    {.name = NULL},
};

static const mw_out out[] = {
    {.name = "vectors",
     .type = "vectors",
     .doc =
         "{captions = {text, ...}, vectors = [N,D]}: vector i belongs to text i, in the order of the file"},
    {.name = NULL},
};

static mw_status run(mw_ctx *c, mw_value *const *i, mw_value **o)
{
    char *path = mw_find_path(c, mw_value_as_text(i[PATH]));
    o[0] = path ? mw_vectors_read(c, path) : NULL;
    free(path);
    return mw_err(c);
}

const mw_node_type mw_node_vectors = {
    .name = "vectors",
    .version = 1,
    .doc = "Reads the vectors that a language model made of many texts, as the SUR-adapter (arXiv "
           "2305.05189) is trained with. "
           "mw.output writes them as one safetensors file.",
    .in = in,
    .out = out,
    .run = run,
};
