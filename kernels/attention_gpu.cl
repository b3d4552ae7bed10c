// attention_gpu.cl: what attention.cl does, in the GPU family, and on a CPU for heads too wide for its local memory.
//
// GROUP items make ROWS rows of one head; ITEMS items share a row. Tiles of q, k, v pass through local memory, EDGE
// columns at a time, so that any head size fits.
#define LOWEST -3e38f // below every logit, but finite: a difference to it is never NaN
enum { ROWS = 16, ITEMS = 4, GROUP = ROWS * ITEMS, EDGE = 32, OWN = EDGE / ITEMS, LINE = EDGE + 1 };

#define GPU_KERNEL __attribute__((reqd_work_group_size(GROUP, 1, 1))) kernel

// to[rows,width+1] := columns d..d+width-1 of `count` rows, zeros behind the last row and column.
#define DEFINE_STAGE(name, type, load)                                                                                 \
    static inline void name(global const type *x, long at, long stride, int count, int rows, int d, int D, int width,  \
                            local float *to)                                                                           \
    {                                                                                                                  \
        for (int i = get_local_id(0); i < rows * width; i += GROUP) {                                                   \
            int r = i / width, e = i % width;                                                                            \
            to[r * (width + 1) + e] = r < count && d + e < D ? load(x, at + r * stride + d + e) : 0.0f;                       \
        }                                                                                                              \
    }
DEFINE_STAGE(stage, T, LOAD)
DEFINE_STAGE(stagew, W, LOADW)

// s[j]: logits in base 2 of this item's row and keys s0 + item + j * ITEMS, -infinity where hidden or beyond `end`.
static inline void gpu_logits(global const T *q, long q_at, long q_row, int queries, global const W *k, long k_at,
                              long k_row, int s0, int end, int D, int last, int window, global const int *mask, float scale,
                              local float *qs, local float *ks, float *s)
{
    int row = get_local_id(0) / ITEMS, item = get_local_id(0) % ITEMS;
    for (int j = 0; j < OWN; j++)
        s[j] = 0.0f;
    for (int d = 0; d < D; d += EDGE) {
        stage(q, q_at, q_row, queries, ROWS, d, D, EDGE, qs);
        stagew(k, k_at + s0 * k_row, k_row, end - s0, EDGE, d, D, EDGE, ks);
        barrier(CLK_LOCAL_MEM_FENCE);
        for (int e = 0; e < EDGE; e++) {
            float x = qs[row * LINE + e];
            for (int j = 0; j < OWN; j++)
                s[j] = fma(x, ks[(item + j * ITEMS) * LINE + e], s[j]);
        }
        barrier(CLK_LOCAL_MEM_FENCE);
    }
    for (int j = 0; j < OWN; j++) {
        int key = s0 + item + j * ITEMS;
        bool seen = key < end && key <= last && key > last - window && (!mask || mask[key]);
        s[j] = seen ? s[j] * scale : -INFINITY;
    }
}

// Shares a value of each item with the row's other items and folds them.
#define ROW_FOLD(tmp, x, op)                                                                                           \
    do {                                                                                                               \
        tmp[get_local_id(0)] = (x);                                                                                    \
        barrier(CLK_LOCAL_MEM_FENCE);                                                                                  \
        local float *row_ = tmp + get_local_id(0) / ITEMS * ITEMS;                                                     \
        (x) = op(op(row_[0], row_[1]), op(row_[2], row_[3]));                                                          \
        barrier(CLK_LOCAL_MEM_FENCE);                                                                                  \
    } while (0)

static inline float gpu_exp2(float x) { return x < -126.0f ? 0.0f : exp2(x); }

// Columns of the result that a group makes, a multiple of EDGE; a head that is wider takes several groups.
#ifndef COLUMNS
#define COLUMNS 32
#endif

GPU_KERNEL void attention(ARG(const T, q), ARG(const W, k), ARG(const W, v), ARG(const int, mask), ARG(T, y),
                              int T_, int S, int D, int H, long q_batch, long q_row, long k_batch, long k_row,
                              long v_batch, long v_row, int masked, int causal, float scale, int group, int window)
{
    BEGIN(const T, q);
    BEGIN(const W, k);
    BEGIN(const W, v);
    BEGIN(const int, mask);
    BEGIN(T, y);
    local float qs[ROWS * LINE], ks[EDGE * LINE], ps[ROWS * LINE], vs[EDGE * (COLUMNS + 1)], tmp[GROUP];
    int t0 = WORK_GROUP_OF_ITEMS(0) * ROWS, h = WORK_GROUP_OF_ITEMS(1) % H, b = WORK_GROUP_OF_ITEMS(2);
    int first = WORK_GROUP_OF_ITEMS(1) / H * COLUMNS;
    int row = get_local_id(0) / ITEMS, item = get_local_id(0) % ITEMS, queries = min((int)ROWS, T_ - t0);
    int last = causal ? t0 + row + S - T_ : S, end = causal ? min(S, t0 + ROWS + S - T_) : S;
    long q_at = b * q_batch + t0 * q_row + (long)h * D, k_at = b * k_batch + (long)(h / group) * D, v_at = b * v_batch + (long)(h / group) * D;
    float top = LOWEST, sum = 0.0f, s[OWN], o[COLUMNS / ITEMS];
    for (int i = 0; i < COLUMNS / ITEMS; i++)
        o[i] = 0.0f;
    int begin = causal ? max(0, t0 + S - T_ - window + 1) / EDGE * EDGE : 0;
    for (int s0 = begin; s0 < end; s0 += EDGE) {
        gpu_logits(q, q_at, q_row, queries, k, k_at, k_row, s0, end, D, last, window, masked ? mask + (long)b * S : 0, scale, qs,
                   ks, s);
        float m = top, l = 0.0f;
        for (int j = 0; j < OWN; j++)
            m = s[j] > m ? s[j] : m;
        ROW_FOLD(tmp, m, fmax);
        for (int j = 0; j < OWN; j++) {
            float x = gpu_exp2(s[j] - m);
            ps[row * LINE + item + j * ITEMS] = x;
            l += x;
        }
        ROW_FOLD(tmp, l, OP_ADD);
        float correct = gpu_exp2(top - m);
        sum = sum * correct + l;
        top = m;
        for (int i = 0; i < COLUMNS / ITEMS; i++)
            o[i] *= correct;
        stagew(v, v_at + s0 * v_row, v_row, end - s0, EDGE, first, D, COLUMNS, vs);
        barrier(CLK_LOCAL_MEM_FENCE);
        for (int e = 0; e < EDGE; e++) {
            float x = ps[row * LINE + e];
            for (int i = 0; i < COLUMNS / ITEMS; i++)
                o[i] = fma(x, vs[e * (COLUMNS + 1) + item + i * ITEMS], o[i]);
        }
        barrier(CLK_LOCAL_MEM_FENCE);
    }
    float share = sum == 0.0f ? 0.0f : 1.0f / sum;
    for (int i = 0; i < COLUMNS / ITEMS; i++) {
        int d = first + item + i * ITEMS;
        if (row < queries && d < D)
            STORE(y, (((long)b * T_ + t0 + row) * H + h) * D + d, o[i] * share);
    }
}

GPU_KERNEL void attention_probs(ARG(const T, q), ARG(const W, k), ARG(const int, mask), ARG(float, p), int T_, int S,
                                    int D, int H, long q_batch, long q_row, long k_batch, long k_row, int masked,
                                    int causal, float scale, int group, int window)
{
    BEGIN(const T, q);
    BEGIN(const W, k);
    BEGIN(const int, mask);
    BEGIN(float, p);
    local float qs[ROWS * LINE], ks[EDGE * LINE], tmp[GROUP];
    int t0 = WORK_GROUP_OF_ITEMS(0) * ROWS, h = WORK_GROUP_OF_ITEMS(1), b = WORK_GROUP_OF_ITEMS(2);
    int row = get_local_id(0) / ITEMS, item = get_local_id(0) % ITEMS, queries = min((int)ROWS, T_ - t0);
    int last = causal ? t0 + row + S - T_ : S;
    long q_at = b * q_batch + t0 * q_row + (long)h * D, k_at = b * k_batch + (long)(h / group) * D;
    float top = LOWEST, sum = 0.0f, share = 0.0f, s[OWN];
    for (int pass = 0; pass < 2; pass++) {
        for (int s0 = 0; s0 < S; s0 += EDGE) {
            gpu_logits(q, q_at, q_row, queries, k, k_at, k_row, s0, S, D, last, window, masked ? mask + (long)b * S : 0, scale,
                       qs, ks, s);
            if (pass == 0) {
                float m = top, l = 0.0f;
                for (int j = 0; j < OWN; j++)
                    m = s[j] > m ? s[j] : m;
                ROW_FOLD(tmp, m, fmax);
                for (int j = 0; j < OWN; j++)
                    l += gpu_exp2(s[j] - m);
                ROW_FOLD(tmp, l, OP_ADD);
                sum = sum * gpu_exp2(top - m) + l;
                top = m;
            } else {
                for (int j = 0; j < OWN; j++)
                    if (row < queries && s0 + item + j * ITEMS < S)
                        p[(((long)b * H + h) * T_ + t0 + row) * S + s0 + item + j * ITEMS] = gpu_exp2(s[j] - top) * share;
            }
        }
        share = sum == 0.0f ? 0.0f : 1.0f / sum;
    }
}
