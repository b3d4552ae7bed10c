// grad.cl: gradients of element-wise ops, norms, softmax, top-k, embedding and resampling; used by core/ops/{unary,geglu,glu,row_norm,
// group_norm,topk,reduce,embedding,resize}.c.
//
// Everything here is f32: values are widened before. gy is the gradient of the result, gx that of the input.
// Long: one program, so that all gradients are compiled at once.

// Derivatives of the activations, numbered as mw_activation in core/ops.h.
static inline vfloat activate_slope(vfloat x, int which)
{
    vfloat s;
    switch (which) {
    case 1: s = 1.0f / (1.0f + vexp(-x)); return s * fma(x, 1.0f - s, (vfloat)1.0f);
    case 2: return 0.5f * (1.0f + verf(x * 0.70710678f)) + 0.39894228f * x * vexp(-0.5f * x * x);
    case 3: s = 1.0f / (1.0f + vexp(-1.702f * x)); return s * fma(1.702f * x, 1.0f - s, (vfloat)1.0f);
    case 4:
        s = 1.0f / (1.0f + vexp(-1.59576912f * fma(x * x * x, (vfloat)0.044715f, x)));
        return s * fma(1.59576912f * x * (1.0f - s), fma(x * x, (vfloat)0.134145f, (vfloat)1.0f), (vfloat)1.0f);
    default: return 1.0f;
    }
}

// Derivatives of the functions of elementwise.cl, with its numbers.
static inline vfloat slope(vfloat x, int which, float a, float b)
{
    switch (which) {
    case 5: return a;
    case 6: return x < a || x > b ? (vfloat)0.0f : (vfloat)1.0f;
    case 7: return a * pow(x, (vfloat)(a - 1.0f));
    case 8: return vexp(x);
    case 9: return 1.0f / x;
    case 10: return 0.5f / sqrt(x);
    case 11: return x > 0.0f ? (vfloat)1.0f : x < 0.0f ? (vfloat)-1.0f : (vfloat)0.0f;
    case 12: return 2.0f * x;
    default: return activate_slope(x, which);
    }
}

KERNEL void unary_grad(ARG(const T, x), ARG(const T, gy), ARG(T, gx), long total, int chunk, int which, float a, float b)
{
    BEGIN(const T, x);
    BEGIN(const T, gy);
    BEGIN(T, gx);
    long first = (long)get_global_id(0) * chunk, last = min(first + chunk, total);
    for (long i = first; i < last; i += V)
        store_part(gx, i, last - i, load_part(gy, i, last - i, 0.0f) * slope(load_part(x, i, last - i, 0.0f), which, a, b));
}

// Gradients of glu for gate and up, whose rows are as many apart as theirs; gy[rows,n].
KERNEL void glu_grad(ARG(const T, gate), ARG(const T, up), ARG(const T, gy), ARG(T, g_gate), ARG(T, g_up), long total,
                     int chunk, long n, long pitch, int which)
{
    BEGIN(const T, gate);
    BEGIN(const T, up);
    BEGIN(const T, gy);
    BEGIN(T, g_gate);
    BEGIN(T, g_up);
    long first = (long)get_global_id(0) * chunk, last = min(first + chunk, total);
    for (long i = first; i < last;) {
        long row = i / n, column = i % n, end = min(n, column + last - i), at = row * pitch;
        for (long j = column; j < end; j += V) {
            vfloat x = load_part(gate, at + j, end - j, 0.0f), u = load_part(up, at + j, end - j, 0.0f);
            vfloat g = load_part(gy, row * n + j, end - j, 0.0f);
            store_part(g_up, at + j, end - j, g * vactivate(x, which));
            store_part(g_gate, at + j, end - j, g * u * activate_slope(x, which));
        }
        i += end - column;
    }
}

// gx = y (gy - sum y gy) over rows of n.
KERNEL void softmax_grad(ARG(const T, y), ARG(const T, gy), ARG(T, gx), long rows, long n, int rows_per_group)
{
    BEGIN(const T, y);
    BEGIN(const T, gy);
    BEGIN(T, gx);
    local float tmp[WG];
    long first = (long)WORK_GROUP(0) * rows_per_group;
    int lane0 = get_local_id(0) * V;
    for (long row = first; row < min(rows, first + rows_per_group); row++) {
        long at = row * n;
        vfloat sums = 0.0f;
        for (long i = lane0; i < n; i += WG * V)
            sums = fma(load_part(y, at + i, n - i, 0.0f), load_part(gy, at + i, n - i, 0.0f), sums);
        float sum = FOLD(sums, OP_ADD);
        GROUP_FOLD(tmp, sum, OP_ADD);
        for (long i = lane0; i < n; i += WG * V)
            store_part(gx, at + i, n - i, load_part(y, at + i, n - i, 0.0f) * (load_part(gy, at + i, n - i, 0.0f) - sum));
    }
}

// With u = (x - mean) r, g = gy gamma: gx = r (g - mean g - u mean(g u)); centred = 0: RMS norm, no mean.
KERNEL void layer_norm_grad(ARG(const T, x), ARG(const T, gamma), ARG(const T, gy), ARG(const T, before), ARG(T, gx),
                            long rows, long n, int rows_per_group, int centred, int adds, float eps)
{
    BEGIN(const T, x);
    BEGIN(const T, gamma);
    BEGIN(const T, gy);
    BEGIN(const T, before);
    BEGIN(T, gx);
    local float tmp[WG];
    long first = (long)WORK_GROUP(0) * rows_per_group;
    int lane0 = get_local_id(0) * V;
    for (long row = first; row < min(rows, first + rows_per_group); row++) {
        long at = row * n;
        float mean = 0.0f;
        if (centred) {
            vfloat sums = 0.0f;
            for (long i = lane0; i < n; i += WG * V)
                sums += load_part(x, at + i, n - i, 0.0f);
            mean = FOLD(sums, OP_ADD);
            GROUP_FOLD(tmp, mean, OP_ADD);
            mean /= n;
        }
        vfloat squares = 0.0f, gs = 0.0f, gus = 0.0f;
        for (long i = lane0; i < n; i += WG * V) {
            vfloat d = load_part(x, at + i, n - i, mean) - mean;
            vfloat g = load_part(gy, at + i, n - i, 0.0f) * load_part(gamma, i, n - i, 0.0f);
            squares = fma(d, d, squares);
            gs += g;
            gus = fma(g, d, gus);
        }
        float square = FOLD(squares, OP_ADD), gsum = FOLD(gs, OP_ADD), gu = FOLD(gus, OP_ADD);
        GROUP_FOLD(tmp, square, OP_ADD);
        GROUP_FOLD(tmp, gsum, OP_ADD);
        GROUP_FOLD(tmp, gu, OP_ADD);
        float r = 1.0f / sqrt(square / n + eps);
        gsum = centred ? gsum / n : 0.0f;
        gu *= r * r / n;
        for (long i = lane0; i < n; i += WG * V) {
            vfloat d = load_part(x, at + i, n - i, 0.0f) - mean;
            vfloat g = load_part(gy, at + i, n - i, 0.0f) * load_part(gamma, i, n - i, 0.0f);
            g = r * (g - gsum - d * gu);
            if (adds)
                g += load_part(before, at + i, n - i, 0.0f);
            store_part(gx, at + i, n - i, g);
        }
    }
}

// Group norm of x[B,P,C]: mean and r of each (picture, group) in moments[B,groups,2], joined from group_stats' partials
// (norm.cl) in the order of the spans.
KERNEL void group_moments(ARG(const float, partial), ARG(float, moments), long P, long count, int groups, int width, int spans,
                          long span, float eps)
{
    BEGIN(const float, partial);
    BEGIN(float, moments);
    long i = get_global_id(0);
    if (i >= count)
        return;
    float mean = 0.0f, square = 0.0f, before = 0.0f;
    for (int s = 0; s < spans; s++) {
        long from = ((i / groups * spans + s) * groups + i % groups) * 2;
        float n = min(span, P - s * span), share = n / (before + n), delta = partial[from] - mean;
        mean += delta * share;
        square += partial[from + 1] + delta * delta * (before * share) * width;
        before += n;
    }
    moments[2 * i] = mean;
    moments[2 * i + 1] = 1.0f / sqrt(square / (before * width) + eps);
}

// The gradient of u gamma + beta with u = (x - mean) r, behind the activation, times gamma; of n channels.
#define GROUP_POINT(n)                                                                                                 \
    long at = (b * P + p) * C + ch;                                                                                    \
    vfloat scale = JOIN(vload, V)(0, scales + ch), factor = load_part(gamma, ch, n - ch, 0.0f);                        \
    vfloat u = (load_part(x, at, n - ch, 0.0f) - JOIN(vload, V)(0, means + ch)) * scale;                               \
    vfloat g = load_part(gy, at, n - ch, 0.0f);                                                                        \
    if (activation)                                                                                                    \
        g *= activate_slope(fma(u, factor, load_part(beta, ch, n - ch, 0.0f)), activation);                            \
    g *= factor;

// Each channel's mean and r, spread from those of the groups.
static inline void spread(local float *means, local float *scales, global const float *moments, int C, int width)
{
    for (int i = get_local_id(0); i < C; i += WG) {
        means[i] = moments[i / width * 2];
        scales[i] = moments[i / width * 2 + 1];
    }
    GROUP_BARRIER();
}

// partial[B,spans,groups,2] := sums of g and of g u over a span.
KERNEL void group_grad_sums(ARG(const T, x), ARG(const T, gamma), ARG(const T, beta), ARG(const T, gy),
                            ARG(const float, moments), ARG(float, partial), long P, int C, int groups, long span, int activation,
                            local float *factors)
{
    BEGIN(const T, x);
    BEGIN(const T, gamma);
    BEGIN(const T, beta);
    BEGIN(const T, gy);
    BEGIN(const float, moments);
    BEGIN(float, partial);
    int padded = (C + V - 1) / V * V, width = C / groups;
    local float *means = factors, *scales = means + padded, *sums = scales + padded, *products = sums + padded;
    long b = get_global_id(1), p0 = WORK_GROUP(0) * span, p1 = min(P, p0 + span);
    spread(means, scales, moments + b * groups * 2, C, width);
    for (int ch = get_local_id(0) * V; ch < C; ch += WG * V) {
        vfloat sum = 0.0f, product = 0.0f;
        for (long p = p0; p < p1; p++) {
            GROUP_POINT(C)
            sum += g;
            product = fma(g, u, product);
        }
        JOIN(vstore, V)(sum, 0, sums + ch);
        JOIN(vstore, V)(product, 0, products + ch);
    }
    GROUP_BARRIER();
    for (int q = get_local_id(0); q < groups; q += WG) {
        float sum = 0.0f, product = 0.0f;
        for (int i = q * width; i < (q + 1) * width; i++) {
            sum += sums[i];
            product += products[i];
        }
        long to = ((b * ((P + span - 1) / span) + WORK_GROUP(0)) * groups + q) * 2;
        partial[to] = sum;
        partial[to + 1] = product;
    }
}

// gx = r (g - mean g - u mean(g u)), the means over the group from the partial sums.
KERNEL void group_grad_apply(ARG(const T, x), ARG(const T, gamma), ARG(const T, beta), ARG(const T, gy),
                             ARG(const float, moments), ARG(const float, partial), ARG(const T, before), ARG(T, gx), long P,
                             int C, int groups, int spans, long rows, int activation, int adds, local float *factors)
{
    BEGIN(const T, x);
    BEGIN(const T, gamma);
    BEGIN(const T, beta);
    BEGIN(const T, gy);
    BEGIN(const float, moments);
    BEGIN(const float, partial);
    BEGIN(const T, before);
    BEGIN(T, gx);
    int padded = (C + V - 1) / V * V, width = C / groups;
    local float *means = factors, *scales = means + padded, *sums = scales + padded, *products = sums + padded;
    long b = get_global_id(1), p0 = WORK_GROUP(0) * rows, p1 = min(P, p0 + rows);
    for (int q = get_local_id(0); q < groups; q += WG) {
        float sum = 0.0f, product = 0.0f;
        for (int s = 0; s < spans; s++) {
            long from = ((b * spans + s) * groups + q) * 2;
            sum += partial[from];
            product += partial[from + 1];
        }
        for (int i = q * width; i < (q + 1) * width; i++) {
            sums[i] = sum / ((float)P * width);
            products[i] = product / ((float)P * width);
        }
    }
    spread(means, scales, moments + b * groups * 2, C, width);
    for (long p = p0; p < p1; p++)
        for (int ch = get_local_id(0) * V; ch < C; ch += WG * V) {
            GROUP_POINT(C)
            g -= fma(u, JOIN(vload, V)(0, products + ch), JOIN(vload, V)(0, sums + ch));
            g *= scale;
            if (adds)
                g += load_part(before, at, C - ch, 0.0f);
            store_part(gx, at, C - ch, g);
        }
}

#if CPU
// Each group's total of `sums` to all its channels, over `by`.
static inline void share(local float *sums, int count, int width, float by)
{
    for (int q = 0; q < count; q++) {
        float sum = 0.0f;
        for (int i = q * width; i < (q + 1) * width; i++)
            sum += sums[i];
        for (int i = q * width; i < (q + 1) * width; i++)
            sums[i] = sum / by;
    }
}

// gx of a small picture in one launch: an item makes `at_once` groups of one picture (norm.cl, group_whole).
// `factors`: four times as many floats as the item has channels, each fourth rounded up to V.
KERNEL void group_grad_whole(ARG(const T, x), ARG(const T, gamma), ARG(const T, beta), ARG(const T, gy), ARG(const T, before),
                             ARG(T, gx), long P, int C, int groups, int at_once, int activation, int adds, float eps,
                             local float *factors)
{
    BEGIN(const T, x);
    BEGIN(const T, gamma);
    BEGIN(const T, beta);
    BEGIN(const T, gy);
    BEGIN(const T, before);
    BEGIN(T, gx);
    int width = C / groups, g0 = WORK_GROUP(0) * at_once, count = min(at_once, groups - g0), n = count * width;
    int padded = (n + V - 1) / V * V;
    float all = (float)P * width;
    long b = get_global_id(1);
    x += g0 * width;
    gamma += g0 * width;
    beta += g0 * width;
    gy += g0 * width;
    before += g0 * width;
    gx += g0 * width;
    local float *means = factors, *scales = means + padded, *sums = scales + padded, *products = sums + padded;
    for (int ch = 0; ch < n; ch += V) {
        vfloat base = load_part(x, b * P * C + ch, n - ch, 0.0f), sum = 0.0f;
        for (long p = 1; p < P; p++)
            sum += load_part(x, (b * P + p) * C + ch, n - ch, 0.0f) - base;
        JOIN(vstore, V)(base + sum / P, 0, means + ch);
    }
    for (int q = 0; q < count; q++)
        join_means(means + q * width, width);
    for (int ch = 0; ch < n; ch += V) {
        vfloat mean = JOIN(vload, V)(0, means + ch), square = 0.0f;
        for (long p = 0; p < P; p++) {
            vfloat d = load_part(x, (b * P + p) * C + ch, n - ch, 0.0f) - mean;
            square = fma(d, d, square);
        }
        JOIN(vstore, V)(square, 0, scales + ch);
    }
    share(scales, count, width, all);
    for (int i = 0; i < n; i++)
        scales[i] = 1.0f / sqrt(scales[i] + eps);
    for (int ch = 0; ch < n; ch += V) {
        vfloat sum = 0.0f, product = 0.0f;
        for (long p = 0; p < P; p++) {
            GROUP_POINT(n)
            sum += g;
            product = fma(g, u, product);
        }
        JOIN(vstore, V)(sum, 0, sums + ch);
        JOIN(vstore, V)(product, 0, products + ch);
    }
    share(sums, count, width, all);
    share(products, count, width, all);
    for (int ch = 0; ch < n; ch += V)
        for (long p = 0; p < P; p++) {
            GROUP_POINT(n)
            g -= fma(u, JOIN(vload, V)(0, products + ch), JOIN(vload, V)(0, sums + ch));
            g *= scale;
            if (adds)
                g += load_part(before, at, n - ch, 0.0f);
            store_part(gx, at, n - ch, g);
        }
}
#endif

// gx[rows,n] := gy[rows,k] at the positions that top-k took, 0 elsewhere.
KERNEL void topk_grad(ARG(const int, places), ARG(const T, gy), ARG(T, gx), long rows, long n, int k)
{
    BEGIN(const int, places);
    BEGIN(const T, gy);
    BEGIN(T, gx);
    long row = get_global_id(0);
    if (row >= rows)
        return;
    for (long i = 0; i < n; i++)
        STORE(gx, row * n + i, 0.0f);
    for (int i = 0; i < k; i++)
        STORE(gx, row * n + places[row * k + i], LOAD(gy, row * k + i));
}

// The first place in x[outer,n,inner] where the maximum y stands gets gy, the others 0.
KERNEL void max_grad(ARG(const T, x), ARG(const T, y), ARG(const T, gy), ARG(T, gx), long total, long n, long inner)
{
    BEGIN(const T, x);
    BEGIN(const T, y);
    BEGIN(const T, gy);
    BEGIN(T, gx);
    long i = get_global_id(0);
    if (i >= total)
        return;
    bool open = true;
    for (long j = 0; j < n; j++) {
        long at = (i / inner * n + j) * inner + i % inner;
        float own = LOAD(x, at);
        bool here = open && (own == LOAD(y, i) || own != own);
        STORE(gx, at, here ? LOAD(gy, i) : 0.0f);
        open = open && !here;
    }
}

// The table's rows [count,n]: the sum of gy[row] over the rows whose id it is, in their order.
KERNEL void embedding_grad(ARG(const int, ids), ARG(const T, gy), ARG(T, gx), long total, int chunk, long n, long rows)
{
    BEGIN(const int, ids);
    BEGIN(const T, gy);
    BEGIN(T, gx);
    long first = (long)get_global_id(0) * chunk, last = min(first + chunk, total);
    for (long i = first; i < last;) {
        long id = i / n, column = i % n, end = min(n, column + last - i);
        for (long j = column; j < end; j += V)
            store_part(gx, id * n + j, end - j, (vfloat)0.0f);
        for (long row = 0; row < rows; row++)
            for (long j = column; ids[row] == id && j < end; j += V)
                store_part(gx, id * n + j, end - j,
                           load_part(gx, id * n + j, end - j, 0.0f) + load_part(gy, row * n + j, end - j, 0.0f));
        i += end - column;
    }
}

// gx[B,h,w,n]: the sum of gy[B,h2,w2,n] over the elements that were read from there.
KERNEL void resize_nearest_grad(ARG(const T, gy), ARG(T, gx), long total, int chunk, long n, long h, long w, long h2, long w2)
{
    BEGIN(const T, gy);
    BEGIN(T, gx);
    long first = (long)get_global_id(0) * chunk, last = min(first + chunk, total);
    for (long i = first; i < last;) {
        long row = i / n, column = i % n, end = min(n, column + last - i);
        long b = row / w / h, v = row / w % h, u = row % w;
        // floor(i h / h2) = v for the i from ceil(v h2 / h) to ceil((v + 1) h2 / h) - 1
        long v0 = (v * h2 + h - 1) / h, v1 = ((v + 1) * h2 + h - 1) / h;
        long u0 = (u * w2 + w - 1) / w, u1 = ((u + 1) * w2 + w - 1) / w;
        for (long j = column; j < end; j += V) {
            vfloat sum = 0.0f;
            for (long y = v0; y < v1; y++)
                for (long x = u0; x < u1; x++)
                    sum += load_part(gy, ((b * h2 + y) * w2 + x) * n + j, end - j, 0.0f);
            store_part(gx, row * n + j, end - j, sum);
        }
        i += end - column;
    }
}
