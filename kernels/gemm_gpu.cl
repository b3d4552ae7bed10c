// gemm_gpu.cl: the matrix product of the GPU family; the same task, operands and layouts as gemm.cl.
//
// A work-group of TS x TS items makes a tile of R TS x R TS results, R x R an item, walking K in steps of KS through
// local memory. B is one panel: K rows of `pitch` columns, a multiple of the tile. Correct on any OpenCL 1.2 device.
// TS: 4, 8 or 16. R: 4, or 8 where there are enough rows and columns to keep the device busy.
#define BM (R * TS)
#define BN (R * TS)
#define KS 16
#define GROUP (TS * TS)
#define LOADS (BM * KS / GROUP)  // of A by one item for each step

enum { HAS_BIAS = 1, HAS_RESIDUAL = 2 };

#define LOAD_FLOAT(p, i) ((p)[i])
#define LOAD_FLOATS(p, i) vload4(0, (p) + (i))
DEFINE_LOAD_PART(bias_part, float, LOAD_FLOAT, LOAD_FLOATS)

kernel __attribute__((reqd_work_group_size(TS, TS, 1))) void
gemm(ARG(const T, x), ARG(const W, w), ARG(const float, bias), ARG(const T, residual), ARG(T, y), product p)
{
    BEGIN(const T, x);
    BEGIN(const W, w);
    BEGIN(const float, bias);
    BEGIN(const T, residual);
    BEGIN(T, y);
    const int M = p.M, N = p.N, K = p.K, C = p.C, kw = p.kw, ow = p.ow, oh = p.oh;
    local float a[KS][BM + 4];  // transposed; the p.pad spreads the stores over the banks
    local float b[KS][BN];
    int tx = get_local_id(0), ty = get_local_id(1), item = ty * TS + tx;
    int n0 = WORK_GROUP(0) * BN, m0 = WORK_GROUP(1) * BM, batch = WORK_GROUP(2);
    x += batch * p.x_batch;
    w += batch * p.w_batch + n0;
    y += (long)batch * M * N;

    // The rows of A that this item fetches, always at the same k of a step.
    int row_y[LOADS], row_x[LOADS], my_k = item % KS;
    long row_base[LOADS];
#pragma unroll
    for (int r = 0; r < LOADS; r++) {
        int m = m0 + item / KS + r * (GROUP / KS);
        row_y[r] = m < M ? m / ow % oh * p.stride - p.pad : INT_MIN / 2;  // outside: zeros
        row_x[r] = m % ow * p.stride - p.pad;
        row_base[r] = m / ow / oh * p.sb;
    }
    float4 acc[R][R / 4];
#pragma unroll
    for (int i = 0; i < R; i++)
#pragma unroll
        for (int j = 0; j < R / 4; j++)
            acc[i][j] = 0;
    for (int k0 = 0; k0 < K; k0 += KS) {
        int k = k0 + my_k, tap = k / C, c = k - tap * C, dy = tap / kw, dx = tap - dy * kw;
#pragma unroll
        for (int r = 0; r < LOADS; r++) {
            int iy = row_y[r] + dy, ix = row_x[r] + dx;
            int in = k < K && iy >= 0 && iy < p.ih && ix >= 0 && ix < p.iw;
            a[my_k][item / KS + r * (GROUP / KS)] = in ? LOAD(x, row_base[r] + iy * p.sy + ix * p.sx + c) : 0.0f;
        }
        for (int e = item; e < KS * BN / 4; e += GROUP) {
            int kb = e / (BN / 4), n = e % (BN / 4) * 4;
            float4 v = k0 + kb < K ? LOADW4(w, (long)(k0 + kb) * p.pitch + n) : (float4)0;
            vstore4(v, 0, &b[kb][n]);
        }
        barrier(CLK_LOCAL_MEM_FENCE);
        for (int s = 0; s < KS; s++) {
            float av[R];
            float4 bv[R / 4];
#pragma unroll
            for (int i = 0; i < R / 4; i++) {
                vstore4(vload4(0, &a[s][(i * TS + ty) * 4]), i, av);
                bv[i] = vload4(0, &b[s][(i * TS + tx) * 4]);
            }
#pragma unroll
            for (int i = 0; i < R; i++)
#pragma unroll
                for (int j = 0; j < R / 4; j++)
                    acc[i][j] = FMA((float4)av[i], bv[j], acc[i][j]);
        }
        barrier(CLK_LOCAL_MEM_FENCE);
    }
#pragma unroll
    for (int i = 0; i < R; i++) {
        int m = m0 + (i / 4 * TS + ty) * 4 + i % 4;
#pragma unroll
        for (int j = 0; j < R / 4; j++) {
            int n = n0 + (j * TS + tx) * 4;
            if (m >= M || n >= N)
                continue;
            long at = (long)m * N + n;
            float4 v = acc[i][j] * p.alpha;
            if (p.flags & HAS_BIAS)
                v += bias_part(bias, n, N - n, 0);
            v = vactivate(v, p.act);
            if (p.flags & HAS_RESIDUAL)
                v += load_part(residual, at, N - n, 0);
            store_part(y, at, N - n, v);
        }
    }
}

// y = act(y + bias) + residual for y[M,N]: what a product by a BLAS leaves to do. One item per element.
kernel void finish(ARG(const float, bias), ARG(const T, residual), ARG(T, y), int N, int act, int flags)
{
    BEGIN(const float, bias);
    BEGIN(const T, residual);
    BEGIN(T, y);
    long at = get_global_id(0);
    float v = vactivate((vfloat)(LOAD(y, at) + (flags & HAS_BIAS ? bias[at % N] : 0.0f)), act).x;
    STORE(y, at, v + (flags & HAS_RESIDUAL ? LOAD(residual, at) : 0.0f));
}
