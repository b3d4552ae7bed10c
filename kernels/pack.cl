// pack.cl: weights into the panels that gemm.cl and gemm_gpu.cl read; used by core/ops/gemm.c.

// x[b][n][c][ty][tx] by strides -> panels y[b][N/nr][K][nr], k = (ty * kw + tx) * C + c; columns from N on are zero.
// Item (j, s, p): columns j, j + J, .. (J items along dimension 0) and `rows` values of k of panel p of all b.
kernel void pack(ARG(const T, x), ARG(W, y), int N, int C, int kw, int K, int nr, int rows, long xb, long xn, long xc,
                 long xty, long xtx)
{
    BEGIN(const T, x);
    BEGIN(W, y);
    int panels = (N + nr - 1) / nr;
    int p = get_global_id(2) % panels;
    x += get_global_id(2) / panels * xb;
    y += (long)get_global_id(2) * K * nr;
    int k0 = get_global_id(1) * rows, k1 = min(k0 + rows, K);
    for (int k = k0; k < k1; k++) {
        int tap = k / C, c = k - tap * C;
        global const T *from = x + c * xc + tap / kw * xty + tap % kw * xtx;
        for (int j = get_global_id(0); j < nr; j += get_global_size(0)) {
            int n = p * nr + j;
            STOREW(y, (long)k * nr + j, n < N ? LOAD(from, n * xn) : 0.0f);
        }
    }
}

// The weight of the gradient for x from panels x[O/from][taps * C][from] of w[O,C,taps]: panels of w'[C,O,taps] with the
// taps in reverse order. Items as in pack; `nr` and `from`: columns of a panel of y and of x.
kernel void pack_transposed(ARG(const W, x), ARG(W, y), int O, int C, int taps, int nr, int from, int rows)
{
    BEGIN(const W, x);
    BEGIN(W, y);
    int p = get_global_id(2), K = taps * O;
    y += (long)p * K * nr;
    int k0 = get_global_id(1) * rows, k1 = min(k0 + rows, K);
    for (int k = k0; k < k1; k++) {
        int tap = taps - 1 - k / O, o = k % O;
        global const W *column = x + ((long)(o / from) * taps + tap) * C * from + o % from;
        for (int j = get_global_id(0); j < nr; j += get_global_size(0)) {
            int n = p * nr + j;
            STOREW(y, (long)k * nr + j, n < C ? LOADW(column, (long)n * from) : 0.0f);
        }
    }
}
