// winograd.cl: 3x3 convolution of stride 1 as F(4x4,3x3): the transforms before and after 36 matrix products.
//
// Lavin and Gray, "Fast Algorithms for Convolutional Neural Networks" (2016), eq. 9: Y = A' [(G g G') * (B' d B)] A,
// d a 6x6 patch, Y 4x4 results. Cook-Toom at the points 0, +-P, +-Q, infinity. P = 3/4, Q = 3/2 instead of the usual
// 1 and 2: exact in binary, and half the rounding error.
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

// Panels w[panel][9 C][nr] -> panels u[36][panel][C][nr]. Item (lane, c, panel).
kernel void weights(ARG(const W, w), ARG(float, u), int C, int nr, long u_batch)
{
    BEGIN(const W, w);
    BEGIN(float, u);
    int c = get_global_id(1);
    w += (get_global_id(2) * 9 * C + c) * nr;
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

// Patches of tiles first..first + get_global_size(1) of x -> v[36][tile][C]. Item (channel, tile).
kernel void input(ARG(const T, x), ARG(float, v), int first, int C, int tiles_h, int tiles_w, int ih, int iw, int pad,
                  long sb, long sy, long sx, long v_batch)
{
    BEGIN(const T, x);
    BEGIN(float, v);
    int t = first + (int)get_global_id(1);
    int y0 = t / tiles_w % tiles_h * 4 - pad, x0 = t % tiles_w * 4 - pad;
    x += t / tiles_w / tiles_h * sb;
    v += get_global_id(1) * C;
    for (int c = get_global_id(0) * VL; c < C; c += get_global_size(0) * VL) {
        VEC columns[6][6], rows[6];
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
                VSTORE(rows[j], v + (i * 6 + j) * v_batch + c);
        }
    }
}

// Products m[36][tile][N] -> y[b,oh,ow,N] + bias[n] + residual. Item (channel, tile).
kernel void output(ARG(const float, m), ARG(const W, bias), ARG(const T, residual), ARG(T, y), int first, int N,
                   int tiles_h, int tiles_w, int oh, int ow, long m_batch, int has_bias, int has_residual)
{
    BEGIN(const float, m);
    BEGIN(const W, bias);
    BEGIN(const T, residual);
    BEGIN(T, y);
    int t = first + (int)get_global_id(1);
    int y0 = t / tiles_w % tiles_h * 4, x0 = t % tiles_w * 4;
    long at = (((long)(t / tiles_w / tiles_h) * oh + y0) * ow + x0) * N;
    m += get_global_id(1) * N;
    for (int n = get_global_id(0) * VL; n < N; n += get_global_size(0) * VL) {
        VEC columns[6][4], row[4], b = has_bias ? LOADWV(bias, n) : (VEC)0;
        for (int j = 0; j < 6; j++) {
            VEC d[6];
            for (int i = 0; i < 6; i++)
                d[i] = VLOAD(m + (i * 6 + j) * m_batch + n);
            output_1d(d[0], d[1], d[2], d[3], d[4], d[5], columns[j]);
        }
        for (int i = 0; i < 4 && y0 + i < oh; i++) {
            output_1d(columns[0][i], columns[1][i], columns[2][i], columns[3][i], columns[4][i], columns[5][i], row);
            for (int j = 0; j < 4 && x0 + j < ow; j++) {
                long to = at + ((long)i * ow + j) * N + n;
                VEC r = row[j] + b;
                if (has_residual)
                    r += LOADV(residual, to);
                STOREV(y, to, r);
            }
        }
    }
}
