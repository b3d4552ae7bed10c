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
