// copy.cl: any strided view into any other of its shape, with a change of dtype, and one value into any view; used by
// core/tensor/copy.c and write.c.

// One item copies `chunk` elements, counted in row-major order. Sizes n and the strides s of x and d of y, up to 6
// dimensions, the missing leading ones 1.
kernel void copy_any(ARG(const T, x), ARG(W, y), long total, int chunk, long n1, long n2, long n3, long n4, long n5,
                     long s0, long s1, long s2, long s3, long s4, long s5, long d0, long d1, long d2, long d3, long d4,
                     long d5)
{
    BEGIN(const T, x);
    BEGIN(W, y);
    long first = (long)get_global_id(0) * chunk;
    long last = min(first + chunk, total);
    for (long i = first; i < last;) {
        long r = i / n5, i5 = i % n5, i4 = r % n4;
        r /= n4;
        long i3 = r % n3;
        r /= n3;
        long i2 = r % n2;
        r /= n2;
        long i1 = r % n1, i0 = r / n1;
        long at = i0 * s0 + i1 * s1 + i2 * s2 + i3 * s3 + i4 * s4 + i5 * s5;
        long to = i0 * d0 + i1 * d1 + i2 * d2 + i3 * d3 + i4 * d4 + i5 * d5;
        long row = min(last - i, n5 - i5);
        if (s5 == 1 && d5 == 1)
            for (long j = 0; j < row; j++)
                STOREW(y, to + j, LOAD(x, at + j));
        else
            for (long j = 0; j < row; j++)
                STOREW(y, to + j * d5, LOAD(x, at + j * s5));
        i += row;
    }
}

// As copy_any, of the one value v.
kernel void fill_any(ARG(T, y), float v, long total, int chunk, long n1, long n2, long n3, long n4, long n5, long d0,
                     long d1, long d2, long d3, long d4, long d5)
{
    BEGIN(T, y);
    long first = (long)get_global_id(0) * chunk;
    long last = min(first + chunk, total);
    for (long i = first; i < last;) {
        long r = i / n5, i5 = i % n5, i4 = r % n4;
        r /= n4;
        long i3 = r % n3;
        r /= n3;
        long i2 = r % n2;
        r /= n2;
        long to = r / n1 * d0 + r % n1 * d1 + i2 * d2 + i3 * d3 + i4 * d4 + i5 * d5;
        long row = min(last - i, n5 - i5);
        for (long j = 0; j < row; j++)
            STORE(y, to + j * d5, v);
        i += row;
    }
}
