// reduce.cl: sums, means and maxima over one dimension, and the largest k; used by core/ops/{reduce,topk}.c.

// which: 0 sum, 1 mean, 2 max. y[rows] from x[rows,n]; a group's items walk a row together.
KERNEL void reduce_rows(ARG(const T, x), ARG(T, y), long rows, long n, int rows_per_group, int which)
{
    BEGIN(const T, x);
    BEGIN(T, y);
    local float tmp[WG];
    long first = (long)WORK_GROUP(0) * rows_per_group;
    for (long row = first; row < min(rows, first + rows_per_group); row++) {
        float none = which == 2 ? -INFINITY : 0.0f, r;
        vfloat v = none;
        for (long i = get_local_id(0) * V; i < n; i += WG * V) {
            vfloat u = load_part(x, row * n + i, n - i, none);
            v = which == 2 ? vmax(v, u) : v + u;
        }
        if (which == 2) {
            r = FOLD(v, OP_MAX);
            GROUP_FOLD(tmp, r, OP_MAX);
        } else {
            r = FOLD(v, OP_ADD);
            GROUP_FOLD(tmp, r, OP_ADD);
        }
        if (get_local_id(0) == 0)
            STORE(y, row, which == 1 ? r / n : r);
    }
}

// y[outer,inner] from x[outer,n,inner]; an item makes `chunk` consecutive results.
KERNEL void reduce_columns(ARG(const T, x), ARG(T, y), long total, int chunk, long n, long inner, int which)
{
    BEGIN(const T, x);
    BEGIN(T, y);
    long first = (long)get_global_id(0) * chunk, last = min(first + chunk, total);
    for (long i = first; i < last;) {
        long column = i % inner, at = i / inner * n * inner, end = min(inner, column + last - i);
        for (long j = column; j < end; j += V) {
            vfloat v = which == 2 ? -INFINITY : 0.0f;
            for (long r = 0; r < n; r++) {
                vfloat u = load_part(x, at + r * inner + j, end - j, 0.0f);
                v = which == 2 ? vmax(v, u) : v + u;
            }
            store_part(y, i + j - column, end - j, which == 1 ? v / n : v);
        }
        i += end - column;
    }
}

// The order of top-k: larger first, NaN before all, equals by position.
static inline int before(float a, long i, float b, long j)
{
    int a_nan = a != a, b_nan = b != b;
    if (a_nan != b_nan)
        return a_nan;
    return a > b ? 1 : a < b ? 0 : i < j;
}

// One item for each element: its rank is the number of elements before it.
KERNEL void topk_rank(ARG(const T, x), ARG(T, values), ARG(int, places), long total, long n, int k)
{
    BEGIN(const T, x);
    BEGIN(T, values);
    BEGIN(int, places);
    long i = get_global_id(0);
    if (i >= total)
        return;
    long row = i / n, own = i % n, rank = 0;
    float v = LOAD(x, i);
    for (long j = 0; j < n && rank < k; j++)
        rank += before(LOAD(x, row * n + j), j, v, own);
    if (rank < k) {
        STORE(values, row * k + rank, v);
        places[row * k + rank] = own;
    }
}

// Restores the heap below `at`: the element that comes last is on top. key: positions of the row's elements.
static inline void sink(global const T *x, global int *heap, int at, int size)
{
    for (;;) {
        int child = 2 * at + 1;
        if (child >= size)
            return;
        if (child + 1 < size && before(LOAD(x, heap[child]), heap[child], LOAD(x, heap[child + 1]), heap[child + 1]))
            child++;
        if (before(LOAD(x, heap[child]), heap[child], LOAD(x, heap[at]), heap[at]))
            return;
        int swap = heap[at];
        heap[at] = heap[child];
        heap[child] = swap;
        at = child;
    }
}

// One item for each row: a heap of the best k so far, then sorted in place.
KERNEL void topk_heap(ARG(const T, x), ARG(T, values), ARG(int, places), long rows, long n, int k)
{
    BEGIN(const T, x);
    BEGIN(T, values);
    BEGIN(int, places);
    long row = get_global_id(0);
    if (row >= rows)
        return;
    global const T *own = x + row * n;
    global int *heap = places + row * k;
    for (int i = 0; i < k; i++)
        heap[i] = i;
    for (int i = k / 2 - 1; i >= 0; i--)
        sink(own, heap, i, k);
    for (long i = k; i < n; i++)
        if (before(LOAD(own, i), i, LOAD(own, heap[0]), heap[0])) {
            heap[0] = i;
            sink(own, heap, 0, k);
        }
    for (int size = k - 1; size > 0; size--) {
        int swap = heap[0];
        heap[0] = heap[size];
        heap[size] = swap;
        sink(own, heap, 0, size);
    }
    for (int i = 0; i < k; i++)
        STORE(values, row * k + i, LOAD(own, heap[i]));
}
