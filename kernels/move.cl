// move.cl: concatenation, embedding and resampling; used by core/ops/{concat,embedding,resize}.c.
//
// Each item makes `chunk` consecutive elements of rows of n.

// y[row * y_row + i] = x[row,i] and, behind it, y[row * y_row + n + i] = x2[row,i], rows of n and n2; y begins at the part
// that x fills. total: of both.
KERNEL void concat(ARG(const T, x), ARG(const T, x2), ARG(T, y), long total, int chunk, long n, long n2, long y_row)
{
    BEGIN(const T, x);
    BEGIN(const T, x2);
    BEGIN(T, y);
    long first = (long)get_global_id(0) * chunk, last = min(first + chunk, total), both = n + n2;
    for (long i = first; i < last;) {
        long row = i / both, column = i % both, end = min(column < n ? n : both, column + last - i);
        global const T *from = column < n ? x + row * n : x2 + row * n2 - n;
        for (long j = column; j < end; j += V)
            store_part(y, row * y_row + j, end - j, load_part(from, j, end - j, 0.0f));
        i += end - column;
    }
}

// y[row] = table[ids[row]], rows of n; NaN where there is no such row.
KERNEL void embedding(ARG(const W, table), ARG(const int, ids), ARG(T, y), long total, int chunk, long n, long count)
{
    BEGIN(const W, table);
    BEGIN(const int, ids);
    BEGIN(T, y);
    long first = (long)get_global_id(0) * chunk, last = min(first + chunk, total);
    for (long i = first; i < last;) {
        long row = i / n, column = i % n, end = min(n, column + last - i), id = ids[row];
        for (long j = column; j < end; j += V)
            store_part(y, row * n + j, end - j,
                       id < 0 || id >= count ? (vfloat)NAN : loadw_part(table, id * n + j, end - j, 0.0f));
        i += end - column;
    }
}

// y[B,h2,w2,n] from x[B,h,w,n]: the element at (floor(i h / h2), floor(j w / w2)).
KERNEL void resize_nearest(ARG(const T, x), ARG(T, y), long total, int chunk, long n, long h, long w, long h2, long w2)
{
    BEGIN(const T, x);
    BEGIN(T, y);
    long first = (long)get_global_id(0) * chunk, last = min(first + chunk, total);
    for (long i = first; i < last;) {
        long row = i / n, column = i % n, end = min(n, column + last - i);
        long from = (row / w2 / h2 * h + row / w2 % h2 * h / h2) * w + row % w2 * w / w2;
        for (long j = column; j < end; j += V)
            store_part(y, row * n + j, end - j, load_part(x, from * n + j, end - j, 0.0f));
        i += end - column;
    }
}

// y[B,h2,w2,n] from x[B,h,w,n], each centre's four neighbours weighted; the edge is repeated outside.
KERNEL void resize_bilinear(ARG(const T, x), ARG(T, y), long total, int chunk, long n, long h, long w, long h2, long w2)
{
    BEGIN(const T, x);
    BEGIN(T, y);
    long first = (long)get_global_id(0) * chunk, last = min(first + chunk, total);
    float step_v = (float)h / h2, step_u = (float)w / w2;
    for (long i = first; i < last;) {
        long row = i / n, column = i % n, end = min(n, column + last - i), b = row / w2 / h2;
        float v = max((row / w2 % h2 + 0.5f) * step_v - 0.5f, 0.0f), u = max((row % w2 + 0.5f) * step_u - 0.5f, 0.0f);
        long v0 = min((long)v, h - 1), v1 = min(v0 + 1, h - 1), u0 = min((long)u, w - 1), u1 = min(u0 + 1, w - 1);
        float fv = v - v0, fu = u - u0;
        long nw = ((b * h + v0) * w + u0) * n, ne = ((b * h + v0) * w + u1) * n;
        long sw = ((b * h + v1) * w + u0) * n, se = ((b * h + v1) * w + u1) * n;
        for (long j = column; j < end; j += V) {
            long m = end - j;
            vfloat top = load_part(x, nw + j, m, 0.0f) * (1 - fu) + load_part(x, ne + j, m, 0.0f) * fu;
            vfloat low = load_part(x, sw + j, m, 0.0f) * (1 - fu) + load_part(x, se + j, m, 0.0f) * fu;
            store_part(y, row * n + j, m, top * (1 - fv) + low * fv);
        }
        i += end - column;
    }
}
