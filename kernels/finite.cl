// finite.cl: numbers that are none; used by core/tensor/finite.c.

// *bad += how many of x[total] are NaN or infinite; an item looks at `chunk` elements.
kernel void count_not_finite(ARG(const T, x), ARG(int, bad), long total, int chunk)
{
    BEGIN(const T, x);
    BEGIN(int, bad);
    long first = (long)get_global_id(0) * chunk, last = min(first + chunk, total);
    int n = 0;
    for (long i = first; i < last; i++)
        n += !isfinite(LOAD(x, i));
    if (n)
        atomic_add(bad, n);
}
