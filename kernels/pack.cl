// pack.cl: weights into the panels that gemm.cl and gemm_gpu.cl read; used by core/ops/gemm_internal.c.
//
// x[b][n][c][ty][tx] by strides -> panels y[b][N/nr][K][nr], k = (ty * kw + tx) * C + c; columns from N on are zero.
// Elements are moved as they are: T is the dtype of both.
#if T_F16
#define RAW ushort
#else
#define RAW float
#endif

#if CPU
// Item (s, p): channels s * rows.. of panel p of all b. A column is read in the order in which it lies in memory,
// and written with a step; a block of it stays in the cache until its lines are full.
kernel void pack(ARG(const RAW, x), ARG(RAW, y), int N, int C, int kh, int kw, int nr, int rows, long xb, long xn,
                 long xc, long xty, long xtx)
{
    BEGIN(const RAW, x);
    BEGIN(RAW, y);
    int panels = (N + nr - 1) / nr, p = get_global_id(1) % panels, columns = min(nr, N - p * nr);
    x += get_global_id(1) / panels * xb + p * nr * xn;
    y += (long)get_global_id(1) * kh * kw * C * nr;
    int c0 = get_global_id(0) * rows, c1 = min(c0 + rows, C);
    for (int c = c0; c < c1 && columns < nr; c++)
        for (int t = 0; t < kh * kw; t++)
            for (int j = columns; j < nr; j++)
                y[((long)t * C + c) * nr + j] = 0;
    if (xn == 1) {
        for (int t = 0; t < kh * kw; t++)
            for (int c = c0; c < c1; c++)
                for (int j = 0; j < columns; j++)
                    y[((long)t * C + c) * nr + j] = x[c * xc + t / kw * xty + t % kw * xtx + j];
        return;
    }
    for (int j = 0; j < columns; j++, x += xn)
        for (int ty = 0; ty < kh; ty++)
            for (int tx = 0; tx < kw; tx++) {
                global const RAW *from = x + ty * xty + tx * xtx;
                global RAW *to = y + (long)(ty * kw + tx) * C * nr + j;
#pragma unroll 8  // and not a loop of vector scatters, which are slower
                for (int c = c0; c < c1; c++)
                    to[c * nr] = from[c * xc];
            }
}
#else
// Item (j, s, p): columns j, j + J, .. (J items along dimension 0) and the channels s * rows.. of panel p of all b.
kernel void pack(ARG(const RAW, x), ARG(RAW, y), int N, int C, int kh, int kw, int nr, int rows, long xb, long xn,
                 long xc, long xty, long xtx)
{
    BEGIN(const RAW, x);
    BEGIN(RAW, y);
    int panels = (N + nr - 1) / nr, p = get_global_id(2) % panels;
    x += get_global_id(2) / panels * xb;
    y += (long)get_global_id(2) * kh * kw * C * nr;
    int c0 = get_global_id(1) * rows, c1 = min(c0 + rows, C);
    for (int t = 0; t < kh * kw; t++)
        for (int c = c0; c < c1; c++)
            for (int j = get_global_id(0); j < nr; j += get_global_size(0)) {
                int n = p * nr + j;
                y[((long)t * C + c) * nr + j] = n < N ? x[n * xn + c * xc + t / kw * xty + t % kw * xtx] : 0;
            }
}
#endif

// The weight of the gradient for x from panels x[O/from][taps * C][from] of w[O,C,taps]: panels of w'[C,O,taps] with the
// taps in reverse order. Items as in pack; `nr` and `from`: columns of a panel of y and of x.
kernel void pack_transposed(ARG(const W, x), ARG(W, y), int O, int C, int taps, int nr, int from, int rows)
{
    BEGIN(const W, x);
    BEGIN(W, y);
    int p = get_global_id(2), K = taps * O;
    y += (long)p * K * nr;
    int k0 = get_global_id(1) * rows, k1 = min(k0 + rows, K);
    for (int k = k0, run; k < k1; k += run) { // runs of neighbours in x: of one tap and one panel
        int tap = taps - 1 - k / O, o = k % O;
        run = min(min(k1 - k, O - o), from - o % from);
        global const W *column = x + ((long)(o / from) * taps + tap) * C * from + o % from;
        for (int j = get_global_id(0); j < nr; j += get_global_size(0)) {
            int n = p * nr + j;
            for (int i = 0; i < run; i++)
                STOREW(y, (long)(k + i) * nr + j, n < C ? LOADW(column, (long)n * from + i) : 0.0f);
        }
    }
}
