// blocks.cl: weights in the blocks of files: rows to floats, and the product with few rows of x
// (core/ops/blocks_internal.c). That with many rows is in gemm.cl.
#include "blocks.clh"

// What they take behind their operands; core/ops/blocks_internal.c fills it.
typedef struct block_rows {
    long row_bytes, total;
    int rows, columns, type, group;  // of w
    int M, act, flags;               // rows of x
    int each;                        // groups, or rows of w, for an item
} block_rows;

enum { HAS_BIAS = 1, HAS_RESIDUAL = 2, HAS_IDS = 1 };

// Rows ids[i] of w (without ids: 0, 1, ..) to y[i], `total` groups of 32 (the last of a row may be less), of which an
// item takes `each`; NaN where there is no such row.
KERNEL void widen(ARG(const uchar, w), ARG(const int, ids), ARG(T, y), block_rows p)
{
    BEGIN(const uchar, w);
    BEGIN(const int, ids);
    BEGIN(T, y);
    int groups = (p.columns + 31) / 32;
    long first = (long)get_global_id(0) * p.each, last = min(first + p.each, p.total);
    for (long i = first; i < last;) {
        int g0 = i % groups, g1 = (int)min((long)groups, g0 + last - i), whole = min(g1, p.columns / 32);
        int id = p.flags & HAS_IDS ? ids[i / groups] : (int)(i / groups), end = min(32 * g1, p.columns);
        global T *to = y + i / groups * p.columns;
        i += g1 - g0;
        if (id < 0 || id >= p.rows) {
            for (int k = 32 * g0; k < end; k++)
                STORE(to, k, NAN);
            continue;
        }
        bytes row = w + row_in_file(id, p.group) * p.row_bytes;
#define WIDEN(name)                      \
    for (int g = g0; g < whole; g++) {   \
        float16 lo, hi;                  \
        decode_##name(row, g, &lo, &hi); \
        STORE16(to, 32 * g, lo);         \
        STORE16(to, 32 * g + 16, hi);    \
    }
        FOR_TYPE(p.type, WIDEN)
        for (int k = 32 * whole; k < end; k++)
            STORE(to, k, number_at(row, p.type, k));
    }
}

static inline float sum16(float16 v)
{
    float8 a = v.lo + v.hi;
    float4 b = a.lo + a.hi;
    return (b.x + b.z) + (b.y + b.w);
}

#define LOAD_FLOAT(p, i) ((p)[i])
#define LOAD_FLOATS(p, i) JOIN(vload, V)(0, (p) + (i))
DEFINE_LOAD_PART(bias_part, float, LOAD_FLOAT, LOAD_FLOATS)

#if CPU
#define TILE 4   // rows of w at a time
#define SPAN 64  // results that wait to be finished

// out[i] = the product of row n0 + i of w with x, for i < n; x: K floats, and zeros up to whole 32.
#define DOT(name)                                                                        \
    for (int i = 0; i < n; i += TILE) {                                                  \
        bytes row[TILE];                                                                 \
        float16 acc[TILE];                                                               \
        _Pragma("unroll") for (int r = 0; r < TILE; r++) {                               \
            row[r] = w + row_in_file(n0 + min(i + r, n - 1), p->group) * p->row_bytes;   \
            acc[r] = 0;                                                                  \
        }                                                                                \
        for (int g = 0; g < p->columns / 32; g++) {                                      \
            float16 x0 = vload16(2 * g, x), x1 = vload16(2 * g + 1, x);                  \
            _Pragma("unroll") for (int r = 0; r < TILE; r++) {                           \
                float16 lo, hi;                                                          \
                decode_##name(row[r], g, &lo, &hi);                                      \
                acc[r] = FMA(hi, x1, FMA(lo, x0, acc[r]));                               \
            }                                                                            \
        }                                                                                \
        _Pragma("unroll") for (int r = 0; r < TILE; r++) out[i + r] = sum16(acc[r]);     \
    }

static inline void dots(bytes w, const block_rows *p, local const float *x, int n0, int n, float *out)
{
    FOR_TYPE(p->type, DOT)
    for (int i = 0; i < n; i++)
        for (int k = p->columns / 32 * 32; k < p->columns; k++)
            out[i] += number_at(w + row_in_file(n0 + i, p->group) * p->row_bytes, p->type, k) * x[k];
}

// y[m,n] = act(x[m] w[n] + bias[n]) + residual[m,n] for `each` rows of w and all of x. xs: room for x, in whole 32.
KERNEL void few(ARG(const T, x), ARG(const uchar, w), ARG(const float, bias), ARG(const T, residual), ARG(T, y),
                block_rows p, local float *xs)
{
    BEGIN(const T, x);
    BEGIN(const uchar, w);
    BEGIN(const float, bias);
    BEGIN(const T, residual);
    BEGIN(T, y);
    float out[SPAN + V];
    const int K = p.columns, padded = (K + 31) / 32 * 32;
    int first = (int)WORK_GROUP(0) * p.each, last = min(first + p.each, p.rows);
    for (int m = 0; m < p.M; m++)
        for (int k = 0; k < padded; k += V)
            JOIN(vstore, V)(k < K ? load_part(x, (long)m * K + k, K - k, 0.0f) : (vfloat)0, 0, xs + m * padded + k);
    for (int n0 = first; n0 < last; n0 += SPAN) {
        int n = min(SPAN, last - n0);
        for (int m = 0; m < p.M; m++) {
            dots(w, &p, xs + m * padded, n0, n, out);
            for (int j = 0; j < n; j += V) {
                vfloat v = JOIN(vload, V)(0, out + j);
                long at = (long)m * p.rows + n0 + j;
                if (p.flags & HAS_BIAS)
                    v += bias_part(bias, n0 + j, n - j, 0);
                v = vactivate(v, p.act);
                if (p.flags & HAS_RESIDUAL)
                    v += load_part(residual, at, n - j, 0);
                store_part(y, at, n - j, v);
            }
        }
    }
}
#else
// The same; a work-group makes y[m,n] for all m of one n after the other, `each` of them.
KERNEL void few(ARG(const T, x), ARG(const uchar, w), ARG(const float, bias), ARG(const T, residual), ARG(T, y),
                block_rows p, local float *sums)
{
    BEGIN(const T, x);
    BEGIN(const uchar, w);
    BEGIN(const float, bias);
    BEGIN(const T, residual);
    BEGIN(T, y);
    const int K = p.columns, item = get_local_id(0);
    int first = (int)WORK_GROUP(0) * p.each, last = min(first + p.each, p.rows);
    for (int n = first; n < last; n++) {
        bytes row = w + row_in_file(n, p.group) * p.row_bytes;
        for (int m = 0; m < p.M; m++) {
            global const T *xm = x + (long)m * K;
            float sum = 0;
#define DOT(name)                                                                              \
    for (int g = item; g < K / 32; g += WG) {                                                  \
        float16 lo, hi;                                                                        \
        decode_##name(row, g, &lo, &hi);                                                       \
        sum += sum16(FMA(hi, LOAD16(xm, 32 * g + 16), lo * LOAD16(xm, 32 * g)));               \
    }
            FOR_TYPE(p.type, DOT)
            for (int k = K / 32 * 32 + item; k < K; k += WG)
                sum += number_at(row, p.type, k) * LOAD(xm, k);
            GROUP_FOLD(sums, sum, OP_ADD);
            if (item == 0) {
                float v = vactivate((vfloat)(sum + (p.flags & HAS_BIAS ? bias[n] : 0.0f)), p.act).x;
                long at = (long)m * p.rows + n;
                STORE(y, at, v + (p.flags & HAS_RESIDUAL ? LOAD(residual, at) : 0.0f));
            }
        }
    }
}
#endif
