// The GEMM at the bottom of attention and Winograd convolution, compiled for each instruction
// set: C [rows, columns] = A [rows, depth] B [depth, columns], with all sums of a block of C held
// in registers (Goto and van de Geijn, https://doi.org/10.1145/1356052.1356053).
#if defined(DRYPOINT_CPU_GEMM_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef DRYPOINT_CPU_GEMM_INL_H_
#undef DRYPOINT_CPU_GEMM_INL_H_
#else
#define DRYPOINT_CPU_GEMM_INL_H_
#endif

#include <hwy/cache_control.h>

#include "backend/cpu/vector_math-inl.h"

HWY_BEFORE_NAMESPACE();
namespace drypoint::cpu::HWY_NAMESPACE {

/// Matrices with their distances between rows, in floats.
struct GemmOperands {
  const float* a;
  int64_t a_stride;
  int64_t a_step = 1;  // between A's columns
  const float* b;
  int64_t b_stride;
  float* c;
  int64_t c_stride;
  int64_t depth;
  bool add = false;  // to what C holds
  /// If A's rows lie one after the other in a far cache: what will be read after them.
  const float* next_a = nullptr;
};

/// A block of `rows` x `vectors` registers. Rows are read through every third one's pointer, so
/// that few address registers do.
template <int rows, int vectors>
HWY_INLINE void gemm_block(const GemmOperands& p) {
  const F32 d;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  Vector sums[rows][vectors];
  HWY_UNROLL(16)
  for (int r = 0; r < rows; ++r) {
    HWY_UNROLL(4)
    for (int v = 0; v < vectors; ++v) sums[r][v] = hn::Zero(d);
  }
  const float* b = p.b;
  const int64_t stride = p.a_stride;
  const float* thirds[(rows + 2) / 3];
  HWY_UNROLL(8)
  for (int t = 0; t < (rows + 2) / 3; ++t) thirds[t] = p.a + 3 * t * stride;
  for (int64_t k = 0; k < p.depth; ++k, b += p.b_stride) {
    Vector columns[vectors];
    HWY_UNROLL(4)
    for (int v = 0; v < vectors; ++v) columns[v] = hn::LoadU(d, b + v * lanes);
    HWY_UNROLL(16)
    for (int r = 0; r < rows; ++r) {
      const Vector a = hn::Set(d, thirds[r / 3][r % 3 * stride]);
      HWY_UNROLL(4)
      for (int v = 0; v < vectors; ++v) sums[r][v] = hn::MulAdd(a, columns[v], sums[r][v]);
    }
    HWY_UNROLL(8)
    for (int t = 0; t < (rows + 2) / 3; ++t) thirds[t] += p.a_step;
  }
  HWY_UNROLL(16)
  for (int r = 0; r < rows; ++r) {
    HWY_UNROLL(4)
    for (int v = 0; v < vectors; ++v) {
      float* c = p.c + r * p.c_stride + v * lanes;
      hn::StoreU(p.add ? hn::Add(sums[r][v], hn::LoadU(d, c)) : sums[r][v], d, c);
    }
  }
}

// As many sums as there are registers, less those for B and one element of A.
constexpr bool kManyRegisters = HWY_TARGET == HWY_AVX3;

/// Any number of rows up to `most`.
template <int most, int vectors>
HWY_INLINE void gemm_rest(const GemmOperands& p, int64_t rows) {
  if constexpr (most > 0) {
    if (rows == most) return gemm_block<most, vectors>(p);
    gemm_rest<most - 1, vectors>(p, rows);
  }
}

/// `rows` rows of `vectors` vectors of columns.
template <int vectors>
HWY_INLINE void gemm_columns(GemmOperands p, int64_t rows) {
  constexpr int64_t most = kManyRegisters ? (vectors == 3 ? 8 : 12) : (vectors == 3 ? 4 : 6);
  for (int64_t left = rows; left > 0; left -= most) {
    if (p.next_a) {
      const float* next = left > most ? p.a + most * p.a_stride : p.next_a;
      const int64_t wanted = left > most ? HWY_MIN(left - most, most) : HWY_MIN(rows, most);
      for (int64_t i = 0; i < wanted * p.a_stride; i += 16) hwy::Prefetch(next + i);
    }
    if (left < most) return gemm_rest<most - 1, vectors>(p, left);
    gemm_block<most, vectors>(p);
    p.a += most * p.a_stride;
    p.c += most * p.c_stride;
  }
}

/// `vectors` vectors of columns; moves on past them.
template <int vectors>
HWY_INLINE void gemm_step(GemmOperands& p, int64_t rows, int64_t& left) {
  const int64_t width = vectors * static_cast<int64_t>(hn::Lanes(F32()));
  gemm_columns<vectors>(p, rows);
  p.b += width;
  p.c += width;
  left -= vectors;
}

/// C [rows, columns]; columns must be a multiple of Lanes.
inline void gemm(GemmOperands p, int64_t rows, int64_t columns) {
  int64_t left = columns / static_cast<int64_t>(hn::Lanes(F32()));
  if constexpr (kVectorsTogether > 2)
    while (left >= kVectorsTogether) gemm_step<kVectorsTogether>(p, rows, left);
  while (left >= 4 || left == 2) gemm_step<2>(p, rows, left);
  if (left == 3) gemm_step<3>(p, rows, left);
  if (left == 1) gemm_step<1>(p, rows, left);
}

}  // namespace drypoint::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
