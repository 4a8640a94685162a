#include "ops/depthwise_conv2d.h"

#include "backend/cpu/kernels.h"
#include "base/vector_targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "backend/cpu/depthwise_conv2d.cc"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace drypoint::cpu::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

/// y += x * w, `count` channels of each.
void add_products(const float* x, const float* w, int64_t count, float* y) {
  const hn::ScalableTag<float> d;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  int64_t c = 0;
  for (; c + lanes <= count; c += lanes)
    hn::StoreU(hn::MulAdd(hn::LoadU(d, x + c), hn::LoadU(d, w + c), hn::LoadU(d, y + c)), d, y + c);
  for (; c < count; ++c) y[c] += x[c] * w[c];
}

}  // namespace drypoint::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace drypoint::cpu {
HWY_EXPORT(add_products);

KernelPtr make(const DepthwiseConv2d& op, const KernelRequest& request, const Context& context) {
  const Shape &x = request.inputs[0].shape, &w = request.inputs[1].shape, &y = request.output.shape;
  const bool has_bias = request.inputs.size() > 2;
  const int64_t channels = x[3], taps = w[2] * w[3];
  const auto run = [=](const Launch& launch) {
    float* weight = static_cast<float*>(launch.workspace);  // [KH, KW, C], as pixels lie
    for (int64_t c = 0; c < channels; ++c)
      for (int64_t tap = 0; tap < taps; ++tap)
        weight[tap * channels + c] = launch.f32(1)[c * taps + tap];
    parallel_tasks(context, y[0] * y[1], [&](int64_t row) {
      const float* picture = launch.f32(0) + row / y[1] * x[1] * x[2] * channels;
      float* to = launch.out() + row * y[2] * channels;
      for (int64_t ox = 0; ox < y[2]; ++ox, to += channels) {
        if (has_bias)
          std::copy_n(launch.f32(2), channels, to);
        else
          std::fill_n(to, channels, 0.0f);
        for (int64_t tap = 0; tap < taps; ++tap) {
          const int64_t iy = row % y[1] * op.stride + tap / w[3] - op.top;
          const int64_t ix = ox * op.stride + tap % w[3] - op.left;
          if (iy < 0 || iy >= x[1] || ix < 0 || ix >= x[2]) continue;
          HWY_DYNAMIC_DISPATCH(add_products)
          (picture + (iy * x[2] + ix) * channels, weight + tap * channels, channels, to);
        }
      }
    });
  };
  return make_kernel(run, static_cast<size_t>(channels * taps) * sizeof(float));
}

}  // namespace drypoint::cpu
#endif
