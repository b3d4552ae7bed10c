// gemm.cl: the matrix product of the CPU family: linear, conv2d and matmul are calls of it (core/ops/gemm.c).
//
//   y[m,n] = act(alpha * sum_k A[m,k] B[k,n] + bias[n]) + residual[m,n]
//
// B lies in panels [N/NR][K][NR], zero-padded (kernels/pack.cl). Row m of A is gathered: m is an output pixel
// (b, oy, ox), k = (ky * kw + kx) * C + c, and A[m,k] the input pixel under tap (ky,kx), zero outside. A plain
// matrix is an image of size 1 x M with one tap.
//
// A work-group is one item. It owns a block of `mtiles` x `ntiles` register tiles (MR x NR) and walks K in chunks:
// copy the rows of the chunk into a block of its own (f32, fixed pitch, so that the inner loop addresses all MR rows
// from one register), then for each panel, for each tile: MR x NV vector multiply-adds per k. Partial sums wait in
// `sums` between chunks.
//
// V: lanes of a vector (prelude.cl). MR, NV: register tile; MR * NV + NV + 1 vectors must fit the register file. Where
// M is small, tiles of `rows_of_tile` < MR rows leave less of the last one empty; how a product is cut into tiles
// changes no bit of it.
// BLOCKS: A is a weight whose rows lie in the blocks of a file, and are widened where they are gathered; B is what it is
// multiplied with, packed, and y is its turned product: y[n,m], bias[m].
// KC, MB, NB: the largest chunk, and the largest block in rows and columns, multiples of MR and NR: A's block and the
// sums should stay in L2, and must fit what the device calls local memory.
#ifndef BLOCKS
#define BLOCKS 0
#endif
#if V == 16
#define MR 13
#define MR_MIDDLE 8
#else
#define MR 6
#define MR_MIDDLE 4
#endif
#define MR_SMALL 2
#define NV 2
#define NR (NV * V)
#define PITCH (KC + 16)  // not a power of two: rows must not fall on the same cache sets

#define VLOAD JOIN(vload, V)
#define VSTORE JOIN(vstore, V)

#if W_F16
#define PANEL local const float *
#else
#define PANEL global const float *
#endif

enum { HAS_BIAS = 1, HAS_RESIDUAL = 2 };

#if BLOCKS
#include "blocks.clh"
typedef uchar A;
#else
typedef T A;
#endif

// Where the results of a whole tile go, those without an activation: plus bias and residual straight to y, rows of N.
typedef struct target {
    global const float *bias;
    global const T *residual;
    global T *y;
    long N;
    int flags;
} target;

// One register tile of R rows: its sums, or where `to` is given its results.
#define DEFINE_TILE(R)                                                                                                 \
    static inline void JOIN(tile, R)(local const float *a, PANEL b, local float *sum, int kc, int first,               \
                                     const target *to)                                                                 \
    {                                                                                                                  \
        vfloat acc[R][NV];                                                                                             \
        _Pragma("unroll") for (int i = 0; i < R; i++)                                                                  \
            _Pragma("unroll") for (int j = 0; j < NV; j++) acc[i][j] = 0;                                              \
        for (int k = 0; k < kc; k++) {                                                                                 \
            vfloat bv[NV];                                                                                             \
            _Pragma("unroll") for (int j = 0; j < NV; j++) bv[j] = VLOAD(j, b + k * NR);                               \
            _Pragma("unroll") for (int i = 0; i < R; i++) {                                                            \
                float av = a[i * PITCH + k];                                                                           \
                _Pragma("unroll") for (int j = 0; j < NV; j++) acc[i][j] = FMA((vfloat)av, bv[j], acc[i][j]);          \
            }                                                                                                          \
        }                                                                                                              \
        if (!first)                                                                                                    \
            _Pragma("unroll") for (int i = 0; i < R; i++)                                                              \
                _Pragma("unroll") for (int j = 0; j < NV; j++) acc[i][j] += VLOAD(i * NV + j, sum);                    \
        if (!to) {                                                                                                     \
            _Pragma("unroll") for (int i = 0; i < R; i++)                                                              \
                _Pragma("unroll") for (int j = 0; j < NV; j++) VSTORE(acc[i][j], i * NV + j, sum);                     \
            return;                                                                                                    \
        }                                                                                                              \
        if (to->flags & HAS_BIAS)                                                                                      \
            _Pragma("unroll") for (int j = 0; j < NV; j++) {                                                           \
                vfloat bias = VLOAD(j, to->bias);                                                                      \
                _Pragma("unroll") for (int i = 0; i < R; i++) acc[i][j] += bias;                                       \
            }                                                                                                          \
        if (to->flags & HAS_RESIDUAL)                                                                                  \
            _Pragma("unroll") for (int i = 0; i < R; i++)                                                              \
                _Pragma("unroll") for (int j = 0; j < NV; j++) acc[i][j] += LOADV(to->residual, i * to->N + j * V);    \
        _Pragma("unroll") for (int i = 0; i < R; i++)                                                                  \
            _Pragma("unroll") for (int j = 0; j < NV; j++) STOREV(to->y, i * to->N + j * V, acc[i][j]);                \
    }
DEFINE_TILE(MR)
DEFINE_TILE(MR_MIDDLE)
DEFINE_TILE(MR_SMALL)

#if BLOCKS
// The weights [k0, k0 + kc) of a row; k0 is a multiple of 32.
static inline void widen(bytes row, int type, int k0, int kc, local float *to)
{
#define WIDEN(name)                                \
    for (int g = 0; g < kc / 32; g++) {            \
        float16 lo, hi;                            \
        decode_##name(row, k0 / 32 + g, &lo, &hi); \
        vstore16(lo, 2 * g, to);                   \
        vstore16(hi, 2 * g + 1, to);               \
    }
    FOR_TYPE(type, WIDEN)
    for (int k = kc / 32 * 32; k < kc; k++)
        to[k] = number_at(row, type, k0 + k);
}

// The finished columns, `n` of NR, of `m` rows of sums, one behind the other in y, `pitch` apart.
static inline void finish_turned(local float *sums, global const float *bias, global const T *residual, global T *y,
                                 int m, int n, long pitch, int act, int flags)
{
    for (int i = 0; i < m; i++)
        for (int j = 0; j < NR; j += V) {
            vfloat v = VLOAD(0, sums + i * NR + j) + (flags & HAS_BIAS ? bias[i] : 0.0f);
            VSTORE(vactivate(v, act), 0, sums + i * NR + j);
        }
    for (int j = 0; j < n; j++)
        for (int i = 0; i < m; i++) {
            long at = j * pitch + i;
            STORE(y, at, sums[i * NR + j] + (flags & HAS_RESIDUAL ? LOAD(residual, at) : 0.0f));
        }
}
#else
#define LOAD_FLOAT(p, i) ((p)[i])
#define LOAD_FLOATS(p, i) VLOAD(0, (p) + (i))
DEFINE_LOAD_PART(bias_part, float, LOAD_FLOAT, LOAD_FLOATS)

// One row of a finished tile, `n` of its NR columns.
static inline void finish(local const float *sum, global const float *bias, global const T *residual, global T *y,
                          int n, int act, float alpha, int flags)
{
    for (int j = 0; j < n; j += V) {
        vfloat v = VLOAD(0, sum + j) * alpha;
        if (flags & HAS_BIAS)
            v += bias_part(bias, j, n - j, 0);
        v = vactivate(v, act);
        if (flags & HAS_RESIDUAL)
            v += load_part(residual, j, n - j, 0);
        store_part(y, j, n - j, v);
    }
}

// kc values of row (base, iy, ix) from k0 on into `to`; taps outside the picture give zeros.
static inline void gather(global const T *x, local float *to, int iy, int ix, int k0, int kc, int C, int kw, int ih,
                          int iw, long sy, long sx)
{
    for (int k = 0; k < kc;) {
        int tap = (k0 + k) / C, c = (k0 + k) - tap * C, n = min(C - c, kc - k), j = 0;
        int y = iy + tap / kw, xx = ix + tap % kw;
        if (y >= 0 && y < ih && xx >= 0 && xx < iw) {
            global const T *from = x + y * sy + xx * sx + c;
            for (; j + V <= n; j += V)
                VSTORE(LOADV(from, j), 0, to + k + j);
            for (; j < n; j++)
                to[k + j] = LOAD(from, j);
        } else {
            for (; j < n; j++)
                to[k + j] = 0;
        }
        k += n;
    }
}
#endif

KERNEL void gemm(ARG(const A, x), ARG(const W, w), ARG(const float, bias), ARG(const T, residual), ARG(T, y), product p)
{
    BEGIN(const A, x);
    BEGIN(const W, w);
    BEGIN(const float, bias);
    BEGIN(const T, residual);
    BEGIN(T, y);
    const int M = p.M, N = p.N, K = p.K, rows_of_tile = p.rows_of_tile, plain = p.act == 0 && p.alpha == 1.0f;
    local float block[MB * PITCH];
    local float sums[MB * NB];
#if W_F16
    local float panel[KC * NR];
#endif
#if !BLOCKS
    local int row_y[MB], row_x[MB];
#endif
    local long row_base[MB];

    int batch = WORK_GROUP(1);
    x += batch * p.x_batch;
    w += batch * p.w_batch;
    y += (long)batch * M * N;
    int block_rows = p.mtiles * rows_of_tile, mblocks = (M + block_rows - 1) / block_rows;
    int m0 = (int)(WORK_GROUP(0) % mblocks) * block_rows;
    int first_panel = (int)(WORK_GROUP(0) / mblocks) * p.ntiles;
    int last_panel = min(first_panel + p.ntiles, (N + NR - 1) / NR);
    int rows = min(block_rows, M - m0);
    int tiles = (rows + rows_of_tile - 1) / rows_of_tile;
    for (int i = 0; i < tiles * rows_of_tile; i++) {
        int m = min(m0 + i, M - 1);  // the last tile repeats the last row
#if BLOCKS
        row_base[i] = row_in_file(m, p.group) * p.row_bytes;
#else
        row_x[i] = m % p.ow * p.stride - p.pad;
        row_y[i] = m / p.ow % p.oh * p.stride - p.pad;
        row_base[i] = m / p.ow / p.oh * p.sb;
#endif
    }
    for (int k0 = 0; k0 < K; k0 += p.chunk) {
        int kc = min(p.chunk, K - k0);
        for (int i = 0; i < tiles * rows_of_tile; i++)
#if BLOCKS
            widen(x + row_base[i], p.type, k0, kc, block + i * PITCH);
#else
            gather(x + row_base[i], block + i * PITCH, row_y[i], row_x[i], k0, kc, p.C, p.kw, p.ih, p.iw, p.sy, p.sx);
#endif
        for (int q = first_panel; q < last_panel; q++) {
            global const W *from = w + ((long)q * K + k0) * NR;
#if W_F16
            for (int k = 0; k < kc * NV; k++)
                VSTORE(LOADWV(from, k * V), k, panel);
#else
            PANEL panel = from;
#endif
            for (int t = 0; t < tiles; t++) {
                int row = t * rows_of_tile;
                local const float *a = block + row * PITCH;
                local float *sum = sums + ((q - first_panel) * tiles + t) * rows_of_tile * NR;
                int n = q * NR;
                bool whole = !BLOCKS && plain && k0 + kc == K && row + rows_of_tile <= rows && n + NR <= N;
                long begin = (long)(m0 + row) * N + n;
                target to = {bias + n, residual + begin, y + begin, N, p.flags};
                if (rows_of_tile == MR)
                    JOIN(tile, MR)(a, panel, sum, kc, k0 == 0, whole ? &to : 0);
                else if (rows_of_tile == MR_MIDDLE)
                    JOIN(tile, MR_MIDDLE)(a, panel, sum, kc, k0 == 0, whole ? &to : 0);
                else
                    JOIN(tile, MR_SMALL)(a, panel, sum, kc, k0 == 0, whole ? &to : 0);
#if !BLOCKS
                for (int i = 0; !whole && k0 + kc == K && i < rows_of_tile && row + i < rows; i++) {
                    long at = begin + (long)i * N;
                    finish(sum + i * NR, bias + n, residual + at, y + at, min(NR, N - n), p.act, p.alpha, p.flags);
                }
#endif
            }
#if BLOCKS
            long at = (long)q * NR * M + m0;
            if (k0 + kc == K)
                finish_turned(sums + (q - first_panel) * tiles * rows_of_tile * NR, bias + m0, residual + at, y + at, rows,
                              min(NR, N - q * NR), M, p.act, p.flags);
#endif
        }
    }
}
