// attention.cl: softmax(scale q k^T + mask) v for each head, and the softmax alone, in the CPU family; used by
// core/ops/attention.c.
//
// There is no [T,S] matrix: keys pass by in blocks, the running maximum and sum are corrected as they grow (Milakov,
// Gimelshein: Online normalizer calculation for softmax, 2018; Dao et al.: FlashAttention, 2022).
// Lanes are queries. Then maxima and sums need no fold over lanes, no head size wastes lanes, and both
// products are the same small matrix product: M keys (or M columns of v) times TQ queries, kept in registers.
#if V == 16
enum { NQ = 4, M = 5 };
#else
enum { NQ = 3, M = 4 };
#endif
enum { TQ = NQ * V, NK = 24 * M }; // queries of an item; keys of a block

#define LOWEST -3e38f // below every logit, but finite: a difference to it is never NaN
#define VLOADL(p) JOIN(vload, V)(0, (p))
#define VSTOREL(v, p) JOIN(vstore, V)((v), 0, (p))

// k[B,S,H*D] into panels kp[B,H,S/M,D,M], v[B,S,H*D] into vp[B,H,D/M,S,M], zeros behind the last key and column.
// row: local scratch, D rounded up to V and to M. with_v = 0: only k.
KERNEL void attention_pack(ARG(const W, k), ARG(const W, v), ARG(float, kp), ARG(float, vp), int S, int D,
                           long k_batch, long k_row, long v_batch, long v_row, int with_v, local float *row)
{
    BEGIN(const W, k);
    BEGIN(const W, v);
    BEGIN(float, kp);
    BEGIN(float, vp);
    int first = get_global_id(0) * NK, h = get_global_id(1), b = get_global_id(2);
    long head = (long)b * get_global_size(1) + h, padded = (S + M - 1) / M * M, wide = (D + M - 1) / M * M;
    for (int s = first; s < min((long)first + NK, padded); s++) {
        global float *to = kp + head * padded * D + (long)(s / M) * M * D + s % M;
        long from = b * k_batch + s * k_row + (long)h * D;
        for (int d = 0; d < D; d += V)
            VSTOREL(s < S ? loadw_part(k, from + d, D - d, 0.0f) : (vfloat)0.0f, row + d);
        for (int d = 0; d < D; d++)
            to[d * M] = row[d];
        if (s >= S || !with_v)
            continue;
        from = b * v_batch + s * v_row + (long)h * D;
        for (int d = 0; d < wide; d += V)
            VSTOREL(d < D ? loadw_part(v, from + d, D - d, 0.0f) : (vfloat)0.0f, row + d);
        to = vp + head * S * wide + (long)s * M;
        for (int d = 0; d < wide; d += M)
            for (int i = 0; i < M; i++)
                to[(long)d * S + i] = row[d + i];
    }
}

// c[M,TQ] = (add ? c : 0) + a[n,M]^T b[n,TQ]
static inline void tile(global const float *restrict a, local const float *restrict b, int n, local float *restrict c,
                        int add)
{
    vfloat r[M][NQ];
#pragma unroll
    for (int i = 0; i < M; i++)
#pragma unroll
        for (int j = 0; j < NQ; j++)
            r[i][j] = add ? VLOADL(c + i * TQ + j * V) : (vfloat)0.0f;
    for (int k = 0; k < n; k++) {
        vfloat q[NQ];
#pragma unroll
        for (int j = 0; j < NQ; j++)
            q[j] = VLOADL(b + k * TQ + j * V);
#pragma unroll
        for (int i = 0; i < M; i++) {
            vfloat x = a[k * M + i];
#pragma unroll
            for (int j = 0; j < NQ; j++)
                r[i][j] = fma(x, q[j], r[i][j]);
        }
    }
#pragma unroll
    for (int i = 0; i < M; i++)
#pragma unroll
        for (int j = 0; j < NQ; j++)
            VSTOREL(r[i][j], c + i * TQ + j * V);
}

// to[i,j] := from[j,i] of [V,V], by log2 V perfect shuffles of the rows.
static inline void transpose(const float *from, float *to)
{
    vfloat a[V], b[V];
#pragma unroll
    for (int i = 0; i < V; i++)
        a[i] = VLOADL(from + i * V);
#pragma unroll
    for (int step = 1; step < V; step *= 2) {
#pragma unroll
        for (int i = 0; i < V / 2; i++) {
            b[2 * i].even = a[i].lo;
            b[2 * i].odd = a[i + V / 2].lo;
            b[2 * i + 1].even = a[i].hi;
            b[2 * i + 1].odd = a[i + V / 2].hi;
        }
#pragma unroll
        for (int i = 0; i < V; i++)
            a[i] = b[i];
    }
#pragma unroll
    for (int i = 0; i < V; i++)
        VSTOREL(a[i], to + i * V);
}

// qt[D,TQ] := scale * q of the TQ queries from t0 on, zeros behind the last. qt has room for D rounded up to V.
static inline void load_queries(global const T *q, long at, long q_row, int t0, int T_, int D, float scale,
                                local float *qt)
{
    for (int t = 0; t < TQ; t += V)
        for (int d = 0; d < D; d += V) {
            float a[V * V], b[V * V];
            for (int i = 0; i < V; i++)
                VSTOREL(t0 + t + i < T_ ? load_part(q, at + (t + i) * q_row + d, D - d, 0.0f) * scale : (vfloat)0.0f,
                        a + i * V);
            transpose(a, b);
            for (int i = 0; i < V; i++)
                VSTOREL(VLOADL(b + i * V), qt + (d + i) * TQ + t);
        }
}

// Logits in base 2 of keys s0..s0+n-1: st[n,TQ], -infinity where hidden. kp: the head's panels.
static inline void logits(global const float *kp, local const float *qt, int D, int s0, int n, int reach,
                          global const int *mask, local float *st)
{
    for (int s = 0; s < n; s += M)
        tile(kp + (long)(s0 + s) * D, qt, D, st + s * TQ, 0);
    if (mask)
        for (int s = 0; s < n; s++)
            if (!mask[s0 + s])
                for (int j = 0; j < TQ; j++)
                    st[s * TQ + j] = -INFINITY;
    // Query j sees the keys up to reach + j.
    for (int s = max(0, reach + 1 - s0); s < n; s++)
        for (int j = 0; j < TQ && reach + j < s0 + s; j++)
            st[s * TQ + j] = -INFINITY;
}

// Joins n rows of logits to the running maximum and sum; correct: what earlier sums must be multiplied with.
static inline void join_block(local const float *st, int n, vfloat *top, vfloat *sum, vfloat *correct)
{
    vfloat m = *top, l = 0.0f;
    for (int s = 0; s < n; s++) {
        vfloat x = VLOADL(st + s * TQ);
        m = x > m ? x : m;
    }
    for (int s = 0; s < n; s++)
        l += vexp2(VLOADL(st + s * TQ) - m);
    *correct = vexp2(*top - m);
    *sum = *sum * *correct + l;
    *top = m;
}

// Rows of local scratch for D columns: whole tiles and whole transposes fit.
static inline int room_for(int D) { return max((D + M - 1) / M * M, (D + V - 1) / V * V); }

// An item makes TQ rows of one head. work: local scratch, (2 * room_for(D) + NK) * TQ floats.
KERNEL void attention(ARG(const T, q), ARG(const float, kp), ARG(const float, vp), ARG(const int, mask), ARG(T, y),
                      int T_, int S, int D, long q_batch, long q_row, int masked, int causal, float scale,
                      local float *work)
{
    BEGIN(const T, q);
    BEGIN(const float, kp);
    BEGIN(const float, vp);
    BEGIN(const int, mask);
    BEGIN(T, y);
    int t0 = get_group_id(0) * TQ, h = get_global_id(1), H = get_global_size(1), b = get_global_id(2);
    int padded = (S + M - 1) / M * M, wide = (D + M - 1) / M * M;
    int room = room_for(D);
    local float *qt = work, *ot = qt + room * TQ, *st = ot + room * TQ;
    kp += ((long)b * H + h) * padded * D;
    vp += ((long)b * H + h) * S * wide;
    int reach = causal ? t0 + S - T_ : S, end = min(S, reach + TQ);
    load_queries(q, b * q_batch + t0 * q_row + (long)h * D, q_row, t0, T_, D, scale, qt);
    vfloat top[NQ], sum[NQ];
    for (int j = 0; j < NQ; j++)
        top[j] = LOWEST, sum[j] = 0.0f;
    for (int i = 0; i < room * TQ; i += V)
        VSTOREL((vfloat)0.0f, ot + i);
    for (int s0 = 0; s0 < end; s0 += NK) {
        int n = min((int)NK, end - s0);
        logits(kp, qt, D, s0, n, reach, masked ? mask + (long)b * S : 0, st);
        for (int j = 0; j < NQ; j++) {
            local float *own = st + j * V;
            vfloat m = top[j], l = 0.0f;
            for (int s = 0; s < n; s++) {
                vfloat x = VLOADL(own + s * TQ);
                m = x > m ? x : m;
            }
            for (int s = 0; s < n; s++) {
                vfloat x = vexp2(VLOADL(own + s * TQ) - m);
                VSTOREL(x, own + s * TQ);
                l += x;
            }
            vfloat correct = vexp2(top[j] - m);
            for (int d = 0; d < wide && s0; d++)
                VSTOREL(VLOADL(ot + d * TQ + j * V) * correct, ot + d * TQ + j * V);
            sum[j] = sum[j] * correct + l;
            top[j] = m;
        }
        for (int d = 0; d < wide; d += M)
            tile(vp + (long)d * S + (long)s0 * M, st, n, ot + d * TQ, 1);
    }
    for (int j = 0; j < NQ; j++) {
        vfloat share = sum[j] == 0.0f ? (vfloat)0.0f : 1.0f / sum[j]; // a query that sees no key gives zeros
        for (int d = 0; d < D; d += V) {
            float a[V * V], c[V * V];
            for (int i = 0; i < V; i++)
                VSTOREL(VLOADL(ot + (d + i) * TQ + j * V) * share, a + i * V);
            transpose(a, c);
            long at = (((long)b * T_ + t0 + j * V) * H + h) * D + d;
            for (int i = 0; i < V && t0 + j * V + i < T_; i++)
                store_part(y, at + (long)i * H * D, D - d, VLOADL(c + i * V));
        }
    }
}

static inline void store_floats(global float *p, int n, vfloat v)
{
    if (n >= V) {
        VSTOREL(v, p);
        return;
    }
    float lane[V];
    VSTOREL(v, lane);
    for (int i = 0; i < n; i++)
        p[i] = lane[i];
}

// p[B,H,T,S]; the keys pass twice, first for maximum and sum. work: (room_for(D) + NK + V) * TQ floats.
KERNEL void attention_probs(ARG(const T, q), ARG(const float, kp), ARG(const int, mask), ARG(float, p), int T_, int S,
                            int D, long q_batch, long q_row, int masked, int causal, float scale, local float *work)
{
    BEGIN(const T, q);
    BEGIN(const float, kp);
    BEGIN(const int, mask);
    BEGIN(float, p);
    int t0 = get_group_id(0) * TQ, h = get_global_id(1), H = get_global_size(1), b = get_global_id(2);
    local float *qt = work, *st = qt + room_for(D) * TQ;
    kp += ((long)b * H + h) * ((S + M - 1) / M * M) * D;
    p += (((long)b * H + h) * T_ + t0) * S;
    int reach = causal ? t0 + S - T_ : S;
    load_queries(q, b * q_batch + t0 * q_row + (long)h * D, q_row, t0, T_, D, scale, qt);
    vfloat top[NQ], sum[NQ];
    for (int j = 0; j < NQ; j++)
        top[j] = LOWEST, sum[j] = 0.0f;
    for (int s0 = 0; s0 < S; s0 += NK) {
        int n = min((int)NK, S - s0);
        logits(kp, qt, D, s0, n, reach, masked ? mask + (long)b * S : 0, st);
        vfloat correct;
        for (int j = 0; j < NQ; j++)
            join_block(st + j * V, n, &top[j], &sum[j], &correct);
    }
    for (int s0 = 0; s0 < S; s0 += NK) {
        int n = min((int)NK, S - s0);
        if (S > NK)
            logits(kp, qt, D, s0, n, reach, masked ? mask + (long)b * S : 0, st);
        for (int j = 0; j < NQ; j++) {
            vfloat share = sum[j] == 0.0f ? (vfloat)0.0f : 1.0f / sum[j];
            for (int s = 0; s < n; s += V) {
                float a[V * V], c[V * V];
                for (int i = 0; i < V; i++) // what comes of rows from n on is not stored
                    VSTOREL(vexp2(VLOADL(st + (s + i) * TQ + j * V) - top[j]) * share, a + i * V);
                transpose(a, c);
                for (int i = 0; i < V && t0 + j * V + i < T_; i++)
                    store_floats(p + ((long)j * V + i) * S + s0 + s, n - s, VLOADL(c + i * V));
            }
        }
    }
}
