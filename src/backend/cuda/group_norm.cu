// Group norm. Where a cluster of blocks can hold a sample's share of channels in shared memory, one
// kernel reads x once: each block sums its pixels, the blocks add up through each other's shared
// memory, and each writes its pixels. Else one kernel takes the moments of pieces, and a second
// applies them. Variances come from deviations from a pivot, the group's first element, so that a
// large mean costs no digits.
#include "ops/group_norm.h"

#include "backend/cuda/kernels.h"
#include "backend/cuda/kernels/tma.cuh"

namespace drypoint::cuda {
namespace {

struct GroupNormShape {
  int samples, pixels, channels, groups, group_size;
  int samples_of_weights;  // that share gamma and beta
  float epsilon;
  ActivationKind activation;
};

/// x and, where joined, what continues its rows. A thread's channels come from one of the two.
template <class T>
struct Source {
  const T *x, *rest;
  int own;  // channels of x

  /// The first pixel's elements from `channel` on, and how far the next pixel's are.
  struct Column {
    const T* from;
    int64_t pitch;
    __device__ const T* operator[](int64_t pixel) const { return from + pixel * pitch; }
  };
  __device__ Column column(int channel, int channels) const {
    return channel < own ? Column{x + channel, own}
                         : Column{rest + channel - own, channels - own};
  }
};

struct Moments {
  float sum, squares;  // of deviations from the pivot, and of their squares
};

/// Of one channel. Not joined to x * scale + shift, which would cancel where the variance is small.
struct Factors {
  float mean, scale, shift;

  __device__ float operator()(float x) const { return (x - mean) * scale + shift; }
};

__device__ inline Factors factors_of(Moments total, float pivot, float count, float epsilon,
                                     float gamma, float beta) {
  const float mean = total.sum / count;  // of the deviations
  const float variance = fmaxf(total.squares / count - mean * mean, 0.0f);
  return {pivot + mean, rsqrtf(variance + epsilon) * gamma, beta};
}

template <class T>
__device__ inline Vector<T> normed(const Vector<T>& x, const Factors (&factors)[Vector<T>::size],
                                   ActivationKind activation) {
  constexpr int size = Vector<T>::size;
  float values[size];
#pragma unroll
  for (int i = 0; i < size; ++i) values[i] = factors[i](to_float(x.values[i]));
  activate_all(activation, values);
  Vector<T> y;
#pragma unroll
  for (int i = 0; i < size; ++i) y.values[i] = from_float<T>(values[i]);
  return y;
}

/// Of a piece's rows in shared memory: an odd number of vectors, so that eight of a column's lie in
/// different banks.
__host__ __device__ inline int pitch_of(int width, int size) {
  return width / size % 2 == 0 ? width + size : width;
}

/// How a block's threads cover its piece of x: each has `size` neighbouring channels (a vector) of
/// every `rows`-th pixel.
template <class T>
struct Cover {
  static constexpr int size = Vector<T>::size;
  int rows, row, column;

  __device__ Cover(int width)
      : rows(blockDim.x / (width / size)),
        row(threadIdx.x / (width / size)),
        column(threadIdx.x % (width / size) * size) {}
  __device__ bool works() const { return row < rows; }
};

/// Adds up what the threads have of each channel, then of each group. Shared: `sums` [2][rows][width]
/// and `slices` [2 * width * slices]. Afterwards moments[g] for each of the block's groups.
template <class T>
__device__ void add_up(const Cover<T>& cover, const float (&sum)[Cover<T>::size],
                       const float (&squares)[Cover<T>::size], float* sums, int width,
                       int group_size, Moments* moments) {
  if (cover.works())
#pragma unroll
    for (int i = 0; i < Cover<T>::size; i += 4) {
      float* to = sums + cover.row * width + cover.column + i;
      *reinterpret_cast<float4*>(to) = {sum[i], sum[i + 1], sum[i + 2], sum[i + 3]};
      *reinterpret_cast<float4*>(to + cover.rows * width) = {squares[i], squares[i + 1],
                                                             squares[i + 2], squares[i + 3]};
    }
  __syncthreads();
  // All threads share the rows: each adds up a slice of one channel's.
  const int values = 2 * width, slices = max(static_cast<int>(blockDim.x) / values, 1);
  for (int i = threadIdx.x; i < values * slices; i += blockDim.x) {
    const int value = i % values, slice = i / values;
    float* from = sums + value / width * cover.rows * width + value % width;
    float total = 0;
    for (int r = slice; r < cover.rows; r += slices) total += from[r * width];
    if (slice < cover.rows) from[slice * width] = total;
  }
  __syncthreads();
  // A warp for each sum of a group.
  const int there = min(slices, cover.rows), lane = threadIdx.x % 32;
  for (int i = threadIdx.x / 32; i < 2 * (width / group_size); i += blockDim.x / 32) {
    const float* from = sums + (i % 2) * cover.rows * width + i / 2 * group_size;
    float total = 0;
    for (int j = lane; j < there * group_size; j += 32)
      total += from[j / group_size * width + j % group_size];
    total = warp_sum(total);
    if (lane == 0) reinterpret_cast<float*>(moments)[i] = total;
  }
}

/// Takes the moments of some pixels' channels.
template <class T>
__device__ void take_moments(const Cover<T>& cover, typename Source<T>::Column from,
                             int64_t first_pixel, int pixels,
                             const float (&pivot)[Cover<T>::size], float (&sum)[Cover<T>::size], float (&squares)[Cover<T>::size]) {
  constexpr int ahead = 8;  // loads on their way at a time
  for (int first = cover.row; first < pixels; first += ahead * cover.rows) {
    Vector<T> v[ahead];
#pragma unroll
    for (int i = 0; i < ahead; ++i)
      if (const int p = first + i * cover.rows; p < pixels)
        v[i] = load_vector(from[first_pixel + p]);
#pragma unroll
    for (int i = 0; i < ahead; ++i) {
      const int p = first + i * cover.rows;
      if (p >= pixels) continue;
#pragma unroll
      for (int e = 0; e < Cover<T>::size; ++e) {
        const float deviation = to_float(v[i].values[e]) - pivot[e];
        sum[e] += deviation;
        squares[e] += deviation * deviation;
      }
    }
  }
}

/// Adds up over the lanes of a warp: lane l gets the sum of the lanes' values[l * count / 32]. Halves
/// what each lane has to do with every exchange, for as long as there are several values.
template <int count>
__device__ inline float add_across(float (&values)[count]) {
  const int lane = threadIdx.x % 32;
  int mask = 16;
#pragma unroll
  for (int half = count / 2; half > 0; half /= 2, mask /= 2)
#pragma unroll
    for (int i = 0; i < half; ++i) {
      const bool upper = lane & mask;
      const float give = upper ? values[i] : values[i + half];
      values[i] = (upper ? values[i + half] : values[i]) + __shfl_xor_sync(~0u, give, mask);
    }
  for (; mask > 0; mask /= 2) values[0] += __shfl_xor_sync(~0u, values[0], mask);
  return values[0];
}

/// Moments[g] for each group of a piece [pixels, width] in shared memory whose rows are `pitch`
/// apart, about each group's first element. A warp takes a vector of channels, its lanes different
/// pixels. Shared: `sums` [slots][2][width].
template <class T>
__device__ void add_up_held(const T* held, int pitch, int pixels, int width, int group_size,
                            float* sums, Moments* moments) {
  constexpr int size = Cover<T>::size;
  const int lane = threadIdx.x % 32, warp = threadIdx.x / 32, warps = blockDim.x / 32;
  const int columns = width / size, slots = max(warps / columns, 1);
  for (int task = warp; task < columns * slots; task += warps) {
    const int column = task % columns * size, slot = task / columns;
    float pivot[size], values[2 * size] = {};
#pragma unroll
    for (int i = 0; i < size; ++i)
      pivot[i] = to_float(held[(column + i) / group_size * group_size]);
#pragma unroll 2
    for (int p = slot * 32 + lane; p < pixels; p += slots * 32) {
      const Vector<T> v = load_vector(held + p * pitch + column);
#pragma unroll
      for (int i = 0; i < size; ++i) {
        const float deviation = to_float(v.values[i]) - pivot[i];
        values[i] += deviation;
        values[size + i] += deviation * deviation;
      }
    }
    constexpr int lanes = 32 / (2 * size);  // that end up with the same sum
    const float total = add_across(values);
    const int i = lane / lanes;
    if (lane % lanes == 0)
      sums[(slot * 2 + i / size) * width + column + i % size] = total;
  }
  __syncthreads();
  // A warp for each sum of a group.
  for (int i = warp; i < 2 * (width / group_size); i += warps) {
    const float* from = sums + i % 2 * width + i / 2 * group_size;
    float total = 0;
    for (int j = lane; j < slots * group_size; j += 32)
      total += from[j / group_size * 2 * width + j % group_size];
    total = warp_sum(total);
    if (lane == 0) reinterpret_cast<float*>(moments)[i] = total;
  }
}

constexpr int most_groups_of_block = 64;
constexpr size_t most_shared_bytes = 208 * 1024;  // of what a launch may ask for, beside the fixed

/// Of a block's pixels, deviations from the block's own pivot.
struct PartialMoments {
  float sum, squares, pivot, count;
};

/// Mean and scale of a group, of which `parts` blocks have moments.
__device__ inline float2 join(const PartialMoments* of_part, int parts, float epsilon) {
  const float pivot = of_part[0].pivot;
  float sum = 0, squares = 0, count = 0;
  for (int p = 0; p < parts; ++p) {
    const PartialMoments m = of_part[p];
    const float off = m.pivot - pivot;
    sum += m.sum + m.count * off;
    squares += m.squares + off * (2 * m.sum + m.count * off);
    count += m.count;
  }
  const float mean = sum / count;
  return {pivot + mean, rsqrtf(fmaxf(squares / count - mean * mean, 0.0f) + epsilon)};
}

/// Grid: pieces of `width` channels (whole groups), samples, pieces of pixels (the cluster).
/// Shared: the piece [pixels, pitch], then sums.
template <class T>
__global__ void __launch_bounds__(512)
    group_norm_at_once(Source<T> x, const float* gamma, const float* beta, T* y, GroupNormShape s,
                       int width, int pixels_of_block) {
#if __CUDA_ARCH__ >= 900
  extern __shared__ __align__(16) unsigned char shared[];
  __shared__ Moments moments[most_groups_of_block];
  __shared__ PartialMoments own[most_groups_of_block], all[most_groups_of_block][8];
  __shared__ float2 mean_and_scale[most_groups_of_block];
  const Cover<T> cover(width);
  constexpr int size = Cover<T>::size;
  const int groups = width / s.group_size, parts = gridDim.z;
  T* held = reinterpret_cast<T*>(shared);
  const int pitch = pitch_of(width, size);
  float* sums = reinterpret_cast<float*>(held + pixels_of_block * pitch);

  const int first_channel = blockIdx.x * width, sample = blockIdx.y;
  const int first_pixel = blockIdx.z * pixels_of_block;
  const int pixels = min(pixels_of_block, s.pixels - first_pixel);
  const int64_t offset = (int64_t{sample} * s.pixels + first_pixel) * s.channels + first_channel;
  const int weights = sample / s.samples_of_weights * s.channels + first_channel + cover.column;

  wait_for_previous();
  if (cover.works()) {
    const auto from = x.column(first_channel + cover.column, s.channels);
    for (int p = cover.row; p < pixels; p += cover.rows)
      copy_async(held + p * pitch + cover.column,
                 from[int64_t{sample} * s.pixels + first_pixel + p], true);
  }
  commit_copies();
  let_next_begin();
  float own_gamma[size], own_beta[size];
  if (cover.works())
#pragma unroll
    for (int i = 0; i < size; i += 4) {
      *reinterpret_cast<float4*>(own_gamma + i) =
          *reinterpret_cast<const float4*>(gamma + weights + i);
      *reinterpret_cast<float4*>(own_beta + i) =
          *reinterpret_cast<const float4*>(beta + weights + i);
    }
  wait_for_copies<0>();
  __syncthreads();

  add_up_held(held, pitch, pixels, width, s.group_size, sums, moments);
  __syncthreads();
  for (int g = threadIdx.x; g < groups; g += blockDim.x)
    own[g] = {moments[g].sum, moments[g].squares, to_float(held[g * s.group_size]),
              static_cast<float>(pixels * s.group_size)};
  if (parts > 1) {
    cluster_sync();
    for (int i = threadIdx.x; i < parts * groups; i += blockDim.x) {
      const float4 m = load_from_cluster(address_in_cluster(own + i / parts, i % parts));
      all[i / parts][i % parts] = {m.x, m.y, m.z, m.w};
    }
    __syncthreads();
    cluster_arrive();
  } else {
    __syncthreads();
  }
  for (int g = threadIdx.x; g < groups; g += blockDim.x)
    mean_and_scale[g] = join(parts > 1 ? all[g] : own + g, parts, s.epsilon);
  __syncthreads();
  if (cover.works()) {
    Factors factors[size];
#pragma unroll
    for (int i = 0; i < size; ++i) {
      const float2 group = mean_and_scale[(cover.column + i) / s.group_size];
      factors[i] = {group.x, group.y * own_gamma[i], own_beta[i]};
    }
#pragma unroll 4
    for (int p = cover.row; p < pixels; p += cover.rows) {
      const Vector<T> v = load_vector(held + p * pitch + cover.column);
      store_vector(y + offset + int64_t{p} * s.channels + cover.column,
                   normed(v, factors, s.activation));
    }
  }
  if (parts > 1) cluster_wait();  // nobody leaves while others read its moments
#endif
}

/// Grid: pieces of pixels, samples. All channels of some pixels; for those in whole vectors.
/// moments [samples, groups, pieces]; pivots [samples, groups], kept since y may take the place of x.
/// Shared: sums.
template <class T>
__global__ void __launch_bounds__(512)
    group_norm_moments(Source<T> x, Moments* moments, float* pivots, GroupNormShape s,
                       int pixels_of_block) {
  extern __shared__ __align__(16) unsigned char shared[];
  float* sums = reinterpret_cast<float*>(shared);
  Moments* own = reinterpret_cast<Moments*>(sums + 2 * blockDim.x * Cover<T>::size);
  const Cover<T> cover(s.channels);
  constexpr int size = Cover<T>::size;
  const int sample = blockIdx.y, first = blockIdx.x * pixels_of_block;
  const int64_t pixel = int64_t{sample} * s.pixels;
  const auto pivot_of = [&](int group) {
    return to_float(*x.column(group * s.group_size, s.channels)[pixel]);
  };
  wait_for_previous();
  let_next_begin();
  float pivot[size], sum[size] = {}, squares[size] = {};
  if (cover.works()) {
#pragma unroll
    for (int i = 0; i < size; ++i) pivot[i] = pivot_of((cover.column + i) / s.group_size);
    take_moments<T>(cover, x.column(cover.column, s.channels), pixel + first,
                    min(pixels_of_block, s.pixels - first), pivot, sum, squares);
  }
  add_up(cover, sum, squares, sums, s.channels, s.group_size, own);
  __syncthreads();
  for (int g = threadIdx.x; g < s.groups; g += blockDim.x) {
    moments[(sample * s.groups + g) * gridDim.x + blockIdx.x] = own[g];
    if (blockIdx.x == 0) pivots[sample * s.groups + g] = pivot_of(g);
  }
}

/// The same for any number of channels. Grid: pieces of pixels, samples * groups.
template <class T>
__global__ void __launch_bounds__(256)
    group_norm_moments_any(Source<T> x, Moments* moments, float* pivots, GroupNormShape s,
                           int pixels_of_block) {
  __shared__ Moments of_warp[8];
  wait_for_previous();
  let_next_begin();
  const int sample = blockIdx.y / s.groups, group = blockIdx.y % s.groups;
  const auto value = [&](int pixel, int channel) {
    return to_float(*x.column(group * s.group_size + channel,
                              s.channels)[int64_t{sample} * s.pixels + pixel]);
  };
  const float pivot = value(0, 0);
  const int first = blockIdx.x * pixels_of_block;
  const int count = min(pixels_of_block, s.pixels - first) * s.group_size;
  float sum = 0, squares = 0;
  for (int i = threadIdx.x; i < count; i += 256) {
    const int pixel = i / s.group_size;
    const float deviation = value(first + pixel, i - pixel * s.group_size) - pivot;
    sum += deviation;
    squares += deviation * deviation;
  }
  sum = warp_sum(sum), squares = warp_sum(squares);
  if (threadIdx.x % 32 == 0) of_warp[threadIdx.x / 32] = {sum, squares};
  __syncthreads();
  if (threadIdx.x == 0) {
    Moments total{0, 0};
    for (const Moments& m : of_warp) total.sum += m.sum, total.squares += m.squares;
    moments[blockIdx.y * gridDim.x + blockIdx.x] = total;
    if (blockIdx.x == 0) pivots[blockIdx.y] = pivot;
  }
}

/// Grid: pieces of pixels, samples. Shared: factors [channels].
template <class T>
__global__ void __launch_bounds__(512)
    group_norm_apply(Source<T> x, const Moments* moments, const float* pivots, int pieces,
                     const float* gamma, const float* beta, T* y, GroupNormShape s,
                     int pixels_of_block) {
  extern __shared__ __align__(16) unsigned char shared[];
  Factors* factors = reinterpret_cast<Factors*>(shared);
  wait_for_previous();
  let_next_begin();
  const int sample = blockIdx.y, weights = sample / s.samples_of_weights * s.channels;
  // Each warp finishes one group after the other: all its lanes add up the pieces.
  for (int g = threadIdx.x / 32; g < s.groups; g += blockDim.x / 32) {
    Moments total{0, 0};
    for (int p = threadIdx.x % 32; p < pieces; p += 32) {
      const Moments m = moments[(sample * s.groups + g) * pieces + p];
      total.sum += m.sum, total.squares += m.squares;
    }
    total = {warp_sum(total.sum), warp_sum(total.squares)};
    const float pivot = pivots[sample * s.groups + g];
    for (int c = g * s.group_size + threadIdx.x % 32; c < (g + 1) * s.group_size; c += 32)
      factors[c] = factors_of(total, pivot, static_cast<float>(s.pixels) * s.group_size, s.epsilon,
                              gamma[weights + c], beta[weights + c]);
  }
  __syncthreads();
  const int first = blockIdx.x * pixels_of_block;
  const int pixels = min(pixels_of_block, s.pixels - first);
  const int64_t first_pixel = int64_t{sample} * s.pixels + first;
  y += first_pixel * s.channels;
  const Cover<T> cover(max(s.channels, Cover<T>::size));
  if (s.channels % Cover<T>::size == 0 && cover.rows > 0) {
    if (!cover.works()) return;
    Factors own[Cover<T>::size];
#pragma unroll
    for (int i = 0; i < Cover<T>::size; ++i) own[i] = factors[cover.column + i];
    const auto from = x.column(cover.column, s.channels);
#pragma unroll 4
    for (int p = cover.row; p < pixels; p += cover.rows) {
      store_vector(y + int64_t{p} * s.channels + cover.column,
                   normed(load_vector(from[first_pixel + p]), own, s.activation));
    }
  } else {
    for (int64_t i = threadIdx.x; i < int64_t{pixels} * s.channels; i += blockDim.x)
      y[i] = from_float<T>(activate(
          s.activation,
          factors[i % s.channels](to_float(
              *x.column(static_cast<int>(i % s.channels), s.channels)[first_pixel + i / s.channels]))));
  }
}

/// How the one kernel cuts the work, where it can.
struct AtOnce {
  int width = 0;  // channels of a block; 0: it cannot
  int parts = 1, pixels_of_block = 0, threads = 0;
  size_t shared_bytes = 0;
};

AtOnce plan_at_once(const GroupNormShape& s, size_t element, const Context& context) {
  AtOnce plan;
  const int size = static_cast<int>(16 / element);
  if (!context.has_clusters || s.channels % size != 0) return plan;
  // As few groups as fill whole vectors and at least 64 bytes.
  for (int groups = 1; groups <= std::min(s.groups, most_groups_of_block) && plan.width == 0;
       ++groups) {
    const int width = groups * s.group_size;
    if (s.groups % groups == 0 && width % size == 0 && width * element >= 64) plan.width = width;
  }
  if (plan.width == 0 || plan.width / size > 256) return {};
  const int blocks = s.samples * s.channels / plan.width;
  for (plan.parts = 1; plan.parts <= 8; plan.parts *= 2) {
    plan.pixels_of_block = static_cast<int>(ceil_div(s.pixels, plan.parts));
    plan.threads = plan.pixels_of_block * (plan.width / size) > 1024 ? 512 : 256;
    const int rows = plan.threads / (plan.width / size);
    const int pitch = pitch_of(plan.width, size);
    const int slots = std::max(plan.threads / 32 / (plan.width / size), 1);
    plan.shared_bytes = static_cast<size_t>(plan.pixels_of_block) * pitch * element +
                        static_cast<size_t>(2 * slots * plan.width) * 4;
    const bool fits = plan.shared_bytes <= most_shared_bytes;
    const bool enough =
        blocks * plan.parts > context.multiprocessors() / 2 || plan.pixels_of_block <= 2 * rows;
    if (fits && (enough || plan.parts == 8)) return plan;
  }
  return {};
}

template <class T>
Source<T> source_of(const Launch& l, int own) {
  return {static_cast<const T*>(l.inputs[0]),
          l.inputs.size() > 3 ? static_cast<const T*>(l.inputs[3]) : nullptr, own};
}

}  // namespace

KernelPtr make(const GroupNorm& op, const KernelRequest& request, const Context& context) {
  const Shape& x = request.output.shape;
  if (request.output.elements() == 0) return make_kernel([](const Launch&) {});
  GroupNormShape s{};
  s.samples = static_cast<int>(x[0]);
  s.channels = static_cast<int>(x.back());
  s.pixels = static_cast<int>(request.output.elements() / x[0] / x.back());
  s.groups = static_cast<int>(op.groups);
  s.group_size = s.channels / s.groups;
  s.samples_of_weights = static_cast<int>(x[0] / op.weight_groups);
  s.epsilon = op.epsilon;
  s.activation = op.activation;
  const int own = static_cast<int>(request.inputs[0].shape.back());
  if (op.joined && (own % 8 != 0 || s.channels % 8 != 0))
    fail(ErrorKind::unsupported,
         "{}: a {} of {} and {} channels joined on device cuda, expected whole eights",
         request.module, op.name, own, s.channels - own);
  const DType dtype = request.output.dtype;

  if (const AtOnce plan = plan_at_once(s, size_of(dtype), context); plan.width > 0)
    return make_kernel([=, &context](const Launch& l) {
      with_type(dtype, [&](auto type) {
        using T = decltype(type);
        DRYPOINT_CUDA(cudaFuncSetAttribute(
            group_norm_at_once<T>, cudaFuncAttributeMaxDynamicSharedMemorySize, most_shared_bytes));
        const dim3 grid(static_cast<unsigned>(s.channels / plan.width),
                        static_cast<unsigned>(s.samples), static_cast<unsigned>(plan.parts));
        launch(context, group_norm_at_once<T>, grid, static_cast<unsigned>(plan.threads),
               plan.shared_bytes, plan.parts, source_of<T>(l, own), l.f32(1),
               l.f32(2), static_cast<T*>(l.output), s, plan.width, plan.pixels_of_block);
      });
    });

  const int size = static_cast<int>(16 / size_of(dtype));
  const bool vectors = s.channels % size == 0 && s.channels / size <= 512;
  const int64_t blocks = std::max<int64_t>(2 * context.multiprocessors() / s.samples, 1);
  const auto piece =
      static_cast<int>(std::max<int64_t>(ceil_div(s.pixels, vectors ? blocks : 16), 32));
  const auto pieces = static_cast<int>(ceil_div(s.pixels, piece));
  const auto apply_piece = static_cast<int>(
      std::max<int64_t>(ceil_div(s.pixels, 2 * blocks), 4));
  return make_kernel(
      [=, &context](const Launch& l) {
        with_type(dtype, [&](auto type) {
          using T = decltype(type);
          auto* moments = static_cast<Moments*>(l.workspace);
          auto* pivots = reinterpret_cast<float*>(moments + s.samples * s.groups * pieces);
          const Source<T> from = source_of<T>(l, own);
          const dim3 grid(static_cast<unsigned>(pieces),
                          static_cast<unsigned>(vectors ? s.samples : s.samples * s.groups));
          if (vectors)
            launch(context, group_norm_moments<T>, grid, 512,
                   2 * 512 * Vector<T>::size * sizeof(float) + s.groups * sizeof(Moments), 1, from,
                   moments, pivots, s, piece);
          else
            launch(context, group_norm_moments_any<T>, grid, 256, 0, 1, from, moments, pivots, s,
                   piece);
          launch(context, group_norm_apply<T>,
                 dim3(static_cast<unsigned>(ceil_div(s.pixels, apply_piece)),
                      static_cast<unsigned>(s.samples)),
                 512, static_cast<size_t>(s.channels) * sizeof(Factors), 1, from, moments, pivots,
                 pieces, l.f32(1), l.f32(2), static_cast<T*>(l.output), s, apply_piece);
        });
      },
      static_cast<size_t>(s.samples) * s.groups * (pieces * sizeof(Moments) + sizeof(float)));
}

}  // namespace drypoint::cuda
