// winograd.cl: 3x3 convolution of stride 1 as F(4x4,3x3): the transforms before and after 36 matrix products.
//
// Lavin and Gray, "Fast Algorithms for Convolutional Neural Networks" (2016), eq. 9: Y = A' [(G g G') * (B' d B)] A,
// d a 6x6 patch, Y 4x4 results. Cook-Toom at the points 0, +-P, +-Q, infinity. P = 3/4, Q = 3/2 instead of the usual
// 1 and 2: exact in binary, and half the rounding error.
//
// Two forms: `weights`, `input`, 36 products by gemm.cl, `output`; or, in the CPU family where local memory holds it,
// `input` and `fused`, which keeps the transformed weights and the products of a block in local memory.
//
// VL channels are treated at once: 4, 8 or 16 in the CPU family, where an item loops over the channels; 1 in the GPU
// family, where neighbouring items take neighbouring channels.
#ifndef VL
#define VL 1
#endif
#if VL == 1
#define VEC float
#define VLOAD(p) (*(p))
#define VSTORE(v, p) (*(p) = (v))
#define LOADV(p, i) LOAD(p, i)
#define LOADWV(p, i) LOADW(p, i)
#define STOREV(p, i, v) STORE(p, i, v)
#else
#define CAT_(a, b) a##b
#define CAT(a, b) CAT_(a, b)
#define VEC CAT(float, VL)
#define VLOAD(p) CAT(vload, VL)(0, p)
#define VSTORE(v, p) CAT(vstore, VL)(v, 0, p)
#define LOADV CAT(LOAD, VL)
#define LOADWV CAT(LOADW, VL)
#define STOREV CAT(STORE, VL)
#endif

enum { HAS_BIAS = 1, HAS_RESIDUAL = 2 };

#define P 0.75f
#define Q 1.5f
#define PP (P * P)
#define QQ (Q * Q)

// out[0..6) = G g
static inline void weights_1d(VEC g0, VEC g1, VEC g2, VEC *out)
{
    VEC even = (g0 + PP * g2) * (0.5f / (PP * (PP - QQ))), odd = g1 * (0.5f / (P * (PP - QQ)));
    out[0] = g0 * (1 / (PP * QQ));
    out[1] = even + odd;
    out[2] = even - odd;
    even = (g0 + QQ * g2) * (0.5f / (QQ * (QQ - PP)));
    odd = g1 * (0.5f / (Q * (QQ - PP)));
    out[3] = even + odd;
    out[4] = even - odd;
    out[5] = g2;
}

// out[0..6) = B' d
static inline void input_1d(VEC d0, VEC d1, VEC d2, VEC d3, VEC d4, VEC d5, VEC *out)
{
    VEC even = d4 - QQ * d2, odd = P * (d3 - QQ * d1);
    out[0] = d4 - (PP + QQ) * d2 + PP * QQ * d0;
    out[1] = even + odd;
    out[2] = even - odd;
    even = d4 - PP * d2;
    odd = Q * (d3 - PP * d1);
    out[3] = even + odd;
    out[4] = even - odd;
    out[5] = d5 - (PP + QQ) * d3 + PP * QQ * d1;
}

// out[0..4) = A' m
static inline void output_1d(VEC m0, VEC m1, VEC m2, VEC m3, VEC m4, VEC m5, VEC *out)
{
    VEC s1 = m1 + m2, d1 = m1 - m2, s2 = m3 + m4, d2 = m3 - m4;
    out[0] = m0 + s1 + s2;
    out[1] = P * d1 + Q * d2;
    out[2] = PP * s1 + QQ * s2;
    out[3] = P * PP * d1 + Q * QQ * d2 + m5;
}

// Panels w[panel][9 C][nr] from panel `first` on -> panels u[36][panel][C][nr]. Item (lane, c, panel).
kernel void weights(ARG(const W, w), ARG(float, u), int first, int C, int nr, long u_batch)
{
    BEGIN(const W, w);
    BEGIN(float, u);
    int c = get_global_id(1);
    w += ((first + get_global_id(2)) * 9 * C + c) * nr;
    u += (get_global_id(2) * C + c) * nr;
    for (int n = get_global_id(0) * VL; n < nr; n += get_global_size(0) * VL) {
        VEC columns[3][6], rows[6];
        for (int j = 0; j < 3; j++)
            weights_1d(LOADWV(w, n + (long)j * C * nr), LOADWV(w, n + (long)(3 + j) * C * nr),
                       LOADWV(w, n + (long)(6 + j) * C * nr), columns[j]);
        for (int i = 0; i < 6; i++) {
            weights_1d(columns[0][i], columns[1][i], columns[2][i], rows);
            for (int j = 0; j < 6; j++)
                VSTORE(rows[j], u + (i * 6 + j) * u_batch + n);
        }
    }
}

// Patches of tiles first..first + get_global_size(1) of x -> v[36][C/together][tile][together]. Item (channel, tile).
kernel void input(ARG(const T, x), ARG(float, v), int first, int C, int together, int tiles_h, int tiles_w, int ih,
                  int iw, int pad, long sb, long sy, long sx, long v_batch)
{
    BEGIN(const T, x);
    BEGIN(float, v);
    int t = first + (int)get_global_id(1);
    int y0 = t / tiles_w % tiles_h * 4 - pad, x0 = t % tiles_w * 4 - pad;
    x += t / tiles_w / tiles_h * sb;
    v += get_global_id(1) * together;
    for (int c = get_global_id(0) * VL; c < C; c += get_global_size(0) * VL) {
        VEC columns[6][6], rows[6];
        global float *to = v + c / together * get_global_size(1) * together + c % together;
        for (int j = 0; j < 6; j++) {
            VEC d[6];
            for (int i = 0; i < 6; i++) {
                int in = y0 + i >= 0 && y0 + i < ih && x0 + j >= 0 && x0 + j < iw;
                d[i] = in ? LOADV(x, (y0 + i) * sy + (x0 + j) * sx + c) : (VEC)0;
            }
            input_1d(d[0], d[1], d[2], d[3], d[4], d[5], columns[j]);
        }
        for (int i = 0; i < 6; i++) {
            input_1d(columns[0][i], columns[1][i], columns[2][i], columns[3][i], columns[4][i], columns[5][i], rows);
            for (int j = 0; j < 6; j++)
                VSTORE(rows[j], to + (i * 6 + j) * v_batch);
        }
    }
}

// Where a tile's results go.
typedef struct place {
    long at;         // of its first pixel in y and residual
    int rows, columns;  // of them inside the picture
} place;

static inline place place_of(int t, int N, int tiles_h, int tiles_w, int oh, int ow)
{
    int y0 = t / tiles_w % tiles_h * 4, x0 = t % tiles_w * 4;
    place p = { (((long)(t / tiles_w / tiles_h) * oh + y0) * ow + x0) * N, min(4, oh - y0), min(4, ow - x0) };
    return p;
}

// Y of the 36 products m for channels n..n + VL, with bias and residual.
static inline void put_tile(const VEC *m, place p, global const float *bias, global const T *residual, global T *y,
                            int n, int N, int ow, int flags)
{
    VEC columns[6][4], row[4], b = flags & HAS_BIAS ? VLOAD(bias + n) : (VEC)0;
    for (int j = 0; j < 6; j++)
        output_1d(m[j], m[6 + j], m[12 + j], m[18 + j], m[24 + j], m[30 + j], columns[j]);
    for (int i = 0; i < p.rows; i++) {
        output_1d(columns[0][i], columns[1][i], columns[2][i], columns[3][i], columns[4][i], columns[5][i], row);
        for (int j = 0; j < p.columns; j++) {
            long to = p.at + ((long)i * ow + j) * N + n;
            VEC r = row[j] + b;
            if (flags & HAS_RESIDUAL)
                r += LOADV(residual, to);
            STOREV(y, to, r);
        }
    }
}

// Products m[36][tile][n] -> channels n0..n0 + n of y[b,oh,ow,N] + bias[N] + residual. Item (channel, tile).
kernel void output(ARG(const float, m), ARG(const float, bias), ARG(const T, residual), ARG(T, y), int first, int n0,
                   int n, int N, int tiles_h, int tiles_w, int oh, int ow, long m_batch, int flags)
{
    BEGIN(const float, m);
    BEGIN(const float, bias);
    BEGIN(const T, residual);
    BEGIN(T, y);
    place p = place_of(first + (int)get_global_id(1), N, tiles_h, tiles_w, oh, ow);
    m += get_global_id(1) * n;
    for (int j = get_global_id(0) * VL; j < n; j += get_global_size(0) * VL) {
        VEC products[36];
        for (int i = 0; i < 36; i++)
            products[i] = VLOAD(m + i * m_batch + j);
        put_tile(products, p, bias, residual, y, n0 + j, N, ow, flags);
    }
}

#ifdef TB
// TB: tiles of a block, a multiple of MR. CC: channels of a chunk.
#if VL == 16
#define MR 13
#else
#define MR 6
#endif
#define NV 2
#define NR (NV * VL)
#define PLANE ((CC + 1) * NR)  // of weights; not a power of two: the 36 must not fall on the same cache sets

// sum[MR][NR] += a[MR][CC] b[CC][NR]
static inline void multiply(global const float *a, local const float *b, local float *sum, int start)
{
    VEC acc[MR][NV];
#pragma unroll
    for (int i = 0; i < MR; i++)
#pragma unroll
        for (int j = 0; j < NV; j++)
            acc[i][j] = 0;
    for (int k = 0; k < CC; k++) {
        VEC bv[NV];
#pragma unroll
        for (int j = 0; j < NV; j++)
            bv[j] = VLOAD(b + k * NR + j * VL);
#pragma unroll
        for (int i = 0; i < MR; i++) {
            float av = a[i * CC + k];
#pragma unroll
            for (int j = 0; j < NV; j++)
                acc[i][j] = FMA((VEC)av, bv[j], acc[i][j]);
        }
    }
    if (!start)
#pragma unroll
        for (int i = 0; i < MR; i++)
#pragma unroll
            for (int j = 0; j < NV; j++)
                acc[i][j] += VLOAD(sum + i * NR + j * VL);
#pragma unroll
    for (int i = 0; i < MR; i++)
#pragma unroll
        for (int j = 0; j < NV; j++)
            VSTORE(acc[i][j], sum + i * NR + j * VL);
}

// v[36][C/CC][count][CC] and panels w -> y for tiles first..first + count. One item per panel and block of `block`
// tiles. Rows past `count` that the last register tile reads lie in v's storage; what comes of them is not used.
kernel void fused(ARG(const float, v), ARG(const W, w), ARG(const float, bias), ARG(const T, residual), ARG(T, y),
                  int first, int count, int block, int C, int N, int tiles_h, int tiles_w, int oh, int ow,
                  long v_batch, int flags)
{
    BEGIN(const float, v);
    BEGIN(const W, w);
    BEGIN(const float, bias);
    BEGIN(const T, residual);
    BEGIN(T, y);
    local float u[36 * PLANE];
    local float sums[36 * TB * NR];
    int panels = (N + NR - 1) / NR;
    int panel = WORK_GROUP(0) % panels, begin = WORK_GROUP(0) / panels * block, n = min(block, count - begin);
    w += (long)panel * 9 * C * NR;
    for (int c0 = 0; c0 < C; c0 += CC) {
        for (int c = 0; c < CC; c++)
            for (int l = 0; l < NR; l += VL) {
                VEC columns[3][6], rows[6];
                global const W *from = w + (c0 + c) * NR + l;
                for (int j = 0; j < 3; j++)
                    weights_1d(LOADWV(from, (long)j * C * NR), LOADWV(from, (long)(3 + j) * C * NR),
                               LOADWV(from, (long)(6 + j) * C * NR), columns[j]);
                for (int i = 0; i < 6; i++) {
                    weights_1d(columns[0][i], columns[1][i], columns[2][i], rows);
                    for (int j = 0; j < 6; j++)
                        VSTORE(rows[j], u + (i * 6 + j) * PLANE + c * NR + l);
                }
            }
        for (int i = 0; i < 36; i++)
            for (int t = 0; t < n; t += MR)
                multiply(v + i * v_batch + (long)c0 * count + (begin + t) * CC, u + i * PLANE,
                         sums + (i * TB + t) * NR, c0 == 0);
    }
    for (int t = 0; t < n; t++) {
        place p = place_of(first + begin + t, N, tiles_h, tiles_w, oh, ow);
        for (int l = 0; l < NR && panel * NR + l < N; l += VL) {
            VEC products[36];
            for (int i = 0; i < 36; i++)
                products[i] = VLOAD(sums + (i * TB + t) * NR + l);
            put_tile(products, p, bias, residual, y, panel * NR + l, N, ow, flags);
        }
    }
}
#endif
