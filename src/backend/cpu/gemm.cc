#include "backend/cpu/gemm.h"

#include "backend/cpu/targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "backend/cpu/gemm.cc"
#include <fmt/format.h>
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "backend/cpu/gemm-inl.h"

HWY_BEFORE_NAMESPACE();
namespace drypoint::cpu::HWY_NAMESPACE {

int64_t lanes() { return static_cast<int64_t>(hn::Lanes(F32())); }
/// Columns that are packed together: as many as products take at once.
int64_t panel_width() { return 2 * lanes(); }

/// sums [rows, width] = or += A [rows, depth] B [depth, width], for the first `columns` of them.
void add_products(const GemmRows& a, const float* b, int64_t depth, int64_t rows, int64_t columns,
                  bool add, float* sums) {
  const int64_t width = panel_width();
  product({.a = a.values,
           .a_stride = a.stride,
           .b = b,
           .b_stride = width,
           .c = sums,
           .c_stride = width,
           .depth = depth,
           .add = add},
          rows, round_up(columns, width / 2));
}

/// sums [rows, width] -> `columns` columns of y, whose rows and the residual's are `stride` apart.
void finish_products(const float* sums, int64_t rows, int64_t columns, const float* bias,
                     const float* residual, ActivationKind kind, float* y, int64_t stride) {
  const F32 d;
  const int64_t size = lanes(), width = panel_width();
  for (int64_t c = 0; c < columns; c += size) {
    const int64_t there = HWY_MIN(size, columns - c);
    const auto load = [&](const float* p) HWY_ATTR {
      return there == size ? hn::LoadU(d, p) : load_first(d, p, there);
    };
    const Vector offset = bias ? load(bias + c) : hn::Zero(d);
    for (int64_t r = 0; r < rows; ++r) {
      Vector value = hn::Add(hn::Load(d, sums + r * width + c), offset);
      if (residual) value = hn::Add(value, load(residual + r * stride + c));
      value = activate(d, kind, value);
      float* to = y + r * stride + c;
      if (there == size)
        hn::StoreU(value, d, to);
      else
        store_first(d, value, to, there);
    }
  }
}

}  // namespace drypoint::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace drypoint::cpu {
HWY_EXPORT(lanes);
HWY_EXPORT(panel_width);
HWY_EXPORT(add_products);
HWY_EXPORT(finish_products);

namespace {

// A task's piece of A, of 96 rows and 256 deep, stays in a core's second cache; a panel of B, as
// deep, in the first.
constexpr int64_t most_rows = 96, most_depth = 256, most_columns = 128;

class GemmKernel : public Kernel {
 public:
  GemmKernel(const GemmSizes& sizes, Context context, ReadRows read)
      : s_(sizes),
        context_(std::move(context)),
        read_(std::move(read)),
        width_(HWY_DYNAMIC_DISPATCH(panel_width)()),
        panels_((s_.columns + width_ - 1) / width_),
        // Equal chunks: they decide the order of the sums, so the depth alone decides them.
        chunk_((s_.depth + chunks() - 1) / chunks()) {
    const int64_t blocks = (s_.rows + most_rows - 1) / most_rows;
    rows_ = round_up((s_.rows + blocks - 1) / blocks, row_step);
    together_ = std::min(panels_, most_columns / width_);
    // Three tasks at least for each thread, if there is enough to do.
    const int64_t wanted = context_.threads() > 1 ? 3 * context_.threads() : 1;
    while (together_ > 1 && tasks() < wanted) together_ = (together_ + 1) / 2;
    while (rows_ > 2 * row_step && tasks() < wanted) rows_ = round_up(rows_ / 2, row_step);
  }

  std::optional<Packing> packing(size_t input) const override {
    if (input != 1 || !s_.constant) return std::nullopt;
    const auto pack = [s = s_, width = width_](const Tensor& weight, std::byte* packed) {
      const Tensor values = weight.to_f32();
      pack_columns({values.floats().data(), s.depth, s.columns, s.taps}, width,
                   reinterpret_cast<float*>(packed));
    };
    return Packing{fmt::format("gemm:{}x{}", s_.taps, width_), packed() * sizeof(float), 1, pack};
  }
  size_t workspace() const override {
    const auto scratch = static_cast<size_t>(context_.threads() * scratch_per_task());
    return ((s_.constant ? 0 : packed()) + scratch) * sizeof(float);
  }
  std::string description() const override { return s_.description; }

  void run(const Launch& launch) const override {
    float* scratch = static_cast<float*>(launch.workspace);
    const float* weight = launch.f32(1);
    if (!s_.constant) {
      context_.pool->run(panels_, [&](int64_t panel, int) {
        const int64_t first = panel * width_;
        pack_columns(
            {weight + first * s_.depth, s_.depth, std::min(width_, s_.columns - first), s_.taps},
            width_, scratch + first * s_.depth);
      });
      weight = scratch;
      scratch += packed();
    }
    context_.pool->run(tasks(), [&](int64_t i, int thread) {
      // Tasks that read the same columns of the weight come one after the other.
      const int64_t row = i % row_blocks() * rows_, panel = i / row_blocks() * together_;
      multiply(launch, weight, row, std::min(rows_, s_.rows - row), panel,
               std::min(together_, panels_ - panel), scratch + thread * scratch_per_task());
    });
  }

 private:
  static constexpr int64_t row_step = 12;  // rows that products take at once, or a multiple
  int64_t chunks() const { return std::max<int64_t>(1, (s_.depth + most_depth - 1) / most_depth); }
  int64_t row_blocks() const { return (s_.rows + rows_ - 1) / rows_; }
  int64_t tasks() const { return row_blocks() * ((panels_ + together_ - 1) / together_); }
  size_t packed() const { return static_cast<size_t>(panels_ * s_.depth * width_); }
  /// Sums [panels, rows, width], and room for rows of A.
  int64_t scratch_per_task() const { return rows_ * (together_ * width_ + round_up(chunk_, 16)); }

  void multiply(const Launch& launch, const float* weight, int64_t row, int64_t rows, int64_t first,
                int64_t panels, float* sums) const {
    float* buffer = sums + together_ * rows_ * width_;
    for (int64_t k = 0; k < s_.depth; k += chunk_) {
      const int64_t depth = std::min(chunk_, s_.depth - k);
      const GemmRows a = read_(launch.f32(0), row, rows, k, depth, buffer);
      for (int64_t p = 0; p < panels; ++p) HWY_DYNAMIC_DISPATCH(add_products)
      (a, weight + ((first + p) * s_.depth + k) * width_, depth, rows, columns_of(first + p), k > 0,
       sums + p * rows_ * width_);
    }
    const float* residual = s_.at.residual >= 0 ? launch.f32(s_.at.residual) : nullptr;
    for (int64_t p = 0; p < panels; ++p) {
      const int64_t column = (first + p) * width_, at = row * s_.columns + column;
      HWY_DYNAMIC_DISPATCH(finish_products)
      (sums + p * rows_ * width_, rows, columns_of(first + p),
       s_.at.bias >= 0 ? launch.f32(s_.at.bias) + column : nullptr,
       residual ? residual + at : nullptr, s_.activation, launch.out() + at, s_.columns);
    }
  }
  int64_t columns_of(int64_t panel) const { return std::min(width_, s_.columns - panel * width_); }

  GemmSizes s_;
  Context context_;
  ReadRows read_;
  int64_t width_, panels_, chunk_;
  int64_t rows_ = 0, together_ = 0;  // rows and panels of a task
};

}  // namespace

int64_t vector_size() { return HWY_DYNAMIC_DISPATCH(lanes)(); }

KernelPtr make_gemm(const GemmSizes& sizes, const Context& context, ReadRows read) {
  if (sizes.rows == 0 || sizes.columns == 0) return make_kernel([](const Launch&) {});
  return std::make_unique<GemmKernel>(sizes, context, std::move(read));
}

}  // namespace drypoint::cpu
#endif
