// Group norm: at once where that can be, else in two kernels.
#include "ops/group_norm.h"

#include "backend/cuda/chip.h"
#include "backend/cuda/kernels.h"
#include "backend/cuda/kernels/group_norm_at_once.cuh"
#include "backend/cuda/kernels/group_norm_pieces.cuh"

namespace drypoint::cuda {
namespace {

/// How the one kernel cuts the work, where it can.
struct AtOnce {
  HeldPiece piece{};  // width 0: it cannot
  int parts = 1, threads = 0;
  size_t shared_bytes = 0;
};

/// For the piece and its sums.
size_t most_shared_bytes(const Context& context) {
  return context.most_shared_bytes() - fixed_shared_bytes;
}

AtOnce plan_at_once(const GroupNormShape& s, size_t element, const Context& context) {
  AtOnce plan;
  const int size = static_cast<int>(16 / element);
  if (s.channels % size != 0) return plan;
  // As few groups as fill whole vectors and at least 64 bytes.
  HeldPiece piece{};
  piece.group_size = Divisor(s.group_size);
  for (int groups = 1; groups <= std::min(s.groups, most_groups_of_block) && piece.width == 0;
       ++groups) {
    const int width = groups * s.group_size;
    if (s.groups % groups == 0 && width % size == 0 && width * element >= 64)
      piece.width = width, piece.groups = groups;
  }
  if (piece.width == 0 || piece.width / size > 256) return plan;
  piece.vectors = Divisor(piece.width / size);
  piece.pitch = pitch_of(piece.width, size);
  // Few threads: in a step, blocks begin while those of the kernel before still hold their share.
  const int blocks = s.samples_of_picture * s.channels / piece.width;
  const int most_parts = context.has_clusters ? 8 : 1;
  for (plan.parts = 1; plan.parts <= most_parts; plan.parts *= 2) {
    piece.pixels = static_cast<int>(ceil_div(s.pixels, plan.parts));
    plan.threads = piece.pixels * piece.vectors.value > 1024 ? 512 : 256;
    piece.rows = plan.threads / piece.vectors.value;
    piece.slots = std::max(plan.threads / 32 / piece.vectors.value, 1);
    plan.shared_bytes = piece.shared_bytes(element);
    const bool fits = plan.shared_bytes <= most_shared_bytes(context);
    const bool enough =
        blocks * plan.parts > context.multiprocessors() / 2 || piece.pixels <= 2 * piece.rows;
    if (fits && (enough || plan.parts == most_parts)) {
      plan.piece = piece;
      return plan;
    }
  }
  return plan;
}

template <class T>
Source<T> source_of(const Launch& l, bool concat, int own) {
  return {static_cast<const T*>(l.inputs[0]), concat ? static_cast<const T*>(l.inputs[3]) : nullptr,
          own};
}

/// With the scales of a result in eight bits, which are the last input.
GroupNormShape with_scales(GroupNormShape s, const GroupNorm& op, const Launch& l) {
  if (op.quantize != DType::f32) s.to.scales = l.f32(l.inputs.size() - 1);
  return s;
}

}  // namespace

KernelPtr make(const GroupNorm& op, const KernelRequest& request, const Context& context) {
  const Shape& x = request.output.shape;
  if (request.output.elements() == 0) return make_kernel([](const Launch&) {});
  GroupNormShape s{};
  s.samples = static_cast<int>(x[0]);
  s.samples_of_picture = static_cast<int>(x[0] / request.pictures);
  s.channels = static_cast<int>(x.back());
  s.pixels = static_cast<int>(request.output.elements() / x[0] / x.back());
  s.groups = static_cast<int>(op.groups);
  s.group_size = s.channels / s.groups;
  s.samples_of_weights = static_cast<int>(x[0] / op.weight_groups);
  s.epsilon = op.epsilon;
  s.activation = op.activation;
  const int own = static_cast<int>(request.inputs[0].shape.back());
  if (op.concat && (own % 8 != 0 || s.channels % 8 != 0))
    fail(ErrorKind::unsupported,
         "{}: a {} of {} and {} channels concatenated on device cuda, expected whole eights",
         request.module, op.name, own, s.channels - own);
  const DType dtype = request.inputs[0].dtype;
  if (op.quantize != DType::f32) {
    const TensorType& scales = request.inputs.back();
    if (x[0] % scales.shape[0] != 0)
      fail(ErrorKind::unsupported, "{}: a {} of {} samples with {} scales on device cuda",
           request.module, op.name, x[0], scales.shape[0]);
    s.to = eight_bits_of(op.quantize, scales, int64_t{s.samples} * s.pixels);
  }

  if (const AtOnce plan = plan_at_once(s, size_of(dtype), context); plan.piece.width > 0)
    return make_kernel([=, &context](const Launch& l) {
      with_type(dtype, [&](auto type) {
        using T = decltype(type);
        DRYPOINT_CUDA(cudaFuncSetAttribute(group_norm_at_once<T>,
                                           cudaFuncAttributeMaxDynamicSharedMemorySize,
                                           static_cast<int>(most_shared_bytes(context))));
        const dim3 grid(static_cast<unsigned>(s.channels / plan.piece.width),
                        static_cast<unsigned>(s.samples), static_cast<unsigned>(plan.parts));
        launch(context, group_norm_at_once<T>, grid, static_cast<unsigned>(plan.threads),
               plan.shared_bytes, dim3(1, 1, static_cast<unsigned>(plan.parts)),
               source_of<T>(l, op.concat, own), l.f32(1), l.f32(2), static_cast<T*>(l.output),
               with_scales(s, op, l), plan.piece);
      });
    });

  const int size = static_cast<int>(16 / size_of(dtype));
  const bool vectors = s.channels % size == 0 && s.channels / size <= threads_of_piece;
  // Where the second half finds x in the cache, one launch does both: a block for each
  // multiprocessor, but a few vectors for each thread.
  const bool few = vectors && !context.has_clusters &&
                   int64_t{s.samples_of_picture} * s.pixels * s.channels *
                           static_cast<int64_t>(size_of(dtype)) <=
                       context.properties.l2CacheSize / 2;
  const auto blocks_of_sample = [&](int samples) {
    return std::max<int64_t>((few ? 1 : 2) * context.multiprocessors() / samples, 1);
  };
  const int64_t least = few ? 2 * threads_of_piece / (s.channels / size) : 32;
  const auto piece = static_cast<int>(
      std::max(ceil_div(s.pixels, vectors ? blocks_of_sample(s.samples_of_picture) : 16), least));
  const auto pieces = static_cast<int>(ceil_div(s.pixels, piece));
  const auto apply_piece = static_cast<int>(
      std::max<int64_t>(ceil_div(s.pixels, (few ? 4 : 2) * blocks_of_sample(s.samples)), 4));
  const size_t sums_bytes =
                   2 * threads_of_piece * size * sizeof(float) + s.groups * sizeof(Moments),
               factors_bytes = static_cast<size_t>(s.channels) * sizeof(Factors),
               together_bytes = std::max(sums_bytes, factors_bytes);
  const bool together =
      few && s.samples <= most_barriers && with_type(dtype, [&](auto type) {
        const int at_once = blocks_at_once(context, group_norm_together<decltype(type)>,
                                           threads_of_piece, together_bytes, 1);
        return int64_t{pieces} * s.samples <= int64_t{at_once} * context.multiprocessors();
      });
  return make_kernel(
      [=, &context, without_scales = s](const Launch& l) {
        with_type(dtype, [&](auto type) {
          using T = decltype(type);
          const GroupNormShape s = with_scales(without_scales, op, l);
          auto* moments = static_cast<Moments*>(l.workspace);
          auto* pivots = reinterpret_cast<float*>(moments + s.samples * s.groups * pieces);
          const Source<T> from = source_of<T>(l, op.concat, own);
          T* y = static_cast<T*>(l.output);
          const dim3 grid(static_cast<unsigned>(pieces),
                          static_cast<unsigned>(vectors ? s.samples : s.samples * s.groups));
          if (together)
            return launch_together(context, group_norm_together<T>, grid, threads_of_piece,
                                   together_bytes, from, moments, pivots, context.barriers(),
                                   l.f32(1), l.f32(2), y, s, piece);
          if (vectors)
            launch(context, group_norm_moments<T>, grid, threads_of_piece, sums_bytes, 1, from,
                   moments, pivots, s, piece);
          else
            launch(context, group_norm_moments_any<T>, grid, 256, 0, 1, from, moments, pivots, s,
                   piece);
          launch(context, group_norm_apply<T>,
                 dim3(static_cast<unsigned>(ceil_div(s.pixels, apply_piece)),
                      static_cast<unsigned>(s.samples)),
                 threads_of_piece, factors_bytes, 1, from, moments, pivots, pieces, l.f32(1),
                 l.f32(2), y, s, apply_piece);
        });
      },
      static_cast<size_t>(s.samples) * s.groups * (pieces * sizeof(Moments) + sizeof(float)));
}

}  // namespace drypoint::cuda
