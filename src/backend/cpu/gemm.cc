#include "backend/cpu/gemm.h"

#include "base/error.h"
#include "base/vector_targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "backend/cpu/gemm.cc"
#include <fmt/format.h>
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "backend/cpu/vector_math-inl.h"

HWY_BEFORE_NAMESPACE();
namespace drypoint::cpu::HWY_NAMESPACE {

int64_t lanes() { return static_cast<int64_t>(hn::Lanes(F32())); }
int64_t panel_columns() { return kVectorsTogether * lanes(); }

/// Rounds `count` floats to the nearest, ties to even, as `float_to_bfloat` does.
void to_bf16(const float* from, int64_t count, uint16_t* to) {
  const F32 d;
  const hn::RebindToUnsigned<F32> u32;
  const hn::Rebind<uint16_t, F32> u16;
  int64_t i = 0;
  for (const int64_t size = lanes(); i + size <= count; i += size) {
    const Vector value = hn::LoadU(d, from + i);
    const auto bits = hn::BitCast(u32, value);
    const auto odd = hn::And(hn::ShiftRight<16>(bits), hn::Set(u32, 1));
    const auto rounded = hn::Add(bits, hn::Add(odd, hn::Set(u32, 0x7fff)));
    const auto quiet = hn::Or(bits, hn::Set(u32, 0x400000));
    const auto upper =
        hn::ShiftRight<16>(hn::IfThenElse(hn::RebindMask(u32, hn::IsNaN(value)), quiet, rounded));
    hn::StoreU(hn::DemoteTo(u16, hn::BitCast(hn::RebindToSigned<F32>(), upper)), u16, to + i);
  }
  for (; i < count; ++i) to[i] = float_to_bfloat(from[i]);
}

/// Adds 128 to `count` signed bytes.
void to_unsigned(const int8_t* from, int64_t count, uint8_t* to) {
  for (int64_t i = 0; i < count; ++i) to[i] = static_cast<uint8_t>(from[i] ^ 0x80);
}

/// A vector of sums as floats.
HWY_INLINE Vector dequantized(const PanelEnding& e, int64_t place, int64_t column,
                              float input_scale) {
  const F32 d;
  const hn::RebindToSigned<F32> i32;
  const auto* sums = reinterpret_cast<const int32_t*>(e.sums);
  const auto sum = hn::Add(hn::Load(i32, sums + place), hn::LoadU(i32, e.offsets + column));
  const Vector scale = hn::Mul(hn::Set(d, input_scale), hn::LoadU(d, e.weight_scales + column));
  return hn::Mul(hn::ConvertTo(d, sum), scale);
}

void finish_panel(const PanelEnding& e) {
  const F32 d;
  const int64_t size = lanes(), width = panel_columns();
  const auto* sums = reinterpret_cast<const float*>(e.sums);
  for (int64_t c = 0; c < e.columns; c += size) {
    const int64_t there = HWY_MIN(size, e.columns - c);
    const auto load = [&](const float* p) HWY_ATTR {
      return there == size ? hn::LoadU(d, p) : load_first(d, p, there);
    };
    const Vector offset = e.bias ? load(e.bias + c) : hn::Zero(d);
    for (int64_t r = 0; r < e.rows; ++r) {
      const int64_t place = r * width + c;
      const Vector sum = e.offsets ? dequantized(e, place, c, e.input_scales[(e.row + r) / e.share])
                                   : hn::Load(d, sums + place);
      Vector value = hn::Add(sum, offset);
      if (e.residual) value = hn::Add(value, load(e.residual + r * e.stride + c));
      value = activate(d, e.activation, value);
      float* to = e.y + r * e.stride + c;
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
HWY_EXPORT(panel_columns);
HWY_EXPORT(to_bf16);
HWY_EXPORT(to_unsigned);
HWY_EXPORT(finish_panel);

namespace {

/// A task's piece of A, of so many rows and groups deep, stays in a core's second cache; a panel of
/// the weight, as deep, in the first. Smaller factors are worth larger pieces: there is more to
/// compute on what is read, and gathered.
struct TaskSizes {
  int64_t rows, columns;
};
constexpr TaskSizes largest_task(DType factors) {
  return factors == DType::f32 ? TaskSizes{96, 128} : TaskSizes{192, 256};
}
constexpr int64_t most_groups = 256;

int64_t chunk_of(const Panels& panels) {
  // Equal chunks: they decide the order of the sums, so the depth alone decides them.
  const int64_t groups = panels.groups();
  const int64_t chunks = std::max<int64_t>(1, (groups + most_groups - 1) / most_groups);
  const int64_t chunk = (groups + chunks - 1) / chunks;
  return panels.factors == DType::f32 ? chunk : round_up(chunk, Panels::tile_groups);
}

class GemmKernel : public Kernel {
 public:
  GemmKernel(const GemmSizes& sizes, Context context, ReadRows read)
      : s_(sizes),
        context_(std::move(context)),
        read_(std::move(read)),
        multiplier_(context_.multiplier_for(s_.factors)),
        panels_{.factors = s_.factors,
                .depth = s_.depth,
                .columns = s_.columns,
                .taps = s_.taps,
                .width = panel_width()},
        chunk_(chunk_of(panels_)) {
    const TaskSizes most = largest_task(s_.factors);
    const int64_t step = multiplier_.row_step, blocks = (s_.rows + most.rows - 1) / most.rows;
    rows_ = round_up((s_.rows + blocks - 1) / blocks, step);
    together_ = std::min(panels_.count(), most.columns / panels_.width);
    // Three tasks at least for each thread, if there is enough to do.
    const int64_t wanted = context_.threads() > 1 ? 3 * context_.threads() : 1;
    while (together_ > 1 && tasks() < wanted) together_ = (together_ + 1) / 2;
    while (rows_ > 2 * step && tasks() < wanted) rows_ = round_up(rows_ / 2, step);
  }

  std::optional<Packing> packing(size_t input) const override {
    if (input != 1 || !s_.constant) return std::nullopt;
    const auto pack = [panels = panels_](const WeightRows& weight, std::byte* packed) {
      Tensor room({DType::f32, {panels.width, panels.depth}});
      for (int64_t panel = 0; panel < panels.count(); ++panel) {
        const auto own = static_cast<size_t>(panels.columns_of(panel) * panels.depth);
        const float* rows = weight.read(panel * panels.width, room.mutable_floats().first(own));
        panels.pack(rows, panel, packed + panel * panels.bytes(), /*streamed=*/true);
      }
    };
    std::string format = fmt::format("gemm:{}x{}", s_.taps, panels_.width);
    if (s_.factors != DType::f32) format += fmt::format(" {}", name(s_.factors));
    return Packing{std::move(format), packed(), 1, pack};
  }
  size_t workspace() const override {
    const auto scratch = static_cast<size_t>(context_.threads() * scratch_per_task());
    return (s_.constant ? 0 : aligned(packed())) + converted() + scratch;
  }
  std::string description() const override { return s_.description; }

  void run(const Launch& launch) const override {
    auto* scratch = static_cast<std::byte*>(launch.workspace);
    const auto* weight = static_cast<const std::byte*>(launch.inputs[1]);
    if (!s_.constant) {
      context_.pool->run(panels_.count(), [&](int64_t panel, int) {
        panels_.pack(launch.f32(1) + panel * panels_.width * panels_.depth, panel,
                     scratch + panel * panels_.bytes(), /*streamed=*/false);
      });
      weight = scratch;
      scratch += aligned(packed());
    }
    const auto* x = static_cast<const std::byte*>(launch.inputs[0]);
    if (converted() > 0) {
      convert(x, scratch);
      x = scratch;
      scratch += converted();
    }
    context_.pool->run(tasks(), [&](int64_t i, int thread) {
      // Tasks that read the same columns of the weight come one after the other.
      const int64_t row = i % row_blocks() * rows_, panel = i / row_blocks() * together_;
      const Task task{
          .row = row,
          .rows = std::min(rows_, s_.rows - row),
          .panel = panel,
          .columns = std::min(together_ * panels_.width, s_.columns - panel * panels_.width)};
      multiply(launch, task, x, weight + panel * panels_.bytes(),
               scratch + thread * scratch_per_task());
    });
  }

 private:
  struct Task {
    int64_t row, rows;
    int64_t panel;  // the first
    int64_t columns;
  };

  static size_t aligned(size_t bytes) { return static_cast<size_t>(round_up(bytes, 64)); }
  int64_t row_blocks() const { return (s_.rows + rows_ - 1) / rows_; }
  int64_t tasks() const { return row_blocks() * ((panels_.count() + together_ - 1) / together_); }
  size_t packed() const { return static_cast<size_t>(panels_.count() * panels_.bytes()); }
  /// Of x as factors, and of the rows after it that may be read.
  size_t converted() const {
    if (s_.factors == DType::f32) return 0;
    return aligned((s_.x_elements + multiplier_.row_step * s_.depth) * panels_.factor_bytes());
  }
  int64_t sums_of_panel() const { return rows_ * panels_.width * Panels::group_bytes; }
  /// Sums [panels, rows, width], and room for rows of A.
  int64_t scratch_per_task() const {
    return together_ * sums_of_panel() +
           rows_ * round_up(chunk_, Panels::tile_groups) * Panels::group_bytes;
  }

  void convert(const std::byte* x, std::byte* to) const {
    parallel_ranges(context_, s_.x_elements, elements_per_task, [&](int64_t begin, int64_t end) {
      if (s_.factors == DType::bf16) HWY_DYNAMIC_DISPATCH(to_bf16)
      (reinterpret_cast<const float*>(x) + begin, end - begin,
       reinterpret_cast<uint16_t*>(to) + begin);
      else HWY_DYNAMIC_DISPATCH(to_unsigned)(reinterpret_cast<const int8_t*>(x) + begin,
                                             end - begin, reinterpret_cast<uint8_t*>(to) + begin);
    });
  }

  void multiply(const Launch& launch, const Task& task, const std::byte* x, const std::byte* weight,
                std::byte* sums) const {
    std::byte* buffer = sums + together_ * sums_of_panel();
    for (int64_t k = 0; k < panels_.groups(); k += chunk_) {
      const int64_t groups = std::min(chunk_, panels_.groups() - k);
      const GemmRows a = read_(x, task.row, task.rows, k * Panels::group_bytes,
                               groups * Panels::group_bytes, buffer);
      multiplier_.multiply({.a = a.values,
                            .a_stride = a.stride,
                            .b = weight + k * panels_.width * Panels::group_bytes,
                            .b_stride = panels_.bytes(),
                            .sums = sums,
                            .sums_stride = sums_of_panel(),
                            .rows = task.rows,
                            .groups = groups,
                            .width = panels_.width,
                            .columns = task.columns,
                            .add = k > 0});
    }
    for (int64_t c = 0; c < task.columns; c += panels_.width) {
      const int64_t panel = c / panels_.width;
      finish(launch, task, c, weight + panel * panels_.bytes(), sums + panel * sums_of_panel());
    }
  }

  /// The panel from the task's column `c` on.
  void finish(const Launch& launch, const Task& task, int64_t c, const std::byte* panel,
              const std::byte* sums) const {
    const int64_t column = task.panel * panels_.width + c;
    const int64_t at = task.row * s_.columns + column;
    PanelEnding ending{.sums = sums,
                       .rows = task.rows,
                       .columns = std::min(panels_.width, task.columns - c),
                       .row = task.row,
                       .activation = s_.activation,
                       .y = launch.out() + at,
                       .stride = s_.columns};
    if (s_.at.bias >= 0) ending.bias = launch.f32(s_.at.bias) + column;
    if (s_.at.residual >= 0) ending.residual = launch.f32(s_.at.residual) + at;
    if (s_.factors == DType::i8) {
      ending.offsets = reinterpret_cast<const int32_t*>(panel + panels_.tail());
      ending.weight_scales = reinterpret_cast<const float*>(ending.offsets + panels_.width);
      ending.input_scales = launch.f32(s_.at.input_scales);
      ending.share = s_.rows / s_.input_scales;
    }
    HWY_DYNAMIC_DISPATCH(finish_panel)(ending);
  }

  GemmSizes s_;
  Context context_;
  ReadRows read_;
  Multiplier multiplier_;
  Panels panels_;
  int64_t chunk_;                    // of groups
  int64_t rows_ = 0, together_ = 0;  // rows and panels of a task
};

}  // namespace

int64_t vector_size() { return HWY_DYNAMIC_DISPATCH(lanes)(); }
int64_t panel_width() { return HWY_DYNAMIC_DISPATCH(panel_columns)(); }

DType factors_of(const KernelRequest& request, const Context& context) {
  const TensorType &x = request.inputs[0], &weight = request.inputs[1];
  if (x.dtype == DType::f32) return request.constant[1] ? context.factors : DType::f32;
  // No sum of i8 is larger than 255 * 127 for each of the depth.
  const int64_t depth = weight.elements() / std::max<int64_t>(weight.shape[0], 1);
  if (!request.constant[1] || depth > INT32_MAX / (255 * 127))
    fail(ErrorKind::unsupported, "{}: {} of {} with a weight {}{} on device cpu", request.module,
         to_string(request.op), to_string(x), to_string(weight.shape),
         request.constant[1] ? "" : " that is not constant");
  return x.dtype;
}

KernelPtr make_gemm(const GemmSizes& sizes, const Context& context, ReadRows read) {
  if (sizes.rows == 0 || sizes.columns == 0) return make_kernel([](const Launch&) {});
  return std::make_unique<GemmKernel>(sizes, context, std::move(read));
}

}  // namespace drypoint::cpu
#endif
