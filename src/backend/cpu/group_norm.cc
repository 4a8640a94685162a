// Group norm in three steps: for each piece of a picture (some rows of pixels) the sum and the
// squared deviations from the piece's own mean, per channel; these merged per group in double
// precision (Chan's formula, https://doi.org/10.1080/00031305.1983.10483115); then
// y = activation(x * scale + shift) with a scale and a shift per channel.
#include "ops/group_norm.h"

#include <cmath>

#include "backend/cpu/kernels.h"
#include "base/vector_targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "backend/cpu/group_norm.cc"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "backend/cpu/vector_math-inl.h"

HWY_BEFORE_NAMESPACE();
namespace drypoint::cpu::HWY_NAMESPACE {

/// x [pixels, channels] -> per channel the sum, and the sum of squared deviations from the mean.
void measure(const float* x, int64_t pixels, int64_t channels, float* sums, float* squares) {
  const F32 d;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d)), whole = channels / lanes * lanes;
  const float count = static_cast<float>(pixels);
  for (int64_t c = 0; c < whole; c += lanes) {
    Vector sum = hn::Zero(d), square = hn::Zero(d);
    for (int64_t p = 0; p < pixels; ++p) sum = hn::Add(sum, hn::LoadU(d, x + p * channels + c));
    const Vector mean = hn::Div(sum, hn::Set(d, count));
    for (int64_t p = 0; p < pixels; ++p) {
      const Vector deviation = hn::Sub(hn::LoadU(d, x + p * channels + c), mean);
      square = hn::MulAdd(deviation, deviation, square);
    }
    hn::StoreU(sum, d, sums + c);
    hn::StoreU(square, d, squares + c);
  }
  for (int64_t c = whole; c < channels; ++c) {
    float sum = 0, square = 0;
    for (int64_t p = 0; p < pixels; ++p) sum += x[p * channels + c];
    const float mean = sum / count;
    for (int64_t p = 0; p < pixels; ++p) {
      const float deviation = x[p * channels + c] - mean;
      square += deviation * deviation;
    }
    sums[c] = sum, squares[c] = square;
  }
}

void apply(const float* x, int64_t pixels, int64_t channels, const float* means,
           const float* scales, const float* beta, ActivationKind kind, float* y) {
  const F32 d;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d)), whole = channels / lanes * lanes;
  for (int64_t p = 0; p < pixels; ++p, x += channels, y += channels) {
    for (int64_t c = 0; c < whole; c += lanes) {
      const Vector centered = hn::Sub(hn::LoadU(d, x + c), hn::LoadU(d, means + c));
      const Vector scaled = hn::MulAdd(centered, hn::LoadU(d, scales + c), hn::LoadU(d, beta + c));
      hn::StoreU(activate(d, kind, scaled), d, y + c);
    }
    if (const int64_t rest = channels - whole; rest > 0) {
      const Vector centered =
          hn::Sub(load_first(d, x + whole, rest), load_first(d, means + whole, rest));
      const Vector scaled = hn::MulAdd(centered, load_first(d, scales + whole, rest),
                                       load_first(d, beta + whole, rest));
      store_first(d, activate(d, kind, scaled), y + whole, rest);
    }
  }
}

}  // namespace drypoint::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace drypoint::cpu {
HWY_EXPORT(measure);
HWY_EXPORT(apply);

namespace {

constexpr int64_t piece_pixels = 64;  // of up to 1280 channels: they stay in the second cache

/// Merges the pieces' figures for one sample's group: pieces of `pixels` in all.
std::pair<double, double> mean_and_variance(const float* sums, const float* squares, int64_t pixels,
                                            int64_t channels, int64_t size) {
  const int64_t pieces = (pixels + piece_pixels - 1) / piece_pixels;
  double sum = 0, square = 0;
  for (int64_t piece = 0; piece < pieces; ++piece)
    for (int64_t c = 0; c < size; ++c) sum += sums[piece * channels + c];
  const double mean = sum / static_cast<double>(pixels * size);
  for (int64_t piece = 0; piece < pieces; ++piece) {
    const auto count = static_cast<double>(std::min(piece_pixels, pixels - piece * piece_pixels));
    for (int64_t c = 0; c < size; ++c) {
      const double off = sums[piece * channels + c] / count - mean;
      square += squares[piece * channels + c] + count * off * off;
    }
  }
  return {mean, square / static_cast<double>(pixels * size)};
}

}  // namespace

KernelPtr make(const GroupNorm& op, const KernelRequest& request, const Context& context) {
  const Shape& x = request.output.shape;
  if (request.output.elements() == 0) return make_kernel([](const Launch&) {});
  const int64_t samples = x[0], channels = x.back(), size = channels / op.groups;
  const int64_t pixels = request.output.elements() / samples / channels;
  const int64_t pieces = (pixels + piece_pixels - 1) / piece_pixels;
  // Workspace: sums and squares [samples, pieces, channels], means and scales [samples, channels].
  const int64_t measured = samples * pieces * channels, derived = samples * channels;

  const auto run = [=](const Launch& launch) {
    float* sums = static_cast<float*>(launch.workspace);
    float *squares = sums + measured, *means = squares + measured, *scales = means + derived;
    const auto for_each_piece = [&](auto&& body) {
      parallel_tasks(context, samples * pieces, [&](int64_t i) {
        const int64_t sample = i / pieces, first = i % pieces * piece_pixels;
        body(i, sample, (sample * pixels + first) * channels,
             std::min(piece_pixels, pixels - first));
      });
    };
    for_each_piece([&](int64_t i, int64_t, int64_t at, int64_t count) {
      HWY_DYNAMIC_DISPATCH(measure)
      (launch.f32(0) + at, count, channels, sums + i * channels, squares + i * channels);
    });
    parallel_tasks(context, samples * op.groups, [&](int64_t i) {
      const int64_t sample = i / op.groups, first = i % op.groups * size;
      const int64_t at = sample * pieces * channels + first;
      const auto [mean, variance] =
          mean_and_variance(sums + at, squares + at, pixels, channels, size);
      const double scale = 1 / std::sqrt(variance + op.epsilon);
      for (int64_t c = first; c < first + size; ++c) {
        means[sample * channels + c] = static_cast<float>(mean);
        scales[sample * channels + c] = static_cast<float>(scale * launch.f32(1)[c]);
      }
    });
    for_each_piece([&](int64_t, int64_t sample, int64_t at, int64_t count) {
      HWY_DYNAMIC_DISPATCH(apply)
      (launch.f32(0) + at, count, channels, means + sample * channels, scales + sample * channels,
       launch.f32(2), op.activation, launch.out() + at);
    });
  };
  return make_kernel(run, static_cast<size_t>(2 * (measured + derived)) * sizeof(float));
}

}  // namespace drypoint::cpu
#endif
