// gemm_gpu.cl: the matrix product of the GPU family; the same task, operands and layouts as gemm.cl.
//
// A work-group of TS x TS items makes a tile of 4 TS x 4 TS results, 4 x 4 an item, walking K in steps of KS through
// local memory. B is one panel: K rows of `pitch` columns, a multiple of 4 TS. Correct on any OpenCL 1.2 device; wants TS * TS items in a group.
#ifndef TS
#define TS 16
#endif
#define BM (4 * TS)
#define BN (4 * TS)
#define KS 16

enum { HAS_BIAS = 1, HAS_RESIDUAL = 2 };
enum { ACT_NONE, ACT_SILU, ACT_GELU, ACT_QUICK_GELU, ACT_GELU_TANH };

static inline float activate(float v, int act)
{
    switch (act) {
    case ACT_SILU: return v / (1 + exp(-v));
    case ACT_GELU: return 0.5f * v * (1 + erf(v * 0.70710678f));
    case ACT_QUICK_GELU: return v / (1 + exp(-1.702f * v));
    case ACT_GELU_TANH: return v / (1 + exp(-1.5957691f * (v + 0.044715f * v * v * v)));
    }
    return v;
}

kernel __attribute__((reqd_work_group_size(TS, TS, 1))) void
gemm(ARG(const T, x), ARG(const W, w), ARG(const float, bias), ARG(const T, residual), ARG(T, y), int M, int N, int K,
     int pitch, int C, int kw, int oh, int ow, int ih, int iw, int stride, int pad, long sb, long sy, long sx, long x_batch,
     long w_batch, float alpha, int act, int flags)
{
    BEGIN(const T, x);
    BEGIN(const W, w);
    BEGIN(const float, bias);
    BEGIN(const T, residual);
    BEGIN(T, y);
    local float a[KS][BM + 4];  // transposed; the pad spreads the stores over the banks
    local float b[KS][BN];
    int tx = get_local_id(0), ty = get_local_id(1), item = ty * TS + tx;
    int n0 = get_group_id(0) * BN, m0 = get_group_id(1) * BM, batch = get_group_id(2);
    x += batch * x_batch;
    w += batch * w_batch + n0;
    y += (long)batch * M * N;

    float4 acc[4] = { 0, 0, 0, 0 };
    for (int k0 = 0; k0 < K; k0 += KS) {
        for (int e = item; e < BM * KS; e += TS * TS) {
            int i = e / KS, k = k0 + e % KS, m = m0 + i;
            float v = 0;
            if (m < M && k < K) {
                int tap = k / C, c = k - tap * C;
                int iy = m / ow % oh * stride - pad + tap / kw, ix = m % ow * stride - pad + tap % kw;
                if (iy >= 0 && iy < ih && ix >= 0 && ix < iw)
                    v = LOAD(x, m / ow / oh * sb + iy * sy + ix * sx + c);
            }
            a[e % KS][i] = v;
        }
        for (int e = item; e < KS * BN / 4; e += TS * TS) {
            int k = e / (BN / 4), n = e % (BN / 4) * 4;
            float4 v = k0 + k < K ? LOADW4(w, (long)(k0 + k) * pitch + n) : (float4)0;
            vstore4(v, 0, &b[k][n]);
        }
        barrier(CLK_LOCAL_MEM_FENCE);
        for (int k = 0; k < KS; k++) {
            float4 av = vload4(ty, a[k]), bv = vload4(tx, b[k]);
            acc[0] = fma((float4)av.x, bv, acc[0]);
            acc[1] = fma((float4)av.y, bv, acc[1]);
            acc[2] = fma((float4)av.z, bv, acc[2]);
            acc[3] = fma((float4)av.w, bv, acc[3]);
        }
        barrier(CLK_LOCAL_MEM_FENCE);
    }
    for (int i = 0; i < 4; i++) {
        int m = m0 + ty * 4 + i;
        float row[4];
        vstore4(acc[i], 0, row);
        for (int j = 0; j < 4; j++) {
            int n = n0 + tx * 4 + j;
            if (m >= M || n >= N)
                continue;
            long at = (long)m * N + n;
            float v = row[j] * alpha + (flags & HAS_BIAS ? bias[n] : 0.0f);
            v = activate(v, act);
            STORE(y, at, v + (flags & HAS_RESIDUAL ? LOAD(residual, at) : 0.0f));
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
    float v = activate(LOAD(y, at) + (flags & HAS_BIAS ? bias[at % N] : 0.0f), act);
    STORE(y, at, v + (flags & HAS_RESIDUAL ? LOAD(residual, at) : 0.0f));
}
