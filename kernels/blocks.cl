// blocks.cl: weights in the blocks of files: rows to floats, and the product with few rows of x
// (core/ops/blocks_internal.c). That with many rows is in gemm.cl.
#include "blocks.clh"

// What `widen` takes behind its operands; core/ops/blocks_internal.c fills it.
typedef struct block_rows {
    long row_bytes, total;
    int rows, columns, type, group;  // of w
    int flags, each;                 // each: groups of an item
} block_rows;

enum { HAS_IDS = 1 };

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
DEFINE_LOAD_PART(floats_part, float, LOAD_FLOAT, LOAD_FLOATS)
#define STOREX(v, p) JOIN(vstore, V)((v), 0, (p))

// What `few` takes behind its operands; core/ops/few_internal.c fills it.
enum { MOST = 3, HAS_BIAS = 1, HAS_RESIDUAL = 2, NORM = 4, GATED = 8 };
typedef struct few_rows {
    long row_bytes[MOST];
    int rows[MOST], type[MOST], group[MOST];  // of each w; no rows: there is none
    int columns, M, act, flags, each;         // each: tiles of w for a work-group
    float eps;
} few_rows;

// One of the matrices.
typedef struct matrix {
    bytes at;
    long row_bytes;
    int type, group, columns;
} matrix;

static inline bytes row_of(const matrix *w, int n) { return w->at + row_in_file(n, w->group) * w->row_bytes; }

// x[m] as it is multiplied: x; x / sqrt(mean(x^2) + eps) * gamma; act(x) * up. In xs, zeros behind it up to whole 32.
static inline void stage(global const T *x, global const T *up, global const float *gamma, const few_rows *p,
                         local float *xs, local float *tmp)
{
    const int K = p->columns, padded = (K + 31) / 32 * 32, item = get_local_id(0);
    for (int m = 0; m < p->M; m++, x += K, up += K, xs += padded) {
        vfloat squares = 0;
        for (int k = item * V; k < padded; k += WG * V) {
            vfloat v = k < K ? load_part(x, k, K - k, 0.0f) : (vfloat)0.0f;
            if ((p->flags & GATED) && k < K)
                v = vactivate(v, p->act) * load_part(up, k, K - k, 0.0f);
            squares = fma(v, v, squares);
            STOREX(v, xs + k);
        }
        if (p->flags & NORM) {
            float square = FOLD(squares, OP_ADD);
            GROUP_FOLD(tmp, square, OP_ADD);
            float scale = 1.0f / sqrt(square / K + p->eps);
            for (int k = item * V; k < K; k += WG * V)
                STOREX(JOIN(vload, V)(0, xs + k) * scale * floats_part(gamma, k, K - k, 0.0f), xs + k);
        }
    }
    GROUP_BARRIER();
}

#if CPU
#define TILE 4   // rows of w at a time
#define SPAN 64  // results that wait to be finished
#define PARTS(n) ((n + TILE - 1) / TILE)
#else
#define PARTS(n) (n)
#endif

#define FEW_ARGS                                                                                                       \
    ARG(const T, x), ARG(const T, up), ARG(const float, gamma), ARG(const uchar, w0), ARG(const uchar, w1),            \
        ARG(const uchar, w2), ARG(const float, bias0), ARG(const float, bias1), ARG(const float, bias2),               \
        ARG(const T, residual), ARG(T, y0), ARG(T, y1), ARG(T, y2), few_rows p, local float *xs
#define FEW_BEGIN                                                                                                      \
    BEGIN(const T, x);                                                                                                 \
    BEGIN(const T, up);                                                                                                \
    BEGIN(const float, gamma);                                                                                         \
    BEGIN(const uchar, w0);                                                                                            \
    BEGIN(const uchar, w1);                                                                                            \
    BEGIN(const uchar, w2);                                                                                            \
    BEGIN(const float, bias0);                                                                                         \
    BEGIN(const float, bias1);                                                                                         \
    BEGIN(const float, bias2);                                                                                         \
    BEGIN(const T, residual);                                                                                          \
    BEGIN(T, y0);                                                                                                      \
    BEGIN(T, y1);                                                                                                      \
    BEGIN(T, y2)

#if CPU
// out[i] = the product of row n0 + i of w with x, for i < n; x: K floats, and zeros up to whole 32; sums: of each 32 of x.
// The row pointers and sums of a tile of rows:
#define BEGIN_TILE                                                                     \
    bytes row[TILE];                                                                   \
    float16 acc[TILE];                                                                 \
    _Pragma("unroll") for (int r = 0; r < TILE; r++) {                                 \
        row[r] = row_of(w, n0 + min(i + r, n - 1));                                    \
        acc[r] = 0;                                                                    \
    }
#define DOT(name)                                                                      \
    for (int i = 0; i < n; i += TILE) {                                                \
        BEGIN_TILE                                                                     \
        for (int g = 0; g < w->columns / 32; g++) {                                    \
            float16 x0 = vload16(2 * g, x), x1 = vload16(2 * g + 1, x);                \
            _Pragma("unroll") for (int r = 0; r < TILE; r++) {                         \
                float16 lo, hi;                                                        \
                decode_##name(row[r], g, &lo, &hi);                                    \
                acc[r] = FMA(hi, x1, FMA(lo, x0, acc[r]));                             \
            }                                                                          \
        }                                                                              \
        _Pragma("unroll") for (int r = 0; r < TILE; r++) out[i + r] = sum16(acc[r]);   \
    }

// Types of one scale d, and perhaps a minimum, for 32 codes: codes are multiplied first, their sum by d, and what all
// codes have in common (LEAST of d, m) by the sum of x; halves are widened for a tile of rows together.
// Memory is asked for ahead of use: rows are short, and processors guess badly where the next ones lie.
#define AHEAD 8192
#if defined(__clang__)
#define FETCH(p) __builtin_prefetch((const void *)(size_t)(p), 0, 3)
#else
#define FETCH(p)
#endif
#define HALF2(p) (*(global const ushort *)(p))
#define WORD(p) (*(global const uint *)(p))
#define DOT_SCALED(size, codes, HALVES, SCALE, LEAST, LO, HI)                          \
    for (int i = 0; i < n; i += TILE) {                                                \
        BEGIN_TILE                                                                     \
        float4 least = 0;                                                              \
        for (int g = 0; g < w->columns / 32; g++) {                                    \
            float16 x0 = vload16(2 * g, x), x1 = vload16(2 * g + 1, x);                \
            HALVES;                                                                    \
            float4 d = SCALE;                                                          \
            float scale[TILE] = {d.x, d.y, d.z, d.w};                                  \
            least = FMA((float4)sums[g], LEAST, least);                                \
            _Pragma("unroll") for (int r = 0; r < TILE; r++) {                         \
                bytes q = row[r] + codes;                                              \
                FETCH(q + AHEAD);                                                      \
                float16 t = FMA(HI(q), x1, LO(q) * x0);                                \
                acc[r] = FMA(t, (float16)scale[r], acc[r]);                            \
                row[r] += size;                                                        \
            }                                                                          \
        }                                                                              \
        float rest[TILE] = {least.x, least.y, least.z, least.w};                       \
        _Pragma("unroll") for (int r = 0; r < TILE; r++) out[i + r] = sum16(acc[r]) + rest[r]; \
    }
#define ONE_HALF                                                                       \
    ushort4 h = (ushort4)(HALF2(row[0]), HALF2(row[1]), HALF2(row[2]), HALF2(row[3])); \
    float4 s = vload_half4(0, (private const half *)&h)
#define TWO_HALVES                                                                     \
    uint4 h = (uint4)(WORD(row[0]), WORD(row[1]), WORD(row[2]), WORD(row[3]));         \
    float8 s = vload_half8(0, (private const half *)&h)
#define LOW_CODES(q) convert_float16(CODES(q) & (uchar)15)
#define HIGH_CODES(q) convert_float16(CODES(q) >> (uchar)4)
#define SIGNED_0(q) SIGNED(q)
#define SIGNED_1(q) SIGNED(q + 16)

static inline void dots(const matrix *w, local const float *x, local const float *sums, int n0, int n, float *out)
{
    switch (w->type) {
    case Q8_0: DOT_SCALED(34, 2, ONE_HALF, s, (float4)0, SIGNED_0, SIGNED_1) return;
    case Q4_0: DOT_SCALED(18, 2, ONE_HALF, s, s * -8.0f, LOW_CODES, HIGH_CODES) return;
    case Q4_1: DOT_SCALED(20, 4, TWO_HALVES, s.even, s.odd, LOW_CODES, HIGH_CODES) return;
    }
    FOR_TYPE(w->type, DOT)
    for (int i = 0; i < n; i++)
        for (int k = w->columns / 32 * 32; k < w->columns; k++)
            out[i] += number_at(row_of(w, n0 + i), w->type, k) * x[k];
}

// y_i[m,n] = act(x[m] w_i[n] + bias_i[n]) + residual[m,n] for `each` tiles of the rows of all w_i, all of x as it is staged.
// xs: room for x, in whole 32, and for a sum of each.
KERNEL void few(FEW_ARGS)
{
    FEW_BEGIN;
    float out[SPAN + V];
    const int padded = (p.columns + 31) / 32 * 32, groups = padded / 32, act = p.flags & GATED ? 0 : p.act;
    local float *sums = xs + p.M * padded;
    stage(x, up, gamma, &p, xs, xs);
    for (int i = 0; i < p.M * groups; i++)
        sums[i] = sum16(vload16(2 * i, xs) + vload16(2 * i + 1, xs));
    int first = (int)WORK_GROUP(0) * p.each, last = first + p.each;
    for (int i = 0; i < MOST; i++) {
        matrix w = {i == 0 ? w0 : i == 1 ? w1 : w2, p.row_bytes[i], p.type[i], p.group[i], p.columns};
        global const float *bias = i == 0 ? bias0 : i == 1 ? bias1 : bias2;
        global T *y = i == 0 ? y0 : i == 1 ? y1 : y2;
        int end = min(last * TILE, p.rows[i]);
        for (int n0 = max(first, 0) * TILE; n0 < end; n0 += SPAN) {
            int n = min(SPAN, end - n0);
            for (int m = 0; m < p.M; m++) {
                dots(&w, xs + m * padded, sums + m * groups, n0, n, out);
                for (int j = 0; j < n; j += V) {
                    vfloat v = JOIN(vload, V)(0, out + j);
                    long at = (long)m * p.rows[i] + n0 + j;
                    if (p.flags & HAS_BIAS)
                        v += floats_part(bias, n0 + j, n - j, 0);
                    v = vactivate(v, act);
                    if (p.flags & HAS_RESIDUAL)
                        v += load_part(residual, at, n - j, 0);
                    store_part(y, at, n - j, v);
                }
            }
        }
        first -= PARTS(p.rows[i]);
        last -= PARTS(p.rows[i]);
    }
}
#else
// The same; a work-group makes y_i[m,n] for all m of one n after the other, `each` of them. xs: room for x, and a float
// for each of its items.
KERNEL void few(FEW_ARGS)
{
    FEW_BEGIN;
    const int K = p.columns, padded = (K + 31) / 32 * 32, item = get_local_id(0), act = p.flags & GATED ? 0 : p.act;
    local float *folds = xs + p.M * padded;
    stage(x, up, gamma, &p, xs, folds);
    int first = (int)WORK_GROUP(0) * p.each, last = first + p.each;
    for (int i = 0; i < MOST; i++) {
        matrix w = {i == 0 ? w0 : i == 1 ? w1 : w2, p.row_bytes[i], p.type[i], p.group[i], K};
        global const float *bias = i == 0 ? bias0 : i == 1 ? bias1 : bias2;
        global T *y = i == 0 ? y0 : i == 1 ? y1 : y2;
        for (int n = max(first, 0); n < min(last, p.rows[i]); n++) {
            bytes row = row_of(&w, n);
            for (int m = 0; m < p.M; m++) {
                local const float *xm = xs + m * padded;
                float sum = 0;
#define DOT(name)                                                                    \
    for (int g = item; g < K / 32; g += WG) {                                        \
        float16 lo, hi;                                                              \
        decode_##name(row, g, &lo, &hi);                                             \
        sum += sum16(FMA(hi, vload16(2 * g + 1, xm), lo * vload16(2 * g, xm)));      \
    }
                FOR_TYPE(w.type, DOT)
                for (int k = K / 32 * 32 + item; k < K; k += WG)
                    sum += number_at(row, w.type, k) * xm[k];
                GROUP_FOLD(folds, sum, OP_ADD);
                if (item == 0) {
                    float v = vactivate((vfloat)(sum + (p.flags & HAS_BIAS ? bias[n] : 0.0f)), act).x;
                    long at = (long)m * p.rows[i] + n;
                    STORE(y, at, v + (p.flags & HAS_RESIDUAL ? LOAD(residual, at) : 0.0f));
                }
            }
        }
        first -= PARTS(p.rows[i]);
        last -= PARTS(p.rows[i]);
    }
}
#endif
