// copy.cl: any strided view into contiguous memory, with a change of dtype; used by core/tensor/copy.c.

// One item copies `chunk` consecutive elements of the flat result. Shapes and strides are those of x, up to 6
// dimensions, the missing leading ones 1.
kernel void copy_any(ARG(const T, x), ARG(W, y), long total, int chunk, long n1, long n2, long n3, long n4, long n5,
                     long s0, long s1, long s2, long s3, long s4, long s5)
{
    BEGIN(const T, x);
    BEGIN(W, y);
    long first = (long)get_global_id(0) * chunk;
    long last = min(first + chunk, total);
    for (long i = first; i < last;) {
        long r = i, i5 = r % n5;
        r /= n5;
        long at = (r % n4) * s4;
        r /= n4;
        at += (r % n3) * s3;
        r /= n3;
        at += (r % n2) * s2;
        r /= n2;
        at += (r % n1) * s1 + (r / n1) * s0;
        long row = min(last - i, n5 - i5);
        if (s5 == 1)
            for (long j = 0; j < row; j++)
                STOREW(y, i + j, LOAD(x, at + i5 + j));
        else
            for (long j = 0; j < row; j++)
                STOREW(y, i + j, LOAD(x, at + (i5 + j) * s5));
        i += row;
    }
}
