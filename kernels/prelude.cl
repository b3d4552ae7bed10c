// prelude.cl: stands in front of every kernel file.
//
// T is the storage type of activations, W of weights; both f32 or f16 (T_F16, W_F16 = 0 or 1). Arithmetic is float:
// elements are read with LOAD and written with STORE, which work on devices without fp16 arithmetic as well.
// CPU = 1: the CPU family (work-groups of one item, explicit vectors); 0: the GPU family.
//
// A tensor argument is a buffer and the offset of the first element:
//   kernel void k(ARG(const T, x), ARG(T, y), int n) { BEGIN(const T, x); BEGIN(T, y); ... x[..] is STORE/LOAD(x, i) ... }

#define ARG(type, name) global type *restrict name##_buffer, long name##_begin
#define BEGIN(type, name) global type *restrict name = name##_buffer + name##_begin

// The work-group's number, of all of the launch: one that takes long goes in parts along dimension 0, and the part is what
// get_group_id(0), get_num_groups(0) and get_global_size(0) tell of.
// WORK_GROUP_OF_ITEMS: for groups of several items in either family.
#define WORK_GROUP_OF_ITEMS(d) (get_group_id(d) + get_global_offset(d) / get_local_size(d))
#if CPU
#define WORK_GROUP(d) get_global_id(d)
#else
#define WORK_GROUP(d) WORK_GROUP_OF_ITEMS(d)
#endif

// Stores of 8 and 16 floats in one piece each: PoCL's library makes pieces of 4 and 8 of them, with two instructions more.
#if CPU && defined(__clang__)
typedef float8 loose8 __attribute__((aligned(4)));
typedef float16 loose16 __attribute__((aligned(4)));
#define DEFINE_STORE(n, space)                                                                                         \
    static inline __attribute__((overloadable)) void store##n(float##n v, size_t i, space float *p)                    \
    {                                                                                                                  \
        *(space loose##n *)(p + n * i) = v;                                                                            \
    }
DEFINE_STORE(8, global)
DEFINE_STORE(8, local)
DEFINE_STORE(8, private)
DEFINE_STORE(16, global)
DEFINE_STORE(16, local)
DEFINE_STORE(16, private)
#undef vstore8
#undef vstore16
#define vstore8(v, i, p) store8(v, i, p)
#define vstore16(v, i, p) store16(v, i, p)
#endif

#if T_F16
#define T half
#define LOAD(p, i) vload_half((i), (p))
#define LOAD4(p, i) vload_half4(0, (p) + (i))
#define LOAD8(p, i) vload_half8(0, (p) + (i))
#define LOAD16(p, i) vload_half16(0, (p) + (i))
#define STORE(p, i, v) vstore_half((v), (i), (p))
#define STORE4(p, i, v) vstore_half4((v), 0, (p) + (i))
#define STORE8(p, i, v) vstore_half8((v), 0, (p) + (i))
#define STORE16(p, i, v) vstore_half16((v), 0, (p) + (i))
#else
#define T float
#define LOAD(p, i) ((p)[i])
#define LOAD4(p, i) vload4(0, (p) + (i))
#define LOAD8(p, i) vload8(0, (p) + (i))
#define LOAD16(p, i) vload16(0, (p) + (i))
#define STORE(p, i, v) ((p)[i] = (v))
#define STORE4(p, i, v) vstore4((v), 0, (p) + (i))
#define STORE8(p, i, v) vstore8((v), 0, (p) + (i))
#define STORE16(p, i, v) vstore16((v), 0, (p) + (i))
#endif

#if W_F16
#define W half
#define LOADW(p, i) vload_half((i), (p))
#define LOADW4(p, i) vload_half4(0, (p) + (i))
#define LOADW8(p, i) vload_half8(0, (p) + (i))
#define LOADW16(p, i) vload_half16(0, (p) + (i))
#define STOREW(p, i, v) vstore_half((v), (i), (p))
#define STOREW8(p, i, v) vstore_half8((v), 0, (p) + (i))
#define STOREW16(p, i, v) vstore_half16((v), 0, (p) + (i))
#else
#define W float
#define LOADW(p, i) ((p)[i])
#define LOADW4(p, i) vload4(0, (p) + (i))
#define LOADW8(p, i) vload8(0, (p) + (i))
#define LOADW16(p, i) vload16(0, (p) + (i))
#define STOREW(p, i, v) ((p)[i] = (v))
#define STOREW8(p, i, v) vstore8((v), 0, (p) + (i))
#define STOREW16(p, i, v) vstore16((v), 0, (p) + (i))
#endif

// The sizes of a matrix product (kernels/gemm.cl), as core/ops/gemm_internal.c fills them: one argument instead of 25,
// since drivers copy each on its own.
typedef struct product {
    long sb, sy, sx, x_batch, w_batch;  // strides of x: picture, row, pixel; distances of a batch's x and w
    long row_bytes;                     // of x in blocks
    int M, N, K;
    int C, kw, oh, ow, ih, iw, stride, pad;  // channels of a tap, taps in a row, pixels of y and x
    float alpha;
    int act, flags;
    int chunk, rows_of_tile, mtiles, ntiles;  // CPU family: how K, rows and columns are cut
    int pitch;                                // GPU family: columns of a row of w
    int type, group;                          // of x in blocks
} product;

#define OP_ADD(a, b) ((a) + (b))
// NaN wins, as in PyTorch.
#define OP_MAX(a, b) ((a) > (b) || (a) != (a) ? (a) : (b))

// Where a launch gives -DV (lanes of a vector: 4, 8 or 16) and -DWG (items of a work-group; 1 in the CPU family):
// vectors of V floats, parts of rows, sums over lanes and groups, and the functions that OpenCL's library has only in
// slow forms on CPUs.
#ifdef V
#define JOIN_(a, b) a##b
#define JOIN(a, b) JOIN_(a, b)
typedef JOIN(float, V) vfloat;
typedef JOIN(int, V) vint;
#define AS_VFLOAT JOIN(as_float, V)
#define AS_VINT JOIN(as_int, V)
#define LOADV JOIN(LOAD, V)
#define LOADWV JOIN(LOADW, V)
#define STOREV JOIN(STORE, V)

// x86 compilers split 64-byte vectors unless a function asks for them.
#if V == 16 && defined(__clang__)
#define KERNEL __attribute__((min_vector_width(512), reqd_work_group_size(WG, 1, 1))) kernel
#else
#define KERNEL __attribute__((reqd_work_group_size(WG, 1, 1))) kernel
#endif

// The first n (of V) elements from p[i] on, and `fill` in the lanes behind them.
#define DEFINE_LOAD_PART(name, type, load, loadv)                                                                      \
    static inline vfloat name(global const type *p, long i, long n, float fill)                                        \
    {                                                                                                                  \
        if (n >= V)                                                                                                    \
            return loadv(p, i);                                                                                        \
        float lane[V];                                                                                                 \
        for (int j = 0; j < V; j++)                                                                                    \
            lane[j] = j < n ? load(p, i + j) : fill;                                                                   \
        return JOIN(vload, V)(0, lane);                                                                                \
    }
DEFINE_LOAD_PART(load_part, T, LOAD, LOADV)
DEFINE_LOAD_PART(loadw_part, W, LOADW, LOADWV)

static inline void store_part(global T *p, long i, long n, vfloat v)
{
    if (n >= V) {
        STOREV(p, i, v);
        return;
    }
    float lane[V];
    JOIN(vstore, V)(v, 0, lane);
    for (int j = 0; j < n; j++)
        STORE(p, i + j, lane[j]);
}

#define FOLD4(v, op) op(op((v).x, (v).y), op((v).z, (v).w))
#if V == 4
#define FOLD(v, op) FOLD4(v, op)
#elif V == 8
#define FOLD(v, op) op(FOLD4((v).lo, op), FOLD4((v).hi, op))
#else
#define FOLD(v, op) op(op(FOLD4((v).lo.lo, op), FOLD4((v).lo.hi, op)), op(FOLD4((v).hi.lo, op), FOLD4((v).hi.hi, op)))
#endif
static inline vfloat vmax(vfloat a, vfloat b) { return a > b || a != a ? a : b; }

// x := the fold of x over the items of the group, for all of them; tmp: local float[WG]. Always the same order.
#if WG > 1
#define GROUP_FOLD(tmp, x, op)                                                                                         \
    do {                                                                                                               \
        int item_ = get_local_id(0);                                                                                   \
        tmp[item_] = (x);                                                                                              \
        barrier(CLK_LOCAL_MEM_FENCE);                                                                                  \
        for (int half_ = WG / 2; half_ > 0; half_ /= 2) {                                                              \
            if (item_ < half_)                                                                                         \
                tmp[item_] = op(tmp[item_], tmp[item_ + half_]);                                                       \
            barrier(CLK_LOCAL_MEM_FENCE);                                                                              \
        }                                                                                                              \
        (x) = tmp[0];                                                                                                  \
        barrier(CLK_LOCAL_MEM_FENCE);                                                                                  \
    } while (0)
#define GROUP_BARRIER() barrier(CLK_LOCAL_MEM_FENCE)
#else
#define GROUP_FOLD(tmp, x, op) (void)(tmp)
#define GROUP_BARRIER()
#endif

// The means of a group's channels := the group's mean.
static inline void join_means(local float *means, int width)
{
    float base = means[0], sum = 0.0f;
    for (int i = 1; i < width; i++)
        sum += means[i] - base;
    for (int i = 0; i < width; i++)
        means[i] = base + sum / width;
}

// 2^f for f in [-0.5, 0.5]; minimax, relative error 2e-9.
static inline vfloat exp2_core(vfloat f)
{
    vfloat p = fma((vfloat)1.535336117e-4f, f, (vfloat)1.339887466e-3f);
    p = fma(p, f, (vfloat)9.618437363e-3f);
    p = fma(p, f, (vfloat)5.550332470e-2f);
    p = fma(p, f, (vfloat)2.402264791e-1f);
    p = fma(p, f, (vfloat)6.931472029e-1f);
    return fma(p, f, (vfloat)1.0f);
}

// 2^t for t <= 0 (t <= 127 is exact enough); 0 below 2^-126. Adding 1.5 * 2^23 rounds t to an integer in the low bits.
static inline vfloat vexp2(vfloat t)
{
    vfloat shifted = t + 12582912.0f;
    vfloat r = AS_VFLOAT(AS_VINT(exp2_core(t - (shifted - 12582912.0f))) + (AS_VINT(shifted) << 23));
    return t < -126.0f ? (vfloat)0.0f : r;
}

// e^x within 2e-7; 0 below 2^-126. ln 2 in two parts keeps large |x| exact.
static inline vfloat vexp(vfloat x)
{
    vfloat shifted = fma(x, (vfloat)1.44269504f, (vfloat)12582912.0f);
    vfloat n = shifted - 12582912.0f;
    vfloat f = fma(n, (vfloat)-1.42860677e-6f, fma(n, (vfloat)-0.693145752f, x)) * 1.44269504f;
    vfloat r = AS_VFLOAT(AS_VINT(exp2_core(f)) + (AS_VINT(shifted) << 23));
    r = x < -87.3f ? (vfloat)0.0f : r;
    return x > 88.72f ? (vfloat)INFINITY : r;
}

// erf within 4e-7 relative: x P(x^2) / Q(x^2), fitted on [0, 4]; beyond, erf is 1 to f32.
static inline vfloat verf(vfloat x)
{
    vfloat u = x * x;
    vfloat p = fma((vfloat)1.986648192e-6f, u, (vfloat)2.845554294e-4f);
    p = fma(p, u, (vfloat)3.883339701e-3f);
    p = fma(p, u, (vfloat)5.310175418e-2f);
    p = fma(p, u, (vfloat)1.935464549e-1f);
    p = fma(p, u, (vfloat)1.128379139f);
    vfloat q = fma((vfloat)3.741820720e-5f, u, (vfloat)1.185549400e-3f);
    q = fma(q, u, (vfloat)1.520727133e-2f);
    q = fma(q, u, (vfloat)1.153504120e-1f);
    q = fma(q, u, (vfloat)5.048586373e-1f);
    q = fma(q, u, (vfloat)1.0f);
    vfloat r = x * p / q;
    r = x > 4.0f ? (vfloat)1.0f : r;
    return x < -4.0f ? (vfloat)-1.0f : r;
}

// The activations, numbered as mw_activation in core/ops.h.
static inline vfloat vactivate(vfloat x, int which)
{
    switch (which) {
    case 1: return x / (1.0f + vexp(-x));                                                 // SiLU
    case 2: return 0.5f * x * (1.0f + verf(x * 0.70710678f));                             // GELU
    case 3: return x / (1.0f + vexp(-1.702f * x));                                        // quick GELU
    case 4: return x / (1.0f + vexp(-1.59576912f * fma(x * x * x, (vfloat)0.044715f, x))); // GELU, tanh form
    default: return x;
    }
}
#endif

// a * b + c: in one rounding where the device does that in one instruction.
#if CPU && !(defined(__x86_64__) && !defined(__FMA__))
#define FMA(a, b, c) fma(a, b, c)
#else
#define FMA(a, b, c) mad(a, b, c)
#endif
