// attention.cl: softmax(scale q k^T + mask) v for each head, and the softmax alone, in the CPU family; used by
// core/ops/attention.c.
//
// There is no [T,S] matrix: keys pass by in blocks, the running maximum and sum are corrected as they grow (Milakov,
// Gimelshein: Online normalizer calculation for softmax, 2018; Dao et al.: FlashAttention, 2022).
// Lanes are queries. Then maxima and sums need no fold over lanes, no head size wastes lanes, and both
// products are the same small matrix product: M keys (or M columns of v) times TQ queries, kept in registers.
// Long: forward and gradient share the tiles.
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
static inline void logits(global const float *kp, local const float *qt, int D, int s0, int n, int reach, int window,
                          global const int *mask, local float *st)
{
    for (int s = 0; s < n; s += M)
        tile(kp + (long)(s0 + s) * D, qt, D, st + s * TQ, 0);
    if (mask)
        for (int s = 0; s < n; s++)
            if (!mask[s0 + s])
                for (int j = 0; j < TQ; j++)
                    st[s * TQ + j] = -INFINITY;
    // Query j sees the keys up to reach + j, `window` of them.
    for (int s = max(0, reach + 1 - s0); s < n; s++)
        for (int j = 0; j < TQ && reach + j < s0 + s; j++)
            st[s * TQ + j] = -INFINITY;
    for (int s = 0; s < min(n, reach - window + TQ - s0); s++)
        for (int j = max(0, s0 + s - reach + window); j < TQ; j++)
            st[s * TQ + j] = -INFINITY;
}

// The block of keys that the first of the queries sees first.
static inline int first_block(int reach, int window) { return max(0, reach - window + 1) / NK * NK; }

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

// V rows of y (at most `rows`), `pitch` apart: columns of V lanes in from[D,TQ], times share.
static inline void store_columns(local const float *from, vfloat share, int D, global T *y, long at, long pitch, int rows)
{
    for (int d = 0; d < D; d += V) {
        float a[V * V], c[V * V];
        for (int i = 0; i < V; i++)
            VSTOREL(VLOADL(from + (d + i) * TQ) * share, a + i * V);
        transpose(a, c);
        for (int i = 0; i < V && i < rows; i++)
            store_part(y, at + i * pitch + d, D - d, VLOADL(c + i * V));
    }
}

// Rows of local scratch for D columns: whole tiles and whole transposes fit.
static inline int room_for(int D) { return max((D + M - 1) / M * M, (D + V - 1) / V * V); }

// An item makes TQ rows of one head; `group` heads of queries share one of keys and values. work: local scratch, (2 * room_for(D) + NK) * TQ floats.
// log_sum[B,H,T]: the logarithm, base 2, of the sum that each row was divided by.
KERNEL void attention(ARG(const T, q), ARG(const float, kp), ARG(const float, vp), ARG(const int, mask), ARG(T, y),
                      ARG(float, log_sum), int T_, int S, int D, long q_batch, long q_row, int masked, int causal, float scale,
                      int group, int window, local float *work)
{
    BEGIN(const T, q);
    BEGIN(const float, kp);
    BEGIN(const float, vp);
    BEGIN(const int, mask);
    BEGIN(T, y);
    BEGIN(float, log_sum);
    int t0 = WORK_GROUP(0) * TQ, h = get_global_id(1), H = get_global_size(1), b = get_global_id(2);
    int padded = (S + M - 1) / M * M, wide = (D + M - 1) / M * M;
    int room = room_for(D);
    local float *qt = work, *ot = qt + room * TQ, *st = ot + room * TQ;
    kp += ((long)b * (H / group) + h / group) * padded * D;
    vp += ((long)b * (H / group) + h / group) * S * wide;
    int reach = causal ? t0 + S - T_ : S, end = min(S, reach + TQ);
    load_queries(q, b * q_batch + t0 * q_row + (long)h * D, q_row, t0, T_, D, scale, qt);
    vfloat top[NQ], sum[NQ];
    for (int j = 0; j < NQ; j++)
        top[j] = LOWEST, sum[j] = 0.0f;
    for (int i = 0; i < room * TQ; i += V)
        VSTOREL((vfloat)0.0f, ot + i);
    for (int s0 = first_block(reach, window); s0 < end; s0 += NK) {
        int n = min((int)NK, end - s0);
        logits(kp, qt, D, s0, n, reach, window, masked ? mask + (long)b * S : 0, st);
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
        store_columns(ot + j * V, share, D, y, (((long)b * T_ + t0 + j * V) * H + h) * D, (long)H * D,
                      T_ - t0 - j * V);
        vfloat base = top[j] + log2(sum[j]);
        for (int i = 0; i < V && t0 + j * V + i < T_; i++)
            log_sum[((long)b * H + h) * T_ + t0 + j * V + i] = ((float *)&base)[i];
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
                            int D, long q_batch, long q_row, int masked, int causal, float scale, int group,
                            int window, local float *work)
{
    BEGIN(const T, q);
    BEGIN(const float, kp);
    BEGIN(const int, mask);
    BEGIN(float, p);
    int t0 = WORK_GROUP(0) * TQ, h = get_global_id(1), H = get_global_size(1), b = get_global_id(2);
    local float *qt = work, *st = qt + room_for(D) * TQ;
    kp += ((long)b * (H / group) + h / group) * ((S + M - 1) / M * M) * D;
    p += (((long)b * H + h) * T_ + t0) * S;
    int reach = causal ? t0 + S - T_ : S;
    load_queries(q, b * q_batch + t0 * q_row + (long)h * D, q_row, t0, T_, D, scale, qt);
    vfloat top[NQ], sum[NQ];
    for (int j = 0; j < NQ; j++)
        top[j] = LOWEST, sum[j] = 0.0f;
    for (int s0 = 0; s0 < S; s0 += NK) {
        int n = min((int)NK, S - s0);
        logits(kp, qt, D, s0, n, reach, window, masked ? mask + (long)b * S : 0, st);
        vfloat correct;
        for (int j = 0; j < NQ; j++)
            join_block(st + j * V, n, &top[j], &sum[j], &correct);
    }
    for (int s0 = 0; s0 < S; s0 += NK) {
        int n = min((int)NK, S - s0);
        if (S > NK)
            logits(kp, qt, D, s0, n, reach, window, masked ? mask + (long)b * S : 0, st);
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

// ---- the gradient; NW: vectors of a register tile's rows
#ifndef NW
#define NW 4
#endif
#if V == 16
enum { NR = NW == 3 ? 8 : NW == 4 ? 6 : 5 };  // rows: NR * NW sums, NW vectors and a scalar fit the registers
#else
enum { NR = NW == 3 ? 4 : NW == 4 ? 3 : 2 };
#endif
enum { GK = 8 * M };  // keys of a block

// c[NR,NW*V] += a[NR,TQ] b[TQ,NW*V]; rows of b and c are `wide` apart.
static inline void add_rows(local const float *restrict a, local const float *restrict b, int wide,
                            local float *restrict c)
{
    vfloat r[NR][NW];
#pragma unroll
    for (int i = 0; i < NR; i++)
#pragma unroll
        for (int j = 0; j < NW; j++)
            r[i][j] = VLOADL(c + i * wide + j * V);
    for (int k = 0; k < TQ; k++) {
        vfloat x[NW];
#pragma unroll
        for (int j = 0; j < NW; j++)
            x[j] = VLOADL(b + k * wide + j * V);
#pragma unroll
        for (int i = 0; i < NR; i++) {
            vfloat s = a[i * TQ + k];
#pragma unroll
            for (int j = 0; j < NW; j++)
                r[i][j] = fma(s, x[j], r[i][j]);
        }
    }
#pragma unroll
    for (int i = 0; i < NR; i++)
#pragma unroll
        for (int j = 0; j < NW; j++)
            VSTOREL(r[i][j], c + i * wide + j * V);
}

// The n rows of a[n,TQ] (rounded up to NR) times b[TQ,wide], added to c[n,wide].
static inline void add_product(local const float *a, int n, local const float *b, int wide, local float *c)
{
    for (int s = 0; s < n; s += NR)
        for (int d = 0; d < wide; d += NW * V)
            add_rows(a + s * TQ, b + d, wide, c + s * wide + d);
}

// to[TQ,wide] := rows t0.. of from, zeros behind the last row and column.
static inline void load_rows(global const T *from, long at, long pitch, int t0, int T_, int D, int wide,
                             local float *to)
{
    for (int t = 0; t < TQ; t++)
        for (int d = 0; d < wide; d += V)
            VSTOREL(t0 + t < T_ && d < D ? load_part(from, at + t * pitch + d, D - d, 0.0f) : (vfloat)0.0f,
                    to + t * wide + d);
}

static inline void store_rows(local const float *from, int wide, float scale, int n, int D, global T *y, long at,
                              long pitch)
{
    for (int s = 0; s < n; s++)
        for (int d = 0; d < D; d += V)
            store_part(y, at + s * pitch + d, D - d, VLOADL(from + s * wide + d) * scale);
}

// P[n,TQ] from logits, dS[n,TQ] from the gradient of P (both in place), zeros in the rows behind.
static inline void through_softmax(local float *p, local float *ds, int n, const vfloat *log_sum, const vfloat *delta)
{
    for (int s = 0; s < n; s++)
        for (int j = 0; j < NQ; j++) {
            local float *at = p + s * TQ + j * V, *to = ds + s * TQ + j * V;
            vfloat x = vexp2(VLOADL(at) - log_sum[j]);
            VSTOREL(x, at);
            VSTOREL(x * (VLOADL(to) - delta[j]), to);
        }
    for (int i = n * TQ; i < (n + NR - 1) / NR * NR * TQ; i += V) {
        VSTOREL((vfloat)0.0f, p + i);
        VSTOREL((vfloat)0.0f, ds + i);
    }
}

// An item goes through `span` queries of one head with `chunk` keys: their part of gq, gk and gv (f32 [parts,B,..];
// parts of gq: blocks of keys, of gk and gv: of queries). g: the gradient of the rows, delta[B,T,H]: its product with
// them; log_sum as the kernel above leaves it; kp, vp: panels of k and v as keys, kc: of k as values. wide: D
// rounded up to NW vectors. work: local scratch.
KERNEL void attention_grad(ARG(const T, q), ARG(const T, g), ARG(const float, log_sum), ARG(const float, delta),
                           ARG(const float, kp), ARG(const float, vp), ARG(const float, kc), ARG(T, gq), ARG(T, gk),
                           ARG(T, gv), int T_, int S, int D, int chunk, int span, int wide, int B, long q_batch,
                           long q_row, float scale, local float *work)
{
    BEGIN(const T, q);
    BEGIN(const T, g);
    BEGIN(const float, log_sum);
    BEGIN(const float, delta);
    BEGIN(const float, kp);
    BEGIN(const float, vp);
    BEGIN(const float, kc);
    BEGIN(T, gq);
    BEGIN(T, gk);
    BEGIN(T, gv);
    int chunks = (S + chunk - 1) / chunk, part = WORK_GROUP(0) % chunks, rows = WORK_GROUP(0) / chunks;
    int h = get_global_id(1), H = get_global_size(1), b = get_global_id(2);
    int padded = (S + M - 1) / M * M, columns = (D + M - 1) / M * M, room = room_for(D);
    int first = part * chunk, end = min(first + chunk, S);
    local float *qt = work, *gt = qt + room * TQ, *gqt = gt + room * TQ, *qr = gqt + room * TQ, *gr = qr + wide * TQ;
    local float *p = gr + wide * TQ, *ds = p + (GK + NR) * TQ, *sum_k = ds + (GK + NR) * TQ;
    local float *sum_v = sum_k + (chunk + NR) * wide;
    long head = (long)b * H + h, pitch = (long)H * D;
    kp += head * padded * D;
    vp += head * padded * D;
    kc += head * S * columns;
    for (int i = 0; i < 2 * (chunk + NR) * wide; i += V)
        VSTOREL((vfloat)0.0f, sum_k + i);
    for (int t0 = rows * span; t0 < min(T_, (rows + 1) * span); t0 += TQ) {
        long at = ((long)b * T_ + t0) * pitch + h * D, q_at = b * q_batch + t0 * q_row + h * D;
        load_queries(q, q_at, q_row, t0, T_, D, scale * 1.44269504f, qt);
        load_queries(g, at, pitch, t0, T_, D, 1.0f, gt);
        load_rows(q, q_at, q_row, t0, T_, D, wide, qr);
        load_rows(g, at, pitch, t0, T_, D, wide, gr);
        float own[2 * TQ];
        for (int t = 0; t < TQ; t++) {
            own[t] = t0 + t < T_ ? log_sum[head * T_ + t0 + t] : 0.0f;
            own[TQ + t] = t0 + t < T_ ? delta[((long)b * T_ + t0 + t) * H + h] : 0.0f;
        }
        vfloat sums[NQ], deltas[NQ];
        for (int j = 0; j < NQ; j++) {
            sums[j] = VLOADL(own + j * V);
            deltas[j] = VLOADL(own + TQ + j * V);
        }
        for (int s0 = first; s0 < end; s0 += GK) {
            int n = min((int)GK, end - s0);
            for (int s = 0; s < n; s += M) {
                tile(kp + (long)(s0 + s) * D, qt, D, p + s * TQ, 0);
                tile(vp + (long)(s0 + s) * D, gt, D, ds + s * TQ, 0);
            }
            through_softmax(p, ds, n, sums, deltas);
            add_product(p, n, gr, wide, sum_v + (s0 - first) * wide);
            add_product(ds, n, qr, wide, sum_k + (s0 - first) * wide);
            for (int d = 0; d < columns; d += M)
                tile(kc + (long)d * S + (long)s0 * M, ds, n, gqt + d * TQ, s0 > first);
        }
        for (int j = 0; j < NQ; j++)
            store_columns(gqt + j * V, (vfloat)scale, D, gq, (long)part * B * T_ * pitch + at + j * V * pitch, pitch,
                          T_ - t0 - j * V);
    }
    long to = (((long)rows * B + b) * S + first) * pitch + h * D;
    store_rows(sum_v, wide, 1.0f, end - first, D, gv, to, pitch);
    store_rows(sum_k, wide, scale, end - first, D, gk, to, pitch);
}
