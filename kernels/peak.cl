// peak.cl: what the device can do at most: multiply-adds from registers, and bytes through memory.
#if CPU
#define VEC float16
#define VALUES 16
#define LOADV(p) vload16(0, p)
#define STOREV(v, p) vstore16(v, 0, p)
#else
#define VEC float4
#define VALUES 4
#define LOADV(p) vload4(0, p)
#define STOREV(v, p) vstore4(v, 0, p)
#endif

// Each item runs `loops` times 16 independent multiply-adds of vectors; the sum is stored so that none is left out.
kernel void multiply_add(ARG(float, y), int loops, float a, float b)
{
    BEGIN(float, y);
    VEC acc[16], x = (VEC)(a + get_global_id(0)), sum = 0;
#pragma unroll
    for (int i = 0; i < 16; i++)
        acc[i] = (VEC)(float)i;
    for (int l = 0; l < loops; l++)
#pragma unroll
        for (int i = 0; i < 16; i++)
            acc[i] = FMA(acc[i], x, (VEC)b);
#pragma unroll
    for (int i = 0; i < 16; i++)
        sum += acc[i];
    y[get_global_id(0)] = sum.s0 + sum.s1 + sum.s2 + sum.s3;
}

// y = x, or x + z for two inputs, in blocks of `block` floats an item, a multiple of 16.
kernel void stream(ARG(const float, x), ARG(const float, z), ARG(float, y), int inputs, int block)
{
    BEGIN(const float, x);
    BEGIN(const float, z);
    BEGIN(float, y);
#if CPU
    long at = (long)get_global_id(0) * block, step = 16;
#else
    long at = (long)WORK_GROUP(0) * block * get_local_size(0) + 4 * get_local_id(0), step = 4 * get_local_size(0);
#endif
    for (int i = 0; i < block; i += VALUES, at += step)
        STOREV(inputs == 2 ? LOADV(x + at) + LOADV(z + at) : LOADV(x + at), y + at);
}
