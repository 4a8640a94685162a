// Products in groups of 32 bits by vectors, with all sums of a block held in registers. Included
// for each instruction set, into its own namespace, for a `Dot` of that set to give:
//   Sums, Factors             a vector of sums; what a vector of a panel's groups becomes
//   zero(), load(p), store(p, sums), factors(p)
//   add(sums, group, factors) to each sum the products of a row's group with a column's
//   bytes                     of a vector
//   rows, vectors             that are multiplied at once; so many vectors are a panel's width
// No guard: it is included more than once.

/// sums [rows, vectors] (+)= a [rows, groups] b [groups, vectors]. Rows are read through every
/// third one's pointer, so that few address registers do.
template <class Dot, int rows, int vectors = Dot::vectors>
HWY_INLINE void dot_block(const std::byte* a, int64_t stride, const std::byte* b, int64_t groups,
                          std::byte* to, bool add) {
  typename Dot::Sums sums[rows][vectors];
  HWY_UNROLL(16)
  for (int r = 0; r < rows; ++r) {
    HWY_UNROLL(8)
    for (int v = 0; v < vectors; ++v)
      sums[r][v] = add ? Dot::load(to + (vectors * r + v) * Dot::bytes) : Dot::zero();
  }
  const std::byte* thirds[(rows + 2) / 3];
  HWY_UNROLL(8)
  for (int t = 0; t < (rows + 2) / 3; ++t) thirds[t] = a + 3 * t * stride;
  for (int64_t k = 0; k < groups; ++k, b += vectors * Dot::bytes) {
    typename Dot::Factors columns[vectors];
    HWY_UNROLL(8)
    for (int v = 0; v < vectors; ++v) columns[v] = Dot::factors(b + v * Dot::bytes);
    HWY_UNROLL(16)
    for (int r = 0; r < rows; ++r) {
      int32_t group;
      __builtin_memcpy(&group, thirds[r / 3] + r % 3 * stride, sizeof group);
      HWY_UNROLL(8)
      for (int v = 0; v < vectors; ++v) sums[r][v] = Dot::add(sums[r][v], group, columns[v]);
    }
    HWY_UNROLL(8)
    for (int t = 0; t < (rows + 2) / 3; ++t) thirds[t] += Panels::group_bytes;
  }
  HWY_UNROLL(16)
  for (int r = 0; r < rows; ++r) {
    HWY_UNROLL(8)
    for (int v = 0; v < vectors; ++v) Dot::store(to + (vectors * r + v) * Dot::bytes, sums[r][v]);
  }
}

/// Any number of rows up to `most`.
template <class Dot, int most>
HWY_INLINE void dot_rows(const std::byte* a, const PanelProduct& p, const std::byte* b,
                         std::byte* to, int64_t rows) {
  if constexpr (most > 0) {
    if (rows >= most) return dot_block<Dot, most>(a, p.a_stride, b, p.groups, to, p.add);
    dot_rows<Dot, most - 1>(a, p, b, to, rows);
  }
}

template <class Dot>
void multiply_panels(const PanelProduct& p) {
  for (int64_t panel = 0; panel < p.panels(); ++panel)
    for (int64_t row = 0; row < p.rows; row += Dot::rows)
      dot_rows<Dot, Dot::rows>(p.a + row * p.a_stride, p, p.b + panel * p.b_stride,
                               p.sums + panel * p.sums_stride + row * Dot::vectors * Dot::bytes,
                               p.rows - row);
}
