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

constexpr int threads = 256;

struct GroupNormShape {
  int samples, pixels, channels, groups, group_size;
  int samples_of_weights;  // that share gamma and beta
  float epsilon;
  ActivationKind activation;
};

struct Moments {
  float sum, squares;  // of deviations from the pivot, and of their squares
};

/// Sums over the rows of a block's columns: each thread has `size` neighbouring columns of some
/// rows. `sums` [2][rows of threads][width]; afterwards moments[g] for each of the block's groups.
template <int size>
__device__ void add_up(const float (&sum)[size], const float (&squares)[size], float* sums,
                       int thread_row, int thread_rows, int column, int width, int group_size,
                       Moments* moments) {
  float* second = sums + thread_rows * width;
  if (thread_row < thread_rows)
#pragma unroll
    for (int i = 0; i < size; ++i) {
      sums[thread_row * width + column + i] = sum[i];
      second[thread_row * width + column + i] = squares[i];
    }
  __syncthreads();
  for (int c = threadIdx.x; c < 2 * width; c += threads) {
    float* from = c < width ? sums + c : second + c - width;
    float total = 0;
    for (int r = 0; r < thread_rows; ++r) total += from[r * width];
    from[0] = total;
  }
  __syncthreads();
  for (int g = threadIdx.x; g < width / group_size; g += threads) {
    Moments total{0, 0};
    for (int c = g * group_size; c < (g + 1) * group_size; ++c) {
      total.sum += sums[c];
      total.squares += second[c];
    }
    moments[g] = total;
  }
}

/// Of one channel. Not joined to x * scale + shift, which would cancel where the variance is small.
struct Factors {
  float mean, scale, shift;

  __device__ float operator()(float x) const { return (x - mean) * scale + shift; }
};

__device__ inline Factors factors_of(Moments total, float pivot, float count, float epsilon,
                                     float gamma, float beta) {
  const float mean = total.sum / count;  // of the deviations
  const float variance = fmaxf(total.squares / count - mean * mean, 0.0f);
  const float scale = rsqrtf(variance + epsilon) * gamma;
  return {pivot + mean, scale, beta};
}

/// Grid: pieces of `width` channels (whole groups), samples, pieces of pixels (the cluster).
/// Shared: the piece [pixels, width], sums, moments, pivots and factors.
template <class T>
__global__ void __launch_bounds__(threads)
    group_norm_at_once(const T* x, const float* gamma, const float* beta, T* y, GroupNormShape s,
                       int width, int pixels_of_block) {
#if __CUDA_ARCH__ >= 900
  extern __shared__ __align__(16) unsigned char shared[];
  constexpr int size = Vector<T>::size;
  const int columns = width / size, thread_rows = threads / columns;
  const int groups = width / s.group_size, parts = gridDim.z;
  T* held = reinterpret_cast<T*>(shared);
  float* sums = reinterpret_cast<float*>(held + pixels_of_block * width);
  Moments* moments = reinterpret_cast<Moments*>(sums + 2 * thread_rows * width);
  float* pivots = reinterpret_cast<float*>(moments + groups);
  Factors* factors = reinterpret_cast<Factors*>(pivots + groups);

  const int first_channel = blockIdx.x * width, sample = blockIdx.y;
  const int first_pixel = blockIdx.z * pixels_of_block;
  const int pixels = min(pixels_of_block, s.pixels - first_pixel);
  const int thread_row = threadIdx.x / columns, column = threadIdx.x % columns * size;
  const T* from = x + int64_t{sample} * s.pixels * s.channels + first_channel;
  const int weights = sample / s.samples_of_weights * s.channels + first_channel;

  wait_for_previous();
  let_next_begin();
  if (threadIdx.x < groups) pivots[threadIdx.x] = to_float(from[threadIdx.x * s.group_size]);
  __syncthreads();
  float sum[size] = {}, squares[size] = {};
  if (thread_row < thread_rows) {
    float pivot[size];
#pragma unroll
    for (int i = 0; i < size; ++i) pivot[i] = pivots[(column + i) / s.group_size];
#pragma unroll 4
    for (int p = thread_row; p < pixels; p += thread_rows) {
      const Vector<T> v = load_vector(from + int64_t{first_pixel + p} * s.channels + column);
      store_vector(held + p * width + column, v);
#pragma unroll
      for (int i = 0; i < size; ++i) {
        const float deviation = to_float(v.values[i]) - pivot[i];
        sum[i] += deviation;
        squares[i] += deviation * deviation;
      }
    }
  }
  add_up(sum, squares, sums, thread_row, thread_rows, column, width, s.group_size, moments);
  __syncthreads();
  if (parts > 1) cluster_sync();
  for (int c = threadIdx.x; c < width; c += threads) {
    const int g = c / s.group_size;
    Moments total{0, 0};
    if (parts == 1) {
      total = moments[g];
    } else {
      for (int p = 0; p < parts; ++p) {
        const uint32_t at = address_in_cluster(moments + g, p);
        float a, b;
        asm volatile("ld.shared::cluster.v2.f32 {%0, %1}, [%2];"
                     : "=f"(a), "=f"(b)
                     : "r"(at)
                     : "memory");
        total.sum += a, total.squares += b;
      }
    }
    factors[c] = factors_of(total, pivots[g], static_cast<float>(s.pixels * s.group_size),
                            s.epsilon, gamma[weights + c], beta[weights + c]);
  }
  if (parts > 1)
    cluster_sync();  // nobody leaves while others read its moments
  else
    __syncthreads();
  if (thread_row < thread_rows) {
    Factors factor[size];
#pragma unroll
    for (int i = 0; i < size; ++i) factor[i] = factors[column + i];
    T* to = y + int64_t{sample} * s.pixels * s.channels + first_channel;
#pragma unroll 4
    for (int p = thread_row; p < pixels; p += thread_rows) {
      Vector<T> v = load_vector(held + p * width + column);
#pragma unroll
      for (int i = 0; i < size; ++i)
        v.values[i] = from_float<T>(activate(s.activation, factor[i](to_float(v.values[i]))));
      store_vector(to + int64_t{first_pixel + p} * s.channels + column, v);
    }
  }
#endif
}

/// Grid: pieces of pixels, samples * groups. moments [samples, groups, pieces]; pivots [samples,
/// groups], kept since y may take the place of x.
template <class T>
__global__ void __launch_bounds__(threads)
    group_norm_moments(const T* x, Moments* moments, float* pivots, GroupNormShape s,
                       int pixels_of_block) {
  __shared__ Moments of_warp[threads / 32];
  wait_for_previous();
  let_next_begin();
  const int sample = blockIdx.y / s.groups, group = blockIdx.y % s.groups;
  const T* from = x + int64_t{sample} * s.pixels * s.channels + group * s.group_size;
  const float pivot = to_float(from[0]);
  const int first = blockIdx.x * pixels_of_block;
  const int count = min(pixels_of_block, s.pixels - first) * s.group_size;
  float sum = 0, squares = 0;
  for (int i = threadIdx.x; i < count; i += threads) {
    const int pixel = i / s.group_size;
    const float deviation =
        to_float(from[int64_t{first + pixel} * s.channels + i - pixel * s.group_size]) - pivot;
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
__global__ void __launch_bounds__(threads)
    group_norm_apply(const T* x, const Moments* moments, const float* pivots, int pieces,
                     const float* gamma, const float* beta, T* y, GroupNormShape s,
                     int pixels_of_block) {
  extern __shared__ __align__(16) unsigned char shared[];
  Factors* factors = reinterpret_cast<Factors*>(shared);
  wait_for_previous();
  let_next_begin();
  const int sample = blockIdx.y, weights = sample / s.samples_of_weights * s.channels;
  const int64_t base = int64_t{sample} * s.pixels * s.channels;
  // Each warp finishes one group after the other: all its lanes add up the pieces.
  for (int g = threadIdx.x / 32; g < s.groups; g += threads / 32) {
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
  const int64_t first = int64_t{blockIdx.x} * pixels_of_block * s.channels;
  const int64_t last =
      min(first + int64_t{pixels_of_block} * s.channels, int64_t{s.pixels} * s.channels);
  constexpr int size = Vector<T>::size;
  if (s.channels % size == 0) {
    for (int64_t i = first + threadIdx.x * size; i < last; i += threads * size) {
      Vector<T> v = load_vector(x + base + i);
      const int channel = static_cast<int>(i % s.channels);
#pragma unroll
      for (int e = 0; e < size; ++e)
        v.values[e] =
            from_float<T>(activate(s.activation, factors[channel + e](to_float(v.values[e]))));
      store_vector(y + base + i, v);
    }
  } else {
    for (int64_t i = first + threadIdx.x; i < last; i += threads) {
      const Factors factor = factors[i % s.channels];
      y[base + i] = from_float<T>(activate(s.activation, factor(to_float(x[base + i]))));
    }
  }
}

/// How the one kernel cuts the work, where it can.
struct AtOnce {
  int width = 0;  // channels of a block; 0: it cannot
  int parts = 1, pixels_of_block = 0;
  size_t shared_bytes = 0;
};

AtOnce plan_at_once(const GroupNormShape& s, size_t element, const Context& context) {
  AtOnce plan;
  const int size = static_cast<int>(16 / element);
  if (context.properties.major < 9 || s.channels % size != 0) return plan;
  // As few groups as fill whole vectors and at least 64 bytes.
  for (int groups = 1; groups <= s.groups && plan.width == 0; ++groups) {
    const int width = groups * s.group_size;
    if (s.groups % groups == 0 && width % size == 0 && width * element >= 64) plan.width = width;
  }
  if (plan.width == 0 || plan.width / size > threads) return {};
  const int blocks = s.samples * s.channels / plan.width;
  for (plan.parts = 1; plan.parts <= 8; plan.parts *= 2) {
    plan.pixels_of_block = static_cast<int>(ceil_div(s.pixels, plan.parts));
    const int thread_rows = threads / (plan.width / size), groups = plan.width / s.group_size;
    plan.shared_bytes = static_cast<size_t>(plan.pixels_of_block) * plan.width * element +
                        static_cast<size_t>(2 * thread_rows * plan.width) * 4 +
                        static_cast<size_t>(groups) * 12 + 8 +
                        static_cast<size_t>(plan.width) * sizeof(Factors);
    const bool fits = plan.shared_bytes <= 220 * 1024;
    const bool enough =
        blocks * plan.parts >= context.multiprocessors() || plan.pixels_of_block <= 2 * thread_rows;
    if (fits && (enough || plan.parts == 8)) return plan;
  }
  return {};
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
  const DType dtype = request.output.dtype;

  if (const AtOnce plan = plan_at_once(s, size_of(dtype), context); plan.width > 0)
    return make_kernel([=, &context](const Launch& l) {
      with_type(dtype, [&](auto type) {
        using T = decltype(type);
        DRYPOINT_CUDA(cudaFuncSetAttribute(
            group_norm_at_once<T>, cudaFuncAttributeMaxDynamicSharedMemorySize, 220 * 1024));
        const dim3 grid(static_cast<unsigned>(s.channels / plan.width),
                        static_cast<unsigned>(s.samples), static_cast<unsigned>(plan.parts));
        launch(context, group_norm_at_once<T>, grid, threads, plan.shared_bytes, plan.parts,
               static_cast<const T*>(l.inputs[0]), l.f32(1), l.f32(2), static_cast<T*>(l.output), s,
               plan.width, plan.pixels_of_block);
      });
    });

  const int64_t wanted =
      std::max<int64_t>(4 * context.multiprocessors() / (s.samples * s.groups), 1);
  const auto piece =
      static_cast<int>(std::max<int64_t>(ceil_div(s.pixels, std::min<int64_t>(wanted, 64)), 32));
  const auto pieces = static_cast<int>(ceil_div(s.pixels, piece));
  const auto apply_piece = static_cast<int>(std::max<int64_t>(
      ceil_div(int64_t{s.pixels} * s.samples, int64_t{8} * context.multiprocessors()), 4));
  return make_kernel(
      [=, &context](const Launch& l) {
        with_type(dtype, [&](auto type) {
          using T = decltype(type);
          auto* moments = static_cast<Moments*>(l.workspace);
          auto* pivots = reinterpret_cast<float*>(moments + s.samples * s.groups * pieces);
          launch(context, group_norm_moments<T>,
                 dim3(static_cast<unsigned>(pieces), static_cast<unsigned>(s.samples * s.groups)),
                 threads, 0, 1, static_cast<const T*>(l.inputs[0]), moments, pivots, s, piece);
          launch(context, group_norm_apply<T>,
                 dim3(static_cast<unsigned>(ceil_div(s.pixels, apply_piece)),
                      static_cast<unsigned>(s.samples)),
                 threads, static_cast<size_t>(s.channels) * sizeof(Factors), 1,
                 static_cast<const T*>(l.inputs[0]), moments, pivots, pieces, l.f32(1), l.f32(2),
                 static_cast<T*>(l.output), s, apply_piece);
        });
      },
      static_cast<size_t>(s.samples) * s.groups * (pieces * sizeof(Moments) + sizeof(float)));
}

}  // namespace drypoint::cuda
