// norm.cl: group norm, layer norm, RMS norm and softmax; used by the core/ops files of those names.
//
// A group's WG items walk a row together, V lanes each (WG = 1 in the CPU family). Statistics take two passes over the
// data: the mean first, then the squares of the differences to it.

// y = (x - mean) / sqrt(var + eps) * gamma + beta over rows of n; centred = 0: RMS norm (mean 0, no beta).
KERNEL void layer_norm(ARG(const T, x), ARG(const W, gamma), ARG(const W, beta), ARG(T, y), long rows, long n,
                       int rows_per_group, int centred, float eps)
{
    BEGIN(const T, x);
    BEGIN(const W, gamma);
    BEGIN(const W, beta);
    BEGIN(T, y);
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
        vfloat squares = 0.0f;
        for (long i = lane0; i < n; i += WG * V) {
            vfloat d = load_part(x, at + i, n - i, mean) - mean;
            squares = fma(d, d, squares);
        }
        float square = FOLD(squares, OP_ADD);
        GROUP_FOLD(tmp, square, OP_ADD);
        float scale = 1.0f / sqrt(square / n + eps);
        for (long i = lane0; i < n; i += WG * V) {
            vfloat v = (load_part(x, at + i, n - i, 0.0f) - mean) * scale * loadw_part(gamma, i, n - i, 0.0f);
            if (centred)
                v += loadw_part(beta, i, n - i, 0.0f);
            store_part(y, at + i, n - i, v);
        }
    }
}

// y = e^(x - max) / sum e^(x - max) over rows of n.
KERNEL void softmax(ARG(const T, x), ARG(T, y), long rows, long n, int rows_per_group)
{
    BEGIN(const T, x);
    BEGIN(T, y);
    local float tmp[WG];
    long first = (long)WORK_GROUP(0) * rows_per_group;
    int lane0 = get_local_id(0) * V;
    for (long row = first; row < min(rows, first + rows_per_group); row++) {
        long at = row * n;
        vfloat tops = -INFINITY;
        for (long i = lane0; i < n; i += WG * V)
            tops = vmax(tops, load_part(x, at + i, n - i, -INFINITY));
        float top = FOLD(tops, OP_MAX);
        GROUP_FOLD(tmp, top, OP_MAX);
        vfloat sums = 0.0f;
        for (long i = lane0; i < n; i += WG * V)
            sums += vexp(load_part(x, at + i, n - i, -INFINITY) - top);
        float sum = FOLD(sums, OP_ADD);
        GROUP_FOLD(tmp, sum, OP_ADD);
        for (long i = lane0; i < n; i += WG * V)
            store_part(y, at + i, n - i, vexp(load_part(x, at + i, n - i, 0.0f) - top) / sum);
    }
}

// Group norm of x[B,P,C]. group_stats: each work-group takes `span` positions of one picture and leaves (mean, sum of
// squared differences) of every group of channels in partial[B,spans,groups,2]; group_apply joins the partials.
// Both formulas for joining are those of Chan, Golub, LeVeque: Updating formulae and a pairwise algorithm (1979).
enum { BLOCK = 16 }; // positions whose statistics are taken in two passes before they are joined to the others

KERNEL void group_stats(ARG(const T, x), ARG(float, partial), long P, int C, int groups, long span, local float *stats)
{
    BEGIN(const T, x);
    BEGIN(float, partial);
    long b = get_global_id(1), spans = (P + span - 1) / span, p0 = WORK_GROUP(0) * span, p1 = min(P, p0 + span);
    int padded = (C + V - 1) / V * V;
    local float *means = stats, *squares = stats + padded;
    for (long p = p0; p < p1; p += BLOCK) {
        int n = min((long)BLOCK, p1 - p);
        float before = p - p0, share = n / (before + n);
        for (int ch = get_local_id(0) * V; ch < C; ch += WG * V) {
            long at = (b * P + p) * C + ch;
            vfloat sum = 0.0f, square = 0.0f, mean = 0.0f;
            for (int i = 0; i < n; i++)
                sum += load_part(x, at + (long)i * C, C - ch, 0.0f);
            vfloat own = sum / n;
            for (int i = 0; i < n; i++) {
                vfloat d = load_part(x, at + (long)i * C, C - ch, 0.0f) - own;
                square = fma(d, d, square);
            }
            if (p > p0) {
                mean = JOIN(vload, V)(0, means + ch);
                square += JOIN(vload, V)(0, squares + ch);
            }
            vfloat delta = own - mean;
            JOIN(vstore, V)(mean + delta * share, 0, means + ch);
            JOIN(vstore, V)(square + delta * delta * (before * share), 0, squares + ch);
        }
    }
    GROUP_BARRIER();
    int width = C / groups;
    for (int g = get_local_id(0); g < groups; g += WG) {
        float mean = 0.0f, square = 0.0f;
        for (int i = g * width; i < (g + 1) * width; i++)
            mean += means[i];
        mean /= width;
        for (int i = g * width; i < (g + 1) * width; i++) {
            float d = means[i] - mean;
            square += squares[i] + (p1 - p0) * (d * d);
        }
        long to = ((b * spans + WORK_GROUP(0)) * groups + g) * 2;
        partial[to] = mean;
        partial[to + 1] = square;
    }
}

KERNEL void group_apply(ARG(const T, x), ARG(const W, gamma), ARG(const W, beta), ARG(const float, partial), ARG(T, y),
                        long P, int C, int groups, int spans, long span, long rows, int activation, float eps,
                        local float *factors)
{
    BEGIN(const T, x);
    BEGIN(const W, gamma);
    BEGIN(const W, beta);
    BEGIN(const float, partial);
    BEGIN(T, y);
    long b = get_global_id(1), p0 = WORK_GROUP(0) * rows, p1 = min(P, p0 + rows);
    int padded = (C + V - 1) / V * V, width = C / groups;
    local float *means = factors, *scales = means + padded, *shifts = scales + padded;
    for (int g = get_local_id(0); g < groups; g += WG) {
        float mean = 0.0f, square = 0.0f, before = 0.0f;
        for (int s = 0; s < spans; s++) {
            long from = ((b * spans + s) * groups + g) * 2;
            float n = min(span, P - s * span), share = n / (before + n), delta = partial[from] - mean;
            mean += delta * share;
            square += partial[from + 1] + delta * delta * (before * share) * width;
            before += n;
        }
        float r = 1.0f / sqrt(square / (before * width) + eps);
        for (int i = g * width; i < (g + 1) * width; i++) {
            means[i] = mean;
            scales[i] = r * LOADW(gamma, i);
            shifts[i] = LOADW(beta, i);
        }
    }
    GROUP_BARRIER();
    for (long p = p0; p < p1; p++)
        for (int ch = get_local_id(0) * V; ch < C; ch += WG * V) {
            long at = (b * P + p) * C + ch;
            // The mean goes first: x * scale and mean * scale would cancel where the variance is small.
            vfloat v = load_part(x, at, C - ch, 0.0f) - JOIN(vload, V)(0, means + ch);
            v = fma(v, JOIN(vload, V)(0, scales + ch), JOIN(vload, V)(0, shifts + ch));
            store_part(y, at, C - ch, activation ? vactivate(v, activation) : v);
        }
}

#if CPU
// Group norm of a small picture in one launch: an item makes `at_once` groups of one picture, with the mean first and
// the squares after it over all P positions. `factors`: three times as many floats as the item has channels, each third
// rounded up to V.
KERNEL void group_whole(ARG(const T, x), ARG(const W, gamma), ARG(const W, beta), ARG(T, y), long P, int C, int groups,
                        int at_once, int activation, float eps, local float *factors)
{
    BEGIN(const T, x);
    BEGIN(const W, gamma);
    BEGIN(const W, beta);
    BEGIN(T, y);
    int width = C / groups, g0 = WORK_GROUP(0) * at_once, count = min(at_once, groups - g0), n = count * width;
    int padded = (n + V - 1) / V * V;
    long from = get_global_id(1) * P * C + g0 * width;
    local float *means = factors, *scales = means + padded, *shifts = scales + padded;
    for (int ch = 0; ch < n; ch += V) {
        vfloat base = load_part(x, from + ch, n - ch, 0.0f), sum = 0.0f; // sums of differences: means may be large
        for (long p = 1; p < P; p++)
            sum += load_part(x, from + p * C + ch, n - ch, 0.0f) - base;
        JOIN(vstore, V)(base + sum / P, 0, means + ch);
    }
    for (int g = 0; g < count; g++)
        join_means(means + g * width, width);
    for (int ch = 0; ch < n; ch += V) {
        vfloat mean = JOIN(vload, V)(0, means + ch), square = 0.0f;
        for (long p = 0; p < P; p++) {
            vfloat d = load_part(x, from + p * C + ch, n - ch, 0.0f) - mean;
            square = fma(d, d, square);
        }
        JOIN(vstore, V)(square, 0, scales + ch);
    }
    for (int g = 0; g < count; g++) {
        float square = 0.0f;
        for (int i = g * width; i < (g + 1) * width; i++)
            square += scales[i];
        float r = 1.0f / sqrt(square / (P * width) + eps);
        for (int i = g * width; i < (g + 1) * width; i++) {
            scales[i] = r * LOADW(gamma, g0 * width + i);
            shifts[i] = LOADW(beta, g0 * width + i);
        }
    }
    for (int ch = 0; ch < n; ch += V) {
        vfloat mean = JOIN(vload, V)(0, means + ch), scale = JOIN(vload, V)(0, scales + ch);
        vfloat shift = JOIN(vload, V)(0, shifts + ch);
        for (long p = 0; p < P; p++) {
            long at = from + p * C + ch;
            vfloat v = fma(load_part(x, at, n - ch, 0.0f) - mean, scale, shift);
            store_part(y, at, n - ch, activation ? vactivate(v, activation) : v);
        }
    }
}
#endif
