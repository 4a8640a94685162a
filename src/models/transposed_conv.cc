#include "models/transposed_conv.h"

#include <algorithm>

namespace drypoint {
namespace {

/// Each value `times` times.
Tensor repeated(const Tensor& values, int64_t times) {
  const Tensor stored = values.to_f32();
  Tensor result({DType::f32, {values.shape()[0] * times}});
  auto to = result.mutable_floats().begin();
  for (const float value : stored.floats()) to = std::fill_n(to, times, value);
  return result;
}

/// Of a kernel that reaches no further than its neighbours' squares.
int64_t taps_of(int64_t stride, int64_t kernel) { return kernel > stride ? 3 : 1; }

void convert_transposed(NamedTensors& tensors, const std::string& name, int64_t stride,
                        int64_t kernel) {
  const Tensor* stored = tensors.find(name + ".weight");
  if (!stored || stored->shape().size() != 4 || stored->shape()[2] != kernel ||
      stored->shape()[3] != kernel)
    return;
  const int64_t in = stored->shape()[0], out = stored->shape()[1];
  const int64_t taps = taps_of(stride, kernel), padding = taps / 2;
  const Tensor weight = stored->to_f32();
  const int64_t squares = stride * stride, window = taps * taps;
  Tensor converted({DType::f32, {out * squares, in, taps, taps}});
  auto to = converted.mutable_floats().begin();
  // Pixel f of a square sees input `t` places further through tap f + padding - stride t.
  const auto tap = [&](int64_t f, int64_t t) { return f + padding - stride * (t - taps / 2); };
  for (int64_t row = 0; row < out * squares; ++row)
    for (int64_t i = 0; i < in; ++i)
      for (int64_t w = 0; w < window; ++w) {
        const int64_t y = tap(row % squares / stride, w / taps), x = tap(row % stride, w % taps);
        const bool is_there = y >= 0 && x >= 0 && y < kernel && x < kernel;
        const int64_t at = ((i * out + row / squares) * kernel + y) * kernel + x;
        *to++ = is_there ? weight.floats()[static_cast<size_t>(at)] : 0;
      }
  tensors.tensors[name + ".weight"] = converted;
  if (const Tensor* bias = tensors.find(name + ".bias"); bias && bias->shape() == Shape{out})
    tensors.tensors[name + ".bias"] = repeated(*bias, squares);
}

}  // namespace

ValueId transposed_conv2d(const Module& m, ValueId x, int64_t channels, int64_t stride,
                          int64_t taps, bool bias) {
  const int64_t padding = taps / 2;
  const ValueId squares =
      conv2d(m, x, channels * stride * stride, taps, taps,
             Conv2d{.top = padding, .left = padding, .bottom = padding, .right = padding}, bias);
  return pixel_shuffle(m, squares, stride);
}

StoredLayer stored_transposed(const std::string& name, int64_t stride, int64_t kernel) {
  return {.convert = [=](NamedTensors& file) { convert_transposed(file, name, stride, kernel); },
          .restore =
              [=](TensorShapes& shapes) {
                const int64_t squares = stride * stride;
                Shape& weight = shapes.at(name + ".weight");
                weight = {weight[1], weight[0] / squares, kernel, kernel};
                if (const auto bias = shapes.find(name + ".bias"); bias != shapes.end())
                  bias->second[0] /= squares;
              }};
}

}  // namespace drypoint
