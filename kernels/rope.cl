// rope.cl: rotary position embedding; used by core/ops/rope.c.

// Rows of D: head h of position t of batch b, row = (b * T_ + t) * H + h. table[T_,R]: cosines beside sines of a
// position's R / 2 angles. Columns from R on stay. turn: 1, or -1 to turn back.
KERNEL void rope(ARG(const T, x), ARG(const float, table), ARG(T, y), long rows, int rows_per_group, int T_, int H, int D,
                 int R, long x_batch, long x_row, float turn)
{
    BEGIN(const T, x);
    BEGIN(const float, table);
    BEGIN(T, y);
    long first = (long)get_group_id(0) * rows_per_group, last = min(rows, first + rows_per_group);
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
