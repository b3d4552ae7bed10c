// elementwise.cl: one result for each element; used by core/ops/{unary,binary,lincomb,geglu,glu,rope}.c.
//
// Each item makes `chunk` consecutive elements of the flat result, V at a time. Which function is a run-time argument:
// one compiled kernel serves them all.

// Numbered as the enum in core/ops/unary.c; 0..4 are the activations.
static inline vfloat function(vfloat x, int which, float a, float b)
{
    switch (which) {
    case 5: return fma(x, (vfloat)a, (vfloat)b);
    case 6: return x < a ? (vfloat)a : x > b ? (vfloat)b : x;
    case 7: return pow(x, (vfloat)a);
    case 8: return vexp(x);
    case 9: return log(x);
    case 10: return sqrt(x);
    case 11: return fabs(x);
    case 12: return x * x;
    default: return vactivate(x, which);
    }
}

KERNEL void unary(ARG(const T, x), ARG(T, y), long total, int chunk, int which, float a, float b)
{
    BEGIN(const T, x);
    BEGIN(T, y);
    long first = (long)get_global_id(0) * chunk, last = min(first + chunk, total);
    for (long i = first; i < last; i += V)
        store_part(y, i, last - i, function(load_part(x, i, last - i, 0.0f), which, a, b));
}

// V elements of a row of n that are `stride` apart; 0 beyond n.
#define DEFINE_LOAD_STRIDED(name, type, load, part)                                                                    \
    static inline vfloat name(global const type *p, long i, long n, long stride)                                       \
    {                                                                                                                  \
        if (stride == 1)                                                                                               \
            return part(p, i, n, 0.0f);                                                                                \
        if (stride == 0)                                                                                               \
            return load(p, i);                                                                                         \
        float lane[V];                                                                                                 \
        for (int j = 0; j < V; j++)                                                                                    \
            lane[j] = j < n ? load(p, i + j * stride) : 0.0f;                                                          \
        return JOIN(vload, V)(0, lane);                                                                                \
    }
DEFINE_LOAD_STRIDED(load_strided, T, LOAD, load_part)
DEFINE_LOAD_STRIDED(loadw_strided, W, LOADW, loadw_part)

// The result has shape [n0,n1,n2,n3], row-major; a and b have those strides.
KERNEL void binary(ARG(const T, a), ARG(const W, b), ARG(T, y), long total, int chunk, int which, long n1, long n2,
                   long n3, long a0, long a1, long a2, long a3, long b0, long b1, long b2, long b3)
{
    BEGIN(const T, a);
    BEGIN(const W, b);
    BEGIN(T, y);
    long first = (long)get_global_id(0) * chunk, last = min(first + chunk, total);
    for (long i = first; i < last;) {
        long row = i / n3, column = i % n3, i2 = row % n2, i1 = row / n2 % n1, i0 = row / n2 / n1;
        long from = i0 * a0 + i1 * a1 + i2 * a2, with = i0 * b0 + i1 * b1 + i2 * b2;
        long end = min(n3, column + last - i);
        for (long j = column; j < end; j += V) {
            vfloat u = load_strided(a, from + j * a3, end - j, a3), v = loadw_strided(b, with + j * b3, end - j, b3), r;
            switch (which) {
            case 0: r = u + v; break;
            case 1: r = u - v; break;
            case 2: r = u * v; break;
            default: r = u / v; break;
            }
            store_part(y, i + j - column, end - j, r);
        }
        i += end - column;
    }
}

// y[rows,n] = up[rows,n] * f(gate[rows,n]); rows of gate and up are those pitches apart. which: an activation.
KERNEL void glu(ARG(const T, gate), ARG(const T, up), ARG(T, y), long total, int chunk, long n, long gate_pitch,
                long up_pitch, int which)
{
    BEGIN(const T, gate);
    BEGIN(const T, up);
    BEGIN(T, y);
    long first = (long)get_global_id(0) * chunk, last = min(first + chunk, total);
    for (long i = first; i < last;) {
        long row = i / n, column = i % n, end = min(n, column + last - i);
        for (long j = column; j < end; j += V)
            store_part(y, row * n + j, end - j,
                       load_part(up, row * up_pitch + j, end - j, 0.0f) *
                           vactivate(load_part(gate, row * gate_pitch + j, end - j, 0.0f), which));
        i += end - column;
    }
}

KERNEL void lincomb(ARG(const T, x0), ARG(const T, x1), ARG(const T, x2), ARG(const T, x3), ARG(const T, x4),
                    ARG(const T, x5), ARG(T, y), long total, int chunk, int n, float k0, float k1, float k2, float k3,
                    float k4, float k5)
{
    BEGIN(const T, x0);
    BEGIN(const T, x1);
    BEGIN(const T, x2);
    BEGIN(const T, x3);
    BEGIN(const T, x4);
    BEGIN(const T, x5);
    BEGIN(T, y);
    long first = (long)get_global_id(0) * chunk, last = min(first + chunk, total);
    for (long i = first; i < last; i += V) {
        long m = last - i;
        vfloat r = load_part(x0, i, m, 0.0f) * k0;
        if (n > 1)
            r = fma(load_part(x1, i, m, 0.0f), (vfloat)k1, r);
        if (n > 2)
            r = fma(load_part(x2, i, m, 0.0f), (vfloat)k2, r);
        if (n > 3)
            r = fma(load_part(x3, i, m, 0.0f), (vfloat)k3, r);
        if (n > 4)
            r = fma(load_part(x4, i, m, 0.0f), (vfloat)k4, r);
        if (n > 5)
            r = fma(load_part(x5, i, m, 0.0f), (vfloat)k5, r);
        store_part(y, i, m, r);
    }
}

// Rotary position embedding of rows of D: head h of position t of batch b, row = (b * T_ + t) * H + h. table[T_,R]: cosines beside sines of a
// position's R / 2 angles. Columns from R on stay. turn: 1, or -1 to turn back.
KERNEL void rope(ARG(const T, x), ARG(const float, table), ARG(T, y), long rows, int rows_per_group, int T_, int H, int D,
                 int R, long x_batch, long x_row, float turn)
{
    BEGIN(const T, x);
    BEGIN(const float, table);
    BEGIN(T, y);
    long first = (long)WORK_GROUP(0) * rows_per_group, last = min(rows, first + rows_per_group);
    int half_ = R / 2, lane0 = get_local_id(0) * V;
    for (long row = first; row < last; row++) {
        long position = row / H, from = position / T_ * x_batch + position % T_ * x_row + row % H * D, to = row * D;
        global const float *angles = table + position % T_ * R;
        for (int i = lane0; i < half_; i += WG * V) {
            int n = half_ - i;
            vfloat a = load_part(x, from + i, n, 0.0f), b = load_part(x, from + half_ + i, n, 0.0f), cosine, sine;
            if (n >= V) {
                cosine = JOIN(vload, V)(0, angles + i);
                sine = JOIN(vload, V)(0, angles + half_ + i);
            } else {
                float lane[2 * V];
                for (int j = 0; j < V; j++) {
                    lane[j] = j < n ? angles[i + j] : 0.0f;
                    lane[V + j] = j < n ? angles[half_ + i + j] : 0.0f;
                }
                cosine = JOIN(vload, V)(0, lane);
                sine = JOIN(vload, V)(1, lane);
            }
            sine *= turn;
            store_part(y, to + i, n, a * cosine - b * sine);
            store_part(y, to + half_ + i, n, b * cosine + a * sine);
        }
        for (int i = R + lane0; i < D; i += WG * V)
            store_part(y, to + i, D - i, load_part(x, from + i, D - i, 0.0f));
    }
}
