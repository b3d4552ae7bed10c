// attention_few.cl: causal attention of few queries over many keys; used by core/ops/attention_few_internal.c.
//
// A group takes part of the keys for all queries that read one head of them, n rows: row r is query r / R of head
// g * R + r % R, R heads sharing head g of keys. Keys pass in blocks, as in attention.cl; the parts are joined afterwards.
#define LOWEST -3e38f // below every logit, but finite: a difference to it is never NaN
enum { BLOCK = 64 };
#define VLOADL(p) JOIN(vload, V)(0, (p))
#define VSTOREL(v, p) JOIN(vstore, V)((v), 0, (p))

// logits_N: logits of N rows with one key. add_N: V columns of N rows' sums, with the values of n keys joined.
#define DEFINE_ROWS(N)                                                                                                 \
    static inline void JOIN(logits_, N)(global const W *k, long at, local const float *q, int D, int wide,             \
                                        local float *p)                                                                \
    {                                                                                                                  \
        vfloat sum[N];                                                                                                 \
        for (int i = 0; i < N; i++)                                                                                    \
            sum[i] = 0.0f;                                                                                             \
        for (int d = 0; d < D; d += V) {                                                                               \
            vfloat x = loadw_part(k, at + d, D - d, 0.0f);                                                             \
            for (int i = 0; i < N; i++)                                                                                \
                sum[i] = fma(x, VLOADL(q + i * wide + d), sum[i]);                                                     \
        }                                                                                                              \
        for (int i = 0; i < N; i++)                                                                                    \
            p[i * BLOCK] = FOLD(sum[i], OP_ADD);                                                                       \
    }                                                                                                                  \
    static inline void JOIN(add_, N)(global const W *v, long at, long v_row, int columns, int n, local const float *p, \
                                     local const float *correct, int wide, local float *o)                            \
    {                                                                                                                  \
        vfloat sum[N];                                                                                                 \
        for (int i = 0; i < N; i++)                                                                                    \
            sum[i] = VLOADL(o + i * wide) * correct[i];                                                                \
        for (int s = 0; s < n; s++) {                                                                                  \
            vfloat x = loadw_part(v, at + s * v_row, columns, 0.0f);                                                   \
            for (int i = 0; i < N; i++)                                                                                \
                sum[i] = fma(x, (vfloat)p[i * BLOCK + s], sum[i]);                                                     \
        }                                                                                                              \
        for (int i = 0; i < N; i++)                                                                                    \
            VSTOREL(sum[i], o + i * wide);                                                                             \
    }
DEFINE_ROWS(4)
DEFINE_ROWS(2)
DEFINE_ROWS(1)

// Joins n logits of a row, which become numbers to weigh values with, to its maximum and sum.
static inline void join_row(local float *p, int n, local float *top, local float *sum, local float *correct)
{
    for (int s = n; s < (n + V - 1) / V * V; s++)
        p[s] = -INFINITY;
    vfloat most = LOWEST, all = 0.0f;
    for (int s = 0; s < n; s += V)
        most = fmax(most, VLOADL(p + s));
    float m = fmax(FOLD(most, fmax), *top);
    for (int s = 0; s < n; s += V) {
        vfloat x = vexp2(VLOADL(p + s) - m);
        VSTOREL(x, p + s);
        all += x;
    }
    *correct = *top - m < -126.0f ? 0.0f : exp2(*top - m);
    *sum = *sum * *correct + FOLD(all, OP_ADD);
    *top = m;
}

// sums[B,G,parts,n,D+2]: a row's weighted values, its maximum, its sum; y itself where there is one part.
// work: n times 2 (D rounded up to V) + BLOCK + 3 floats.
KERNEL void attention_few(ARG(const T, q), ARG(const W, k), ARG(const W, v), ARG(T, y), ARG(float, sums), int T_, int S,
                          int D, int H, int begin, int part, int window, long q_batch, long q_row, long k_batch,
                          long k_row, long v_batch, long v_row, float scale, local float *work)
{
    BEGIN(const T, q);
    BEGIN(const W, k);
    BEGIN(const W, v);
    BEGIN(T, y);
    BEGIN(float, sums);
    int g = get_global_id(1), G = get_global_size(1), b = get_global_id(2), R = H / G, n = T_ * R;
    int wide = (D + V - 1) / V * V, item = get_local_id(0);
    local float *qs = work, *o = qs + n * wide, *p = o + n * wide, *top = p + n * BLOCK;
    local float *sum = top + n, *correct = sum + n;
    for (int i = item * V; i < n * wide; i += WG * V) {
        int r = i / wide, d = i % wide;
        long at = b * q_batch + r / R * q_row + (long)(g * R + r % R) * D + d;
        VSTOREL(d < D ? load_part(q, at, D - d, 0.0f) * scale : (vfloat)0.0f, qs + i);
        VSTOREL((vfloat)0.0f, o + i);
    }
    for (int r = item; r < n; r += WG) {
        top[r] = LOWEST;
        sum[r] = 0.0f;
    }
    GROUP_BARRIER();
    long k_at = b * k_batch + (long)g * D, v_at = b * v_batch + (long)g * D;
    int first = begin + (int)WORK_GROUP(0) * part, last = min(S, first + part);
    for (int s0 = first; s0 < last; s0 += BLOCK) {
        int keys = min((int)BLOCK, last - s0), r;
        for (int s = item; s < keys; s += WG) {
            for (r = 0; r + 4 <= n; r += 4)
                logits_4(k, k_at + (s0 + s) * k_row, qs + r * wide, D, wide, p + r * BLOCK + s);
            for (; r + 2 <= n; r += 2)
                logits_2(k, k_at + (s0 + s) * k_row, qs + r * wide, D, wide, p + r * BLOCK + s);
            for (; r < n; r++)
                logits_1(k, k_at + (s0 + s) * k_row, qs + r * wide, D, wide, p + r * BLOCK + s);
            for (r = 0; r < n; r++) {
                int own = r / R + S - T_;
                if (s0 + s > own || s0 + s <= own - window)
                    p[r * BLOCK + s] = -INFINITY;
            }
        }
        GROUP_BARRIER();
        for (r = item; r < n; r += WG)
            join_row(p + r * BLOCK, keys, top + r, sum + r, correct + r);
        GROUP_BARRIER();
        for (int d = item * V; d < D; d += WG * V) {
            long at = v_at + s0 * v_row + d;
            for (r = 0; r + 4 <= n; r += 4)
                add_4(v, at, v_row, D - d, keys, p + r * BLOCK, correct + r, wide, o + r * wide + d);
            for (; r + 2 <= n; r += 2)
                add_2(v, at, v_row, D - d, keys, p + r * BLOCK, correct + r, wide, o + r * wide + d);
            for (; r < n; r++)
                add_1(v, at, v_row, D - d, keys, p + r * BLOCK, correct + r, wide, o + r * wide + d);
        }
        GROUP_BARRIER();
    }
    int parts = (S - begin + part - 1) / part;
    long to = (((long)b * G + g) * parts + WORK_GROUP(0)) * n;
    for (int i = item * V; i < n * wide; i += WG * V) {
        int r = i / wide, d = i % wide;
        if (d >= D)
            continue;
        vfloat x = VLOADL(o + i);
        if (parts == 1) {
            store_part(y, (((long)b * T_ + r / R) * H + g * R + r % R) * D + d, D - d,
                       sum[r] == 0.0f ? (vfloat)0.0f : x / sum[r]);
            continue;
        }
        float lane[V];
        JOIN(vstore, V)(x, 0, lane);
        for (int j = 0; j < V && d + j < D; j++)
            sums[(to + r) * (D + 2) + d + j] = lane[j];
    }
    for (int r = item; r < n && parts > 1; r += WG) {
        sums[(to + r) * (D + 2) + D] = top[r];
        sums[(to + r) * (D + 2) + D + 1] = sum[r];
    }
}

// y := the parts of each row joined; a group makes one row.
KERNEL void attention_join(ARG(const float, sums), ARG(T, y), int parts, int T_, int D, int H)
{
    BEGIN(const float, sums);
    BEGIN(T, y);
    int r = WORK_GROUP(0), g = get_global_id(1), G = get_global_size(1), b = get_global_id(2);
    int R = H / G, n = T_ * R;
    global const float *row = sums + (((long)b * G + g) * parts * n + r) * (D + 2);
    long step = (long)n * (D + 2);
    float top = LOWEST, all = 0.0f;
    for (int i = 0; i < parts; i++)
        top = fmax(top, row[i * step + D]);
    for (int i = 0; i < parts; i++)
        all += row[i * step + D + 1] * exp2(fmax(row[i * step + D] - top, -150.0f));
    for (int d = get_local_id(0); d < D; d += WG) {
        float x = 0.0f;
        for (int i = 0; i < parts; i++)
            x += row[i * step + d] * exp2(fmax(row[i * step + D] - top, -150.0f));
        STORE(y, (((long)b * T_ + r / R) * H + g * R + r % R) * D + d, all == 0.0f ? 0.0f : x / all);
    }
}
