// Products with panels in tiles (Intel's Advanced Matrix Extensions): registers of 16 rows of 64
// bytes, and an instruction that adds to each sum of a tile [16, 16] the products of 16 groups of a
// row of one tile with 16 of a column of another. A panel of 32 columns is, as it lies, two of
// these side by side.
#include <array>
#include <bit>
#include <cstring>

#include "backend/cpu/multiplier.h"
#include "backend/cpu/processor.h"
#include "base/vector_targets.h"
// After the targets that we compile for.
#include <hwy/highway.h>

namespace drypoint::cpu {
namespace {

constexpr int64_t tile_rows = 16, tile_bytes = 64;
constexpr int64_t panel_bytes = 2 * tile_bytes;  // a row of a panel, and of its sums

/// The tiles in plain code: what the manual says of each instruction.
template <DType factors>
class ModelTiles {
 public:
  template <int tile>
  void zero() {
    tiles_[tile] = {};
  }
  template <int tile>
  void load(const std::byte* from, int64_t stride) {
    for (int64_t r = 0; r < tile_rows; ++r)
      std::memcpy(&tiles_[tile][r * tile_bytes], from + r * stride, tile_bytes);
  }
  template <int tile>
  void store(std::byte* to, int64_t stride) const {
    for (int64_t r = 0; r < tile_rows; ++r)
      std::memcpy(to + r * stride, &tiles_[tile][r * tile_bytes], tile_bytes);
  }
  template <int sums, int a, int b>
  void multiply() {
    using Sum = std::conditional_t<factors == DType::i8, int32_t, float>;
    for (int64_t r = 0; r < tile_rows; ++r)
      for (int64_t k = 0; k < tile_rows; ++k)
        for (int64_t c = 0; c < tile_rows; ++c) {
          std::byte* const place = &tiles_[sums][r * tile_bytes + 4 * c];
          const std::byte *of_a = &tiles_[a][r * tile_bytes + 4 * k],
                          *of_b = &tiles_[b][k * tile_bytes + 4 * c];
          Sum sum;
          std::memcpy(&sum, place, sizeof sum);
          if constexpr (factors == DType::i8) {
            for (int i = 0; i < 4; ++i)
              sum += std::to_integer<int32_t>(of_a[i]) * static_cast<int8_t>(of_b[i]);
          } else {
            std::array<uint16_t, 2> left, right;
            std::memcpy(&left, of_a, sizeof left);
            std::memcpy(&right, of_b, sizeof right);
            for (int i = 0; i < 2; ++i) sum += bfloat_to_float(left[i]) * bfloat_to_float(right[i]);
          }
          std::memcpy(place, &sum, sizeof sum);
        }
  }

 private:
  std::array<std::array<std::byte, tile_rows * tile_bytes>, 8> tiles_;
};

}  // namespace
}  // namespace drypoint::cpu

#if HWY_ARCH_X86_64
#include <immintrin.h>

HWY_PUSH_ATTRIBUTES("amx-tile,amx-int8,amx-bf16")
#endif
namespace drypoint::cpu {
namespace {

#if HWY_ARCH_X86_64

/// What a thread's tiles are: palette 1, all of 16 rows of 64 bytes.
struct alignas(64) TileShapes {
  uint8_t palette = 1, start_row = 0, reserved[14] = {};
  uint16_t bytes[16] = {64, 64, 64, 64, 64, 64, 64, 64};
  uint8_t rows[16] = {16, 16, 16, 16, 16, 16, 16, 16};
};
constexpr TileShapes tile_shapes;

/// The processor's. They are the thread's only as long as this lives, since a thread of a caller's
/// may have a use for them too, and tiles in use cost when threads are switched.
template <DType factors>
class AmxTiles {
 public:
  AmxTiles() { _tile_loadconfig(&tile_shapes); }
  ~AmxTiles() { _tile_release(); }
  AmxTiles(const AmxTiles&) = delete;
  AmxTiles& operator=(const AmxTiles&) = delete;

  // Registers' numbers are part of the instructions: they must be literals.
#define DRYPOINT_EACH_TILE(DO) \
  switch (tile) {              \
    case 0: DO(0); break;      \
    case 1: DO(1); break;      \
    case 2: DO(2); break;      \
    case 3: DO(3); break;      \
    case 4: DO(4); break;      \
    case 5: DO(5); break;      \
    case 6: DO(6); break;      \
    default: DO(7); break;     \
  }
  template <int tile>
  HWY_INLINE void zero() {
#define DRYPOINT_ZERO(t) _tile_zero(t)
    DRYPOINT_EACH_TILE(DRYPOINT_ZERO)
#undef DRYPOINT_ZERO
  }
  template <int tile>
  HWY_INLINE void load(const std::byte* from, int64_t stride) {
#define DRYPOINT_LOAD(t) _tile_loadd(t, from, stride)
    DRYPOINT_EACH_TILE(DRYPOINT_LOAD)
#undef DRYPOINT_LOAD
  }
  template <int tile>
  HWY_INLINE void store(std::byte* to, int64_t stride) {
#define DRYPOINT_STORE(t) _tile_stored(t, to, stride)
    DRYPOINT_EACH_TILE(DRYPOINT_STORE)
#undef DRYPOINT_STORE
  }
#undef DRYPOINT_EACH_TILE
  template <int sums, int a, int b>
  HWY_INLINE void multiply() {
    static_assert(a == 4 + sums / 2 && b == 6 + sums % 2);
    if constexpr (factors == DType::i8) {
      if constexpr (sums == 0) _tile_dpbusd(0, 4, 6);
      if constexpr (sums == 1) _tile_dpbusd(1, 4, 7);
      if constexpr (sums == 2) _tile_dpbusd(2, 5, 6);
      if constexpr (sums == 3) _tile_dpbusd(3, 5, 7);
    } else {
      if constexpr (sums == 0) _tile_dpbf16ps(0, 4, 6);
      if constexpr (sums == 1) _tile_dpbf16ps(1, 4, 7);
      if constexpr (sums == 2) _tile_dpbf16ps(2, 5, 6);
      if constexpr (sums == 3) _tile_dpbf16ps(3, 5, 7);
    }
  }
};

#endif

/// 16 rows, or with `two` 32, by 32 columns: sums in tiles 0 to 3, rows in 4 and 5, columns in
/// 6, 7.
template <bool two, class Tiles>
HWY_INLINE void tile_block(Tiles& tiles, const std::byte* a, const PanelProduct& p,
                           const std::byte* b, std::byte* sums) {
  const int64_t a_next = tile_rows * p.a_stride, next = tile_rows * panel_bytes;
  if (p.add) {
    tiles.template load<0>(sums, panel_bytes);
    tiles.template load<1>(sums + tile_bytes, panel_bytes);
    if (two) tiles.template load<2>(sums + next, panel_bytes);
    if (two) tiles.template load<3>(sums + next + tile_bytes, panel_bytes);
  } else {
    tiles.template zero<0>();
    tiles.template zero<1>();
    if (two) tiles.template zero<2>();
    if (two) tiles.template zero<3>();
  }
  for (int64_t k = 0; k < p.groups; k += Panels::tile_groups, a += tile_bytes, b += next) {
    tiles.template load<4>(a, p.a_stride);
    tiles.template load<6>(b, panel_bytes);
    tiles.template multiply<0, 4, 6>();
    tiles.template load<7>(b + tile_bytes, panel_bytes);
    tiles.template multiply<1, 4, 7>();
    if (!two) continue;
    tiles.template load<5>(a + a_next, p.a_stride);
    tiles.template multiply<2, 5, 6>();
    tiles.template multiply<3, 5, 7>();
  }
  tiles.template store<0>(sums, panel_bytes);
  tiles.template store<1>(sums + tile_bytes, panel_bytes);
  if (two) tiles.template store<2>(sums + next, panel_bytes);
  if (two) tiles.template store<3>(sums + next + tile_bytes, panel_bytes);
}

template <class Tiles>
void multiply_tiles(const PanelProduct& p) {
  // What was written to `a` and `sums` is there when tiles are loaded: compilers do not know what
  // these instructions read.
  asm volatile("" ::: "memory");
  Tiles tiles;
  for (int64_t panel = 0; panel < p.panels(); ++panel)
    for (int64_t row = 0; row < p.rows; row += 2 * tile_rows) {
      const std::byte* a = p.a + row * p.a_stride;
      const std::byte* b = p.b + panel * p.b_stride;
      std::byte* sums = p.sums + panel * p.sums_stride + row * panel_bytes;
      if (p.rows - row > tile_rows)
        tile_block<true>(tiles, a, p, b, sums);
      else
        tile_block<false>(tiles, a, p, b, sums);
    }
}

Multiplier in_tiles(DType factors, std::string_view name, void (*multiply)(const PanelProduct&)) {
  return {factors, name, /*row_step=*/2 * tile_rows, /*native=*/true, multiply};
}

}  // namespace
}  // namespace drypoint::cpu
#if HWY_ARCH_X86_64
HWY_POP_ATTRIBUTES
#endif

namespace drypoint::cpu {

std::vector<Multiplier> tile_multipliers([[maybe_unused]] DType factors) {
#if HWY_ARCH_X86_64
  // Panels are as wide as two tiles where vectors are as wide as one.
  if ((hwy::SupportedTargets() & HWY_AVX3) == 0) return {};
  if (factors == DType::i8 && processor().amx_i8)
    return {in_tiles(factors, "amx", multiply_tiles<AmxTiles<DType::i8>>)};
  if (factors == DType::bf16 && processor().amx_bf16)
    return {in_tiles(factors, "amx", multiply_tiles<AmxTiles<DType::bf16>>)};
#endif
  return {};
}

Multiplier tile_model(DType factors) {
  return in_tiles(factors, "model of tiles",
                  factors == DType::i8 ? multiply_tiles<ModelTiles<DType::i8>>
                                       : multiply_tiles<ModelTiles<DType::bf16>>);
}

}  // namespace drypoint::cpu
