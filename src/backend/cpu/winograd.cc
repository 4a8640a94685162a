#include "backend/cpu/winograd.h"

#include "backend/cpu/conv2d.h"
#include "backend/cpu/pack_columns.h"
#include "base/error.h"
#include "base/vector_targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "backend/cpu/winograd.cc"
#include <hwy/cache_control.h>
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "backend/cpu/gemm-inl.h"

HWY_BEFORE_NAMESPACE();
namespace drypoint::cpu::HWY_NAMESPACE {

// The interpolation points are 0, +-a, +-2a and infinity with a = sqrt(1/2): five times as accurate
// as the usual 0, +-1, +-2 (largest error over 320 channels 2e-6 of the largest magnitude instead
// of 1.2e-5), since no number in the matrices is larger than 2.9.
constexpr float kA = 0.707106781f;

/// B^T d for one column of six.
HWY_INLINE void transform_inputs(F32 d, const Vector* x, Vector* t) {
  const Vector a = hn::Set(d, kA), b = hn::Set(d, 2 * kA);
  const Vector half = hn::Set(d, 0.5f), two = hn::Set(d, 2), sum = hn::Set(d, 2.5f);
  const Vector even = hn::NegMulAdd(two, x[2], x[4]);
  const Vector odd = hn::Mul(a, hn::NegMulAdd(two, x[1], x[3]));
  const Vector even2 = hn::NegMulAdd(half, x[2], x[4]);
  const Vector odd2 = hn::Mul(b, hn::NegMulAdd(half, x[1], x[3]));
  t[0] = hn::NegMulAdd(sum, x[2], hn::Add(x[0], x[4]));
  t[1] = hn::Add(even, odd);
  t[2] = hn::Sub(even, odd);
  t[3] = hn::Add(even2, odd2);
  t[4] = hn::Sub(even2, odd2);
  t[5] = hn::NegMulAdd(sum, x[3], hn::Add(x[1], x[5]));
}

/// G g for one column of three.
HWY_INLINE void transform_filter(F32 d, const Vector* g, Vector* u) {
  const Vector third = hn::Set(d, 1.0f / 3), sixth = hn::Set(d, 1.0f / 6);
  const Vector even = hn::MulAdd(hn::Set(d, -2.0f / 3), g[0], hn::Mul(hn::Neg(third), g[2]));
  const Vector odd = hn::Mul(hn::Set(d, -2 * kA / 3), g[1]);
  const Vector even2 = hn::MulAdd(sixth, g[0], hn::Mul(third, g[2]));
  const Vector odd2 = hn::Mul(hn::Set(d, kA / 3), g[1]);
  u[0] = g[0];
  u[1] = hn::Add(even, odd);
  u[2] = hn::Sub(even, odd);
  u[3] = hn::Add(even2, odd2);
  u[4] = hn::Sub(even2, odd2);
  u[5] = g[2];
}

/// A^T m for one column of six.
HWY_INLINE void transform_outputs(F32 d, const Vector* m, Vector* y) {
  const Vector even = hn::Add(m[1], m[2]), odd = hn::Sub(m[1], m[2]);
  const Vector even2 = hn::Add(m[3], m[4]), odd2 = hn::Sub(m[3], m[4]);
  y[0] = hn::Add(hn::Add(m[0], even), even2);
  y[1] = hn::MulAdd(hn::Set(d, kA), odd, hn::Mul(hn::Set(d, 2 * kA), odd2));
  y[2] = hn::MulAdd(hn::Set(d, 0.5f), even, hn::Mul(hn::Set(d, 2), even2));
  y[3] = hn::MulAdd(hn::Set(d, kA / 2), odd, hn::MulAdd(hn::Set(d, 4 * kA), odd2, m[5]));
}

/// Tile `tile` of all, as tile `at` of `count`, to V.
void transform_tile(const Winograd& w, const float* x, int64_t tile, int64_t at, int64_t count,
                    float* v) {
  const F32 d;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  const int64_t across = w.tiles_across(), down = w.tiles_down();
  const int64_t y0 = tile / across % down * 4 - w.top, x0 = tile % across * 4 - w.left;
  const float* sample = x + tile / (across * down) * w.height * w.width * w.in;
  const int64_t next = w.v_stride(count);
  for (int64_t channel = 0; channel < w.in; channel += lanes) {
    const int64_t there = HWY_MIN(lanes, w.in - channel);
    Vector half[6][6];  // [column][row] of B^T x
    for (int c = 0; c < 6; ++c) {
      Vector column[6];
      const int64_t ix = x0 + c;
      for (int r = 0; r < 6; ++r) {
        const int64_t iy = y0 + r;
        const float* pixel = sample + (iy * w.width + ix) * w.in + channel;
        if (ix < 0 || ix >= w.width || iy < 0 || iy >= w.height)
          column[r] = hn::Zero(d);
        else
          column[r] = there == lanes ? hn::LoadU(d, pixel) : load_first(d, pixel, there);
      }
      transform_inputs(d, column, half[c]);
    }
    float* to = v + (channel / w.chunk * count + at) * w.chunk_stride() + channel % w.chunk;
    HWY_UNROLL(6)
    for (int r = 0; r < 6; ++r) {
      const Vector row[6] = {half[0][r], half[1][r], half[2][r],
                             half[3][r], half[4][r], half[5][r]};
      Vector whole[6];
      transform_inputs(d, row, whole);
      HWY_UNROLL(6)
      for (int c = 0; c < 6; ++c) hn::Store(whole[c], d, to + (r * 6 + c) * next);
    }
  }
}

/// Filters of `channels` input channels of one block [channels, 9, block] to U.
void transform_filters(const float* packed, int64_t channels, float* u) {
  const F32 d;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  for (int64_t i = 0; i < channels; ++i)
    for (int64_t o = 0; o < Winograd::block; o += lanes) {
      const float* filter = packed + i * 9 * Winograd::block + o;
      Vector half[3][6];
      HWY_UNROLL(3)
      for (int c = 0; c < 3; ++c) {
        Vector column[3];
        HWY_UNROLL(3)
        for (int r = 0; r < 3; ++r)
          column[r] = hn::LoadU(d, filter + (r * 3 + c) * Winograd::block);
        transform_filter(d, column, half[c]);
      }
      HWY_UNROLL(6)
      for (int r = 0; r < 6; ++r) {
        const Vector row[3] = {half[0][r], half[1][r], half[2][r]};
        Vector whole[6];
        transform_filter(d, row, whole);
        HWY_UNROLL(6)
        for (int c = 0; c < 6; ++c)
          hn::Store(whole[c], d, u + (r * 6 + c) * Winograd::u_stride + i * Winograd::block + o);
      }
    }
}

/// M of `count` tiles and one block of output channels, back to the picture.
void finish(const Winograd& w, const float* m, int64_t first, int64_t count, int64_t channel,
            const float* bias, const float* residual, float* y) {
  const F32 d;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  const int64_t across = w.tiles_across(), down = w.tiles_down();
  const int64_t next = w.m_stride(count);
  for (int64_t at = 0; at < count; ++at) {
    const int64_t tile = first + at, sample = tile / (across * down);
    const int64_t y0 = tile / across % down * 4, x0 = tile % across * 4;
    const int64_t rows = HWY_MIN(4, w.out_height - y0), columns = HWY_MIN(4, w.out_width - x0);
    for (int64_t o = 0; o < HWY_MIN(Winograd::block, w.out - channel); o += lanes) {
      const int64_t there = HWY_MIN(lanes, w.out - channel - o);
      const float* from = m + at * Winograd::block + o;
      Vector half[6][4];  // [column][row] of A^T M
      HWY_UNROLL(6)
      for (int c = 0; c < 6; ++c) {
        Vector column[6];
        HWY_UNROLL(6)
        for (int r = 0; r < 6; ++r) column[r] = hn::Load(d, from + (r * 6 + c) * next);
        transform_outputs(d, column, half[c]);
      }
      const auto load = [&](const float* p) HWY_ATTR {
        return there == lanes ? hn::LoadU(d, p) : load_first(d, p, there);
      };
      const Vector offset = bias ? load(bias + channel + o) : hn::Zero(d);
      for (int r = 0; r < rows; ++r) {
        const Vector row[6] = {half[0][r], half[1][r], half[2][r],
                               half[3][r], half[4][r], half[5][r]};
        Vector whole[4];
        transform_outputs(d, row, whole);
        for (int c = 0; c < columns; ++c) {
          const int64_t pixel =
              ((sample * w.out_height + y0 + r) * w.out_width + x0 + c) * w.out + channel + o;
          Vector value = hn::Add(whole[c], offset);
          if (residual) value = hn::Add(value, load(residual + pixel));
          value = activate(d, w.activation, value);
          if (there == lanes)
            hn::StoreU(value, d, y + pixel);
          else
            store_first(d, value, y + pixel, there);
        }
      }
    }
  }
}

void multiply(const Winograd& w, const WinogradTask& task) {
  float *u = task.scratch, *m = u + w.positions * w.u_stride;
  const float* packed = task.packed + task.block * w.in * 9 * w.block;
  for (int64_t chunk = 0; chunk < w.chunks(); ++chunk) {
    const int64_t channels = w.channels_of(chunk), floats = channels * 9 * w.block;
    transform_filters(packed, channels, u);
    packed += floats;
    for (int64_t k = 0; k < w.positions; ++k) {
      // The next chunk's filters come from memory while these products run.
      if (chunk + 1 < w.chunks())
        for (int64_t i = k * floats / w.positions; i < (k + 1) * floats / w.positions; i += 16)
          hwy::Prefetch(packed + i);
      const float* v = task.v + (chunk * task.stored + task.at) * w.chunk_stride();
      const int64_t next = w.v_stride(task.stored);
      gemm({.a = v + k * next,
            .a_stride = w.chunk_stride(),
            .b = u + k * w.u_stride,
            .b_stride = w.block,
            .c = m + k * w.m_stride(task.count),
            .c_stride = w.block,
            .depth = channels,
            .add = chunk > 0,
            .next_a = v + (k + 1) * next},
           task.count, w.block);
    }
  }
  finish(w, m, task.first, task.count, task.block * w.block, task.bias, task.residual, task.y);
}

}  // namespace drypoint::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace drypoint::cpu {
HWY_EXPORT(transform_tile);
HWY_EXPORT(multiply);

namespace {

// V of this many bytes is made and used at a time: as much as the last cache may keep.
constexpr int64_t most_transformed = 16 << 20;
// Tiles of a task: enough that transforming the filters again for each task is cheap, few enough
// that M stays in a core's own cache. A multiple of the product's 12 rows.
constexpr int64_t most_tiles = 96;

class WinogradConv2d : public Kernel {
 public:
  WinogradConv2d(const Conv2d& op, const Winograd& sizes, const Context& context)
      : at_(positions_of(op)), w_(sizes), context_(context) {
    const int64_t fits =
        most_transformed / static_cast<int64_t>(sizeof(float)) / (w_.positions * w_.v_stride(1));
    stored_ = std::min(w_.tiles(), std::max(fits / most_tiles * most_tiles, most_tiles));
    // Two tasks at least for each thread, if there are tiles enough.
    const int64_t pieces = (2 * context.threads() + w_.blocks() - 1) / w_.blocks();
    tiles_ = std::min(most_tiles, round_up((stored_ + pieces - 1) / pieces, 12));
    tiles_ = std::min(tiles_, stored_);
  }

  std::optional<Packing> packing(size_t input) const override {
    if (input != 1) return std::nullopt;
    const auto bytes = static_cast<size_t>(w_.packed()) * sizeof(float);
    return Packing{"winograd:o32i9", bytes, 1,
                   [w = w_](const WeightRows& weight, std::byte* packed) {
                     pack(w, weight, reinterpret_cast<float*>(packed));
                   }};
  }

  std::string description() const override { return "winograd 4x4"; }

  size_t workspace() const override {
    return static_cast<size_t>(w_.positions * w_.v_stride(stored_) +
                               context_.threads() * scratch_per_task()) *
           sizeof(float);
  }

  void run(const Launch& launch) const override {
    float* v = static_cast<float*>(launch.workspace);
    float* scratch = v + w_.positions * w_.v_stride(stored_);
    for (int64_t first = 0; first < w_.tiles(); first += stored_) {
      const int64_t count = std::min(stored_, w_.tiles() - first);
      parallel_ranges(context_, count, 4, [&](int64_t begin, int64_t end) {
        for (int64_t at = begin; at < end; ++at)
          HWY_DYNAMIC_DISPATCH(transform_tile)(w_, launch.f32(0), first + at, at, count, v);
      });
      const int64_t pieces = (count + tiles_ - 1) / tiles_;
      context_.pool->run(pieces * w_.blocks(), [&](int64_t i, int thread) {
        const int64_t at = i / w_.blocks() * tiles_;
        const WinogradTask task{.v = v,
                                .packed = launch.f32(1),
                                .bias = at_.bias >= 0 ? launch.f32(at_.bias) : nullptr,
                                .residual = at_.residual >= 0 ? launch.f32(at_.residual) : nullptr,
                                .y = launch.out(),
                                .scratch = scratch + thread * scratch_per_task(),
                                .stored = count,
                                .at = at,
                                .count = std::min(tiles_, count - at),
                                .first = first + at,
                                .block = i % w_.blocks()};
        HWY_DYNAMIC_DISPATCH(multiply)(w_, task);
      });
    }
  }

 private:
  int64_t scratch_per_task() const { return w_.positions * (w_.u_stride + w_.m_stride(tiles_)); }
  static void pack(const Winograd& w, const WeightRows& weight, float* packed) {
    const int64_t depth = w.in * 9;  // of [out, in, 9]
    Tensor room({DType::f32, {w.block, depth}});
    for (int64_t first = 0; first < w.out; first += w.block, packed += w.block * depth) {
      const int64_t count = std::min(w.block, w.out - first);
      const auto own = room.mutable_floats().first(static_cast<size_t>(count * depth));
      pack_columns({weight.read(first, own), depth, count}, w.block, packed,
                   /*streamed=*/true);
    }
  }

  OperandPositions at_;
  Winograd w_;
  Context context_;
  int64_t stored_ = 0, tiles_ = 0;  // whose V is kept at a time; of a task
};

}  // namespace

KernelPtr make_winograd(const Conv2d& op, const KernelRequest& request, const Context& context) {
  const Shape &x = request.inputs[0].shape, &w = request.inputs[1].shape, &y = request.output.shape;
  if (w[2] != 3 || w[3] != 3 || op.stride != 1 || !request.constant[1])
    fail(ErrorKind::unsupported, "{}: winograd convolution of kernel {}, stride {}", request.module,
         to_string(w), op.stride);
  const Winograd sizes{.samples = x[0],
                       .height = x[1],
                       .width = x[2],
                       .in = x[3],
                       .out = w[0],
                       .top = op.top,
                       .left = op.left,
                       .out_height = y[1],
                       .out_width = y[2],
                       .activation = op.epilogue.activation};
  return std::make_unique<WinogradConv2d>(op, sizes, context);
}

}  // namespace drypoint::cpu
#endif
