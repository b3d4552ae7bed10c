// buffer.c: the memory pool of a device: ranges of large buffers, best fit, neighbours joined when they
// become free.
//
// A freed range may be handed out again at once although kernels that use it are still queued: the queue is
// in order, so whatever is enqueued later runs later.
#include "core/cl/device_internal.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum { ALIGN = 256 };                         // at least
static const size_t BLOCK = (size_t)32 << 20; // small requests share buffers of this size
static const size_t PAGE = (size_t)2 << 20;   // a large page of x86 and ARM

typedef struct mw_range {
    struct block *block;
    size_t begin, size;
    bool used;
    struct mw_range *left, *right; // neighbours in the block
    struct mw_range *prev, *next;  // list of free ranges
} mw_range;

typedef struct block {
    cl_mem mem;
    size_t size;
    bool lent; // mw_pool_lend's: of no pool
    mw_range *first;
    struct block *next;
} block;

struct mw_pool {
    mw_stream *stream;
    size_t align; // of ranges: also where the device lets a sub-buffer start
    block *blocks;
    mw_range free_list; // head of a ring
    mw_memory_use use;
    mw_trim_fn trim;
    void *trim_user;
};

static void list_add(struct mw_pool *p, mw_range *r)
{
    r->used = false;
    r->next = p->free_list.next;
    r->prev = &p->free_list;
    r->next->prev = r->prev->next = r;
}

static void list_remove(mw_range *r)
{
    r->prev->next = r->next;
    r->next->prev = r->prev;
    r->prev = r->next = NULL;
}

struct mw_pool *mw_pool_new(mw_ctx *c, uint64_t limit)
{
    struct mw_pool *p = mw_alloc(c, sizeof *p);
    if (!p)
        return NULL;
    p->stream = c->stream;
    p->align = c->stream->info.address_align > ALIGN ? c->stream->info.address_align : ALIGN;
    p->use.limit = limit;
    p->free_list.next = p->free_list.prev = &p->free_list;
    return p;
}

static void block_free(struct mw_pool *p, block *b)
{
    for (mw_range *r = b->first, *next; r; r = next) {
        next = r->right;
        free(r);
    }
    if (b->mem)
        clReleaseMemObject(b->mem);
    p->use.held -= b->size;
    free(b);
}

void mw_pool_free(struct mw_pool *p)
{
    if (!p)
        return;
    for (block *b = p->blocks, *next; b; b = next) {
        next = b->next;
        block_free(p, b);
    }
    free(p);
}

// Give wholly free blocks back to the driver.
static void release_free_blocks(struct mw_pool *p)
{
    for (block **at = &p->blocks; *at;) {
        block *b = *at;
        if (b->first->used || b->first->right) {
            at = &b->next;
            continue;
        }
        *at = b->next;
        list_remove(b->first);
        block_free(p, b);
    }
}

static mw_range *best_fit(struct mw_pool *p, size_t bytes)
{
    mw_range *best = NULL;
    for (mw_range *r = p->free_list.next; r != &p->free_list; r = r->next)
        if (r->size >= bytes && (!best || r->size < best->size))
            best = r;
    return best;
}

static void CL_CALLBACK free_pages(cl_mem unused, void *pages)
{
    (void)unused;
    free(pages);
}

// Where a device computes in the host's own memory, that is asked for in large pages: gigabytes of them are
// touched in a fraction of the time, and taken down in milliseconds when the process ends.
static cl_mem new_buffer(mw_stream *d, size_t size, cl_int *e)
{
    if (strcmp(d->info.type, "cpu") != 0 || !d->info.unified_memory)
        return clCreateBuffer(d->context, CL_MEM_READ_WRITE, size, NULL, e);
    void *pages;
    *e = CL_OUT_OF_HOST_MEMORY;
    if (posix_memalign(&pages, PAGE, size) != 0)
        return NULL;
    madvise(pages, size, MADV_HUGEPAGE); // a wish
    cl_mem mem = clCreateBuffer(d->context, CL_MEM_READ_WRITE | CL_MEM_USE_HOST_PTR, size, pages, e);
    if (*e != CL_SUCCESS) {
        free(pages);
        return NULL;
    }
    // Kernels in flight may still use a buffer that was released.
    *e = clSetMemObjectDestructorCallback(mem, free_pages, pages);
    if (*e == CL_SUCCESS)
        return mem;
    clReleaseMemObject(mem); // a new one: it goes at once
    free(pages);
    return NULL;
}

// A new block with one free range, or NULL without an error when the driver refuses.
static mw_range *add_block(struct mw_pool *p, size_t size)
{
    block *b = calloc(1, sizeof *b);
    mw_range *r = calloc(1, sizeof *r);
    cl_int e = CL_OUT_OF_HOST_MEMORY;
    if (b && r)
        b->mem = new_buffer(p->stream, size, &e);
    if (e != CL_SUCCESS) {
        free(b);
        free(r);
        return NULL;
    }
    b->size = r->size = size;
    b->first = r;
    r->block = b;
    b->next = p->blocks;
    p->blocks = b;
    list_add(p, r);
    p->use.held += size;
    p->use.allocations++;
    if (p->use.held > p->use.peak)
        p->use.peak = p->use.held;
    return r;
}

static mw_range *grow(struct mw_pool *p, size_t bytes)
{
    size_t size = bytes > BLOCK / 2 ? bytes : BLOCK;
    if (p->use.held + size > p->use.limit)
        release_free_blocks(p);
    if (p->use.held + size > p->use.limit)
        size = bytes;
    if (p->use.held + size > p->use.limit)
        return NULL;
    return add_block(p, size);
}

static mw_range *split(struct mw_pool *p, mw_range *r, size_t bytes)
{
    if (r->size - bytes >= p->align) {
        mw_range *rest = calloc(1, sizeof *rest);
        if (rest) {
            *rest =
                (mw_range){.block = r->block, .begin = r->begin + bytes, .size = r->size - bytes, .left = r};
            rest->right = r->right;
            if (rest->right)
                rest->right->left = rest;
            r->right = rest;
            r->size = bytes;
            list_add(p, rest);
        }
    }
    list_remove(r);
    r->used = true;
    p->use.used += r->size;
    return r;
}

struct mw_range *mw_pool_take(mw_ctx *c, size_t bytes)
{
    mw_stream *d = c->stream;
    struct mw_pool *p = d->pool;
    size_t wanted = (bytes + p->align - 1) / p->align * p->align;
    if (wanted < bytes || wanted > d->info.max_alloc) {
        mw_fail(c, MW_E_MEMORY,
                "%s: asked for one buffer of %.1f MiB, the device allows at most %.1f MiB; take a smaller "
                "size or f16",
                d->name, (double)bytes / 0x1p20, (double)d->info.max_alloc / 0x1p20);
        return NULL;
    }
    if (!wanted)
        wanted = p->align;
    for (int attempt = 0;; attempt++) {
        pthread_mutex_lock(&d->lock);
        mw_range *r = best_fit(p, wanted);
        if (!r)
            r = grow(p, wanted);
        if (r)
            r = split(p, r, wanted);
        mw_memory_use use = p->use;
        mw_trim_fn trim = p->trim;
        void *user = p->trim_user;
        pthread_mutex_unlock(&d->lock);
        if (r)
            return r;
        if (attempt < 2 && trim && trim(user, wanted))
            continue;
        mw_fail(c, MW_E_MEMORY,
                "%s: out of memory: asked for %.1f MiB, %.1f MiB are in use (%.1f MiB held), the limit is "
                "%.1f MiB; "
                "a smaller size or --dtype f16 needs less",
                d->name, (double)wanted / 0x1p20, (double)use.used / 0x1p20, (double)use.held / 0x1p20,
                (double)use.limit / 0x1p20);
        return NULL;
    }
}

typedef struct lender {
    void (*done)(void *user);
    void *user;
} lender;

static void CL_CALLBACK give_back(cl_mem mem, void *user)
{
    (void)mem;
    lender l = *(lender *)user;
    free(user);
    l.done(l.user);
}

struct mw_range *mw_pool_lend(mw_ctx *c, const void *data, size_t bytes, void (*done)(void *user), void *user)
{
    block *b = mw_alloc(c, sizeof *b);
    mw_range *r = mw_alloc(c, sizeof *r);
    lender *l = mw_alloc(c, sizeof *l);
    if (!mw_err(c)) {
        cl_int e;
        *l = (lender){done, user};
        *r = (mw_range){.block = b, .size = bytes, .used = true};
        *b = (block){.size = bytes, .lent = true, .first = r};
        void *host = (void *)(uintptr_t)data; // read only: no kernel writes what was lent
        b->mem = clCreateBuffer(c->stream->context, CL_MEM_READ_ONLY | CL_MEM_USE_HOST_PTR, bytes, host, &e);
        if (e == CL_SUCCESS && (e = clSetMemObjectDestructorCallback(b->mem, give_back, l)) == CL_SUCCESS)
            return r;
        if (b->mem)
            clReleaseMemObject(b->mem);
        mw_cl_check(c, e, "lending memory of the host");
    }
    free(b);
    free(r);
    free(l);
    done(user);
    return NULL;
}

static void end_loan(mw_range *r)
{
    clReleaseMemObject(r->block->mem);
    free(r->block);
    free(r);
}

static mw_range *join(mw_range *left, mw_range *right)
{
    left->size += right->size;
    left->right = right->right;
    if (left->right)
        left->right->left = left;
    free(right);
    return left;
}

void mw_pool_give(mw_stream *d, struct mw_range *r)
{
    if (r->block->lent) {
        end_loan(r);
        return;
    }
    pthread_mutex_lock(&d->lock);
    struct mw_pool *p = d->pool;
    p->use.used -= r->size;
    if (r->right && !r->right->used) {
        list_remove(r->right);
        join(r, r->right);
    }
    if (r->left && !r->left->used) {
        list_remove(r->left);
        r = join(r->left, r);
    }
    list_add(p, r);
    pthread_mutex_unlock(&d->lock);
}

cl_mem mw_range_buffer(const struct mw_range *r) { return r->block->mem; }
size_t mw_range_begin(const struct mw_range *r) { return r->begin; }

mw_memory_use mw_device_memory(const mw_ctx *c)
{
    mw_memory_use use = {0};
    if (c->stream) {
        pthread_mutex_lock(&c->stream->lock);
        use = c->stream->pool->use;
        pthread_mutex_unlock(&c->stream->lock);
    }
    return use;
}

void mw_device_set_trim(mw_ctx *c, mw_trim_fn trim, void *user)
{
    for (mw_stream *s = c->stream->first; s; s = s->next) {
        pthread_mutex_lock(&s->lock);
        s->pool->trim = trim;
        s->pool->trim_user = user;
        pthread_mutex_unlock(&s->lock);
    }
}
