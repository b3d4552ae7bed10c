// winograd.cl: 3x3 convolution of stride 1 as F(4x4,3x3): the transforms before and after 36 matrix products.
//
// Lavin and Gray, "Fast Algorithms for Convolutional Neural Networks" (2016), eq. 9: Y = A' [(G g G') * (B' d B)] A,
// d a 6x6 patch, Y 4x4 results. Cook-Toom at the points 0, +-P, +-Q, infinity. P = 3/4, Q = 3/2 instead of the usual
// 1 and 2: exact in binary, and half the rounding error.
//
// Two forms: `weights`, `input`, 36 products by gemm.cl, `output`; or, in the CPU family where local memory holds it,
// `fused`, which keeps the transformed weights and the products of a block in local memory, with `input` before it where
// that pays.
//
// VL channels are treated at once: 4, 8 or 16 in the CPU family, where an item loops over the channels; 1 in the GPU
// family, where neighbouring items take neighbouring channels.
#ifndef VL
#define VL 1
#endif
#define CAT_(a, b) a##b
#define CAT(a, b) CAT_(a, b)
#if VL == 1
#define VEC float
#define LOADV(p, i) LOAD(p, i)
#define LOADWV(p, i) LOADW(p, i)
#define STOREV(p, i, v) STORE(p, i, v)
#define LOAD_BIAS(p) (*(p))
#else
#define VEC CAT(float, VL)
#define LOADV CAT(LOAD, VL)
#define LOADWV CAT(LOADW, VL)
#define STOREV CAT(STORE, VL)
#define LOAD_BIAS(p) CAT(vload, VL)(0, p)
#endif

// What the kernels leave for each other lies at multiples of VL, so that it moves as whole vectors.
#define VECTOR(space, p) (*(space VEC *)(p))

// What is unrolled stays in registers.
#define UNROLL _Pragma("unroll")

enum { HAS_BIAS = 1, HAS_RESIDUAL = 2 };

#define P 0.75f
#define Q 1.5f
#define PP (P * P)
#define QQ (Q * Q)

// The rows of the matrices at +-P and +-Q come as even and odd part, sum and difference of which they are. What Cook-Toom
// scales them by stands where it costs least: all of it in A'.
#define K0 (1 / (PP * QQ))
#define K1 (0.5f / (PP * (PP - QQ)))
#define K2 (0.5f / (QQ * (QQ - PP)))

// out[0..6) = G g
static inline void weights_1d(VEC g0, VEC g1, VEC g2, VEC *out)
{
    VEC even = g0 + PP * g2;
    out[0] = g0;
    out[1] = even + P * g1;
    out[2] = even - P * g1;
    even = g0 + QQ * g2;
    out[3] = even + Q * g1;
    out[4] = even - Q * g1;
    out[5] = g2;
}

// out[0..6) = B' d
static inline void input_1d(VEC d0, VEC d1, VEC d2, VEC d3, VEC d4, VEC d5, VEC *out)
{
    VEC even = d4 - QQ * d2, odd = d3 - QQ * d1;
    out[0] = d4 - (PP + QQ) * d2 + PP * QQ * d0;
    out[1] = even + P * odd;
    out[2] = even - P * odd;
    even = d4 - PP * d2;
    odd = d3 - PP * d1;
    out[3] = even + Q * odd;
    out[4] = even - Q * odd;
    out[5] = d5 - (PP + QQ) * d3 + PP * QQ * d1;
}

// out[0..4) = A' m
static inline void output_1d(VEC m0, VEC m1, VEC m2, VEC m3, VEC m4, VEC m5, VEC *out)
{
    VEC s1 = m1 + m2, d1 = m1 - m2, s2 = m3 + m4, d2 = m3 - m4;
    out[0] = K0 * m0 + K1 * s1 + K2 * s2;
    out[1] = K1 * P * d1 + K2 * Q * d2;
    out[2] = K1 * PP * s1 + K2 * QQ * s2;
    out[3] = K1 * P * PP * d1 + K2 * Q * QQ * d2 + m5;
}

// The 36 values of G g G' for the 3x3 weights of VL columns, `tap` elements apart; `plane` floats apart.
#define DEFINE_WEIGHTS_2D(name, space)                                                                                 \
    static inline void name(global const W *w, long tap, space float *u, long plane)                                   \
    {                                                                                                                  \
        VEC columns[3][6], row[6];                                                                                     \
        UNROLL for (int j = 0; j < 3; j++)                                                                             \
            weights_1d(LOADWV(w, j * tap), LOADWV(w, (3 + j) * tap), LOADWV(w, (6 + j) * tap), columns[j]);            \
        UNROLL for (int i = 0; i < 6; i++) {                                                                           \
            weights_1d(columns[0][i], columns[1][i], columns[2][i], row);                                              \
            UNROLL for (int j = 0; j < 6; j++) VECTOR(space, u + (i * 6 + j) * plane) = row[j];                        \
        }                                                                                                              \
    }

// Where the patches of tiles come from: x[b,ih,iw,C] by strides, `pad` of zeros before it; tiles_h * tiles_w a picture.
typedef struct picture {
    long sb, sy, sx;
    int C, ih, iw, pad, tiles_h, tiles_w;
} picture;

// The patches of tile t -> v[36][C/together][.][together]: of `v`, whose 36 planes are v_batch apart, and the parts of
// `together` channels `part`; for channels c, c + step, ..
static inline void patches(global const T *x, picture p, int t, global float *v, long v_batch, int together, long part,
                           int c, int step)
{
    int y0 = t / p.tiles_w % p.tiles_h * 4 - p.pad, x0 = t % p.tiles_w * 4 - p.pad;
    x += t / p.tiles_w / p.tiles_h * p.sb;
    for (; c < p.C; c += step) {
        VEC columns[6][6], row[6];
        global float *to = v + c / together * part + c % together;
        UNROLL for (int j = 0; j < 6; j++) {
            VEC d[6];
            UNROLL for (int i = 0; i < 6; i++) {
                int in = y0 + i >= 0 && y0 + i < p.ih && x0 + j >= 0 && x0 + j < p.iw;
                d[i] = in ? LOADV(x, (y0 + i) * p.sy + (x0 + j) * p.sx + c) : (VEC)0;
            }
            input_1d(d[0], d[1], d[2], d[3], d[4], d[5], columns[j]);
        }
        UNROLL for (int i = 0; i < 6; i++) {
            input_1d(columns[0][i], columns[1][i], columns[2][i], columns[3][i], columns[4][i], columns[5][i], row);
            UNROLL for (int j = 0; j < 6; j++)
                VECTOR(global, to + (i * 6 + j) * v_batch) = row[j];
        }
    }
}

DEFINE_WEIGHTS_2D(weights_out, global)

// Panels w[panel][9 C][nr] from panel `first` on -> panels u[36][panel][C][nr]. Item (lane, c, panel).
kernel void weights(ARG(const W, w), ARG(float, u), int first, int C, int nr, long u_batch)
{
    BEGIN(const W, w);
    BEGIN(float, u);
    int c = get_global_id(1);
    w += ((first + get_global_id(2)) * 9 * C + c) * nr;
    u += (get_global_id(2) * C + c) * nr;
    for (int n = get_global_id(0) * VL; n < nr; n += get_global_size(0) * VL)
        weights_out(w + n, (long)C * nr, u + n, u_batch);
}

// Patches of tiles first..first + get_global_size(1) of x -> v[36][C/together][tile][together]. Item (channel, tile).
kernel void input(ARG(const T, x), ARG(float, v), picture p, int first, int together, long v_batch)
{
    BEGIN(const T, x);
    BEGIN(float, v);
    patches(x, p, first + (int)get_global_id(1), v + get_global_id(1) * together, v_batch, together,
            (long)get_global_size(1) * together, get_global_id(0) * VL, get_global_size(0) * VL);
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
    VEC columns[6][4], row[4], b = flags & HAS_BIAS ? LOAD_BIAS(bias + n) : (VEC)0;
    UNROLL for (int j = 0; j < 6; j++)
        output_1d(m[j], m[6 + j], m[12 + j], m[18 + j], m[24 + j], m[30 + j], columns[j]);
    UNROLL for (int i = 0; i < 4; i++) {
        output_1d(columns[0][i], columns[1][i], columns[2][i], columns[3][i], columns[4][i], columns[5][i], row);
        UNROLL for (int j = 0; j < 4; j++) {
            if (i >= p.rows || j >= p.columns)
                continue;
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
        UNROLL for (int i = 0; i < 36; i++)
            products[i] = VECTOR(global const, m + i * m_batch + j);
        put_tile(products, p, bias, residual, y, n0 + j, N, ow, flags);
    }
}

#ifdef TB
// TB: most tiles of a block. CC: channels of a chunk. Rows of a register tile: as many tiles as leave least of the last one
// empty; MR * NV + NV + 1 vectors must fit the register file.
#if VL == 16
#define MR 13
#define MR_MIDDLE 8
#else
#define MR 6
#define MR_MIDDLE 4
#endif
#define MR_SMALL 4
#define MR_LEAST 2
#define NV 2
#define NR (NV * VL)
#define PLANE ((CC + 1) * NR)  // of weights; not a power of two: the 36 must not fall on the same cache sets

DEFINE_WEIGHTS_2D(weights_in, local)

// sum[R][NR] += a[R][CC] b[CC][NR], in S sums each, so that enough of them run side by side.
#define DEFINE_MULTIPLY(R, S)                                                                                          \
    static inline void CAT(multiply, R)(global const float *a, local const float *b, local float *sum, int start)      \
    {                                                                                                                  \
        VEC acc[S][R][NV];                                                                                             \
        UNROLL for (int s = 0; s < S; s++)                                                                             \
            UNROLL for (int i = 0; i < R; i++)                                                                         \
                UNROLL for (int j = 0; j < NV; j++) acc[s][i][j] = 0;                                                  \
        for (int k = 0; k < CC; k += S)                                                                                \
            UNROLL for (int s = 0; s < S; s++) {                                                                       \
                VEC bv[NV];                                                                                            \
                UNROLL for (int j = 0; j < NV; j++) bv[j] = VECTOR(local const, b + (k + s) * NR + j * VL);            \
                UNROLL for (int i = 0; i < R; i++) {                                                                   \
                    float av = a[i * CC + k + s];                                                                      \
                    UNROLL for (int j = 0; j < NV; j++) acc[s][i][j] = FMA((VEC)av, bv[j], acc[s][i][j]);              \
                }                                                                                                      \
            }                                                                                                          \
        UNROLL for (int i = 0; i < R; i++)                                                                             \
            UNROLL for (int j = 0; j < NV; j++) {                                                                      \
                UNROLL for (int s = 1; s < S; s++) acc[0][i][j] += acc[s][i][j];                                       \
                if (!start)                                                                                            \
                    acc[0][i][j] += VECTOR(local, sum + i * NR + j * VL);                                              \
                VECTOR(local, sum + i * NR + j * VL) = acc[0][i][j];                                                   \
            }                                                                                                          \
    }
DEFINE_MULTIPLY(MR, 1)
DEFINE_MULTIPLY(MR_MIDDLE, 1)
#if MR_SMALL != MR_MIDDLE
DEFINE_MULTIPLY(MR_SMALL, 1)
#endif
DEFINE_MULTIPLY(MR_LEAST, 2)

// How the fused form cuts the work: blocks of `block` tiles from `first` on, `count` in all, in register tiles of `rows`;
// `panels` of them for each item.
typedef struct cut {
    long v_batch, v_item;  // own: an item's own patches are v_item apart
    int first, count, block, rows, panels, own;
} cut;

// v[36][C/CC][count][CC] and panels w -> y for tiles first..first + count. Items: blocks times parts of the panels. own: v
// is empty, and each item makes the patches of its block before it begins, in v[item][36][C/CC][block][CC]. Rows past the
// last tile that a register tile reads lie in v's storage; what comes of them is not used.
kernel void fused(ARG(const T, x), ARG(float, v), ARG(const W, w), ARG(const float, bias), ARG(const T, residual),
                  ARG(T, y), picture p, cut s, int N, int oh, int ow, int flags)
{
    BEGIN(const T, x);
    BEGIN(float, v);
    BEGIN(const W, w);
    BEGIN(const float, bias);
    BEGIN(const T, residual);
    BEGIN(T, y);
    local VEC u_vectors[36 * PLANE / VL], sum_vectors[36 * TB * NV];
    local float *u = (local float *)u_vectors, *sums = (local float *)sum_vectors;
    int panels = (N + NR - 1) / NR, parts = (panels + s.panels - 1) / s.panels;
    int begin = WORK_GROUP(0) / parts * s.block, n = min(s.block, s.count - begin), C = p.C;
    long chunk = (long)(s.own ? s.block : s.count) * CC;
    if (s.own) {
        v += WORK_GROUP(0) * s.v_item;
        for (int t = 0; t < n; t++)
            patches(x, p, s.first + begin + t, v + t * CC, s.v_batch, CC, chunk, 0, VL);
    } else {
        v += begin * CC;
    }
    int panel = WORK_GROUP(0) % parts * s.panels;
    for (int last = min(panel + s.panels, panels); panel < last; panel++) {
        for (int c0 = 0; c0 < C; c0 += CC) {
            for (int c = 0; c < CC; c++)
                for (int l = 0; l < NR; l += VL)
                    weights_in(w + ((long)panel * 9 * C + c0 + c) * NR + l, (long)C * NR, u + c * NR + l, PLANE);
            for (int i = 0; i < 36; i++)
                for (int t = 0; t < n; t += s.rows) {
                    global const float *a = v + i * s.v_batch + c0 / CC * chunk + t * CC;
                    local float *sum = sums + (i * TB + t) * NR;
                    if (s.rows == MR)
                        CAT(multiply, MR)(a, u + i * PLANE, sum, c0 == 0);
                    else if (s.rows == MR_MIDDLE)
                        CAT(multiply, MR_MIDDLE)(a, u + i * PLANE, sum, c0 == 0);
                    else if (s.rows == MR_SMALL)
                        CAT(multiply, MR_SMALL)(a, u + i * PLANE, sum, c0 == 0);
                    else
                        CAT(multiply, MR_LEAST)(a, u + i * PLANE, sum, c0 == 0);
                }
        }
        for (int t = 0; t < n; t++) {
            place at = place_of(s.first + begin + t, N, p.tiles_h, p.tiles_w, oh, ow);
            for (int l = 0; l < NR && panel * NR + l < N; l += VL) {
                VEC products[36];
                UNROLL for (int i = 0; i < 36; i++)
                    products[i] = VECTOR(local, sums + (i * TB + t) * NR + l);
                put_tile(products, at, bias, residual, y, panel * NR + l, N, ow, flags);
            }
        }
    }
}
#endif
