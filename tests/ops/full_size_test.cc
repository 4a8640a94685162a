// Every operation at every shape of full-size Stable Diffusion 1.5 (256x384, both prompts), against
// the reference. Of large products, convolutions and attentions the reference computes samples:
// some rows and channels of the result, from just those parts of the inputs that they need.
#include <algorithm>

#include "support/full_size.h"
#include "support/op_runner.h"
#include "tensor/eight_bits.h"

namespace drypoint {
namespace {

using namespace drypoint::testing;

/// As the compiler's fusion leaves it: every other layer gets an activation, a residual, or both.
void fuse(Case& one, size_t turn) {
  const auto vary = [&](auto& op) {
    if (turn % 3 == 1) op.epilogue.activation = ActivationKind::silu;
    if (turn % 2 == 0) return;
    const TensorType out = infer(op, one.inputs);
    op.epilogue.residual = true;
    one.inputs.push_back(out);
  };
  if (auto* conv = std::get_if<Conv2d>(&one.op)) vary(*conv);
  if (auto* linear = std::get_if<Linear>(&one.op)) vary(*linear);
}

/// A product of x in eight bits, with one scale, where kernels take its channels.
template <class Product>
bool dequantize(Case& one, DType type) {
  auto& op = std::get<Product>(one.op);
  if (one.inputs[0].shape.back() % 16 != 0) return false;
  op.epilogue.dequantize = true;
  one.inputs[0].dtype = type;
  one.inputs.push_back({DType::f32, {1}});
  return true;
}

/// Rows, and a range of the last dimension, of a tensor [rows, width].
Tensor pick(const Tensor& from, int64_t width, const std::vector<int64_t>& rows,
            const std::vector<int64_t>& columns) {
  const auto size = static_cast<int64_t>(size_of(from.dtype()));
  Tensor picked(
      {from.dtype(), {static_cast<int64_t>(rows.size()), static_cast<int64_t>(columns.size())}});
  const std::byte* const values = from.bytes().data();
  std::byte* to = picked.mutable_bytes().data();
  for (const int64_t row : rows)
    for (const int64_t column : columns)
      to = std::copy_n(values + (row * width + column) * size, size, to);
  return picked;
}

std::vector<int64_t> range(int64_t count) {
  std::vector<int64_t> all(count);
  for (int64_t i = 0; i < count; ++i) all[i] = i;
  return all;
}

/// First, last, and some between.
std::vector<int64_t> sample(int64_t count, int64_t wanted) {
  if (count <= wanted) return range(count);
  std::vector<int64_t> some;
  for (int64_t i = 0; i < wanted; ++i) some.push_back(i * (count - 1) / (wanted - 1));
  return some;
}

/// Expected and actual values at sampled places.
struct Samples {
  std::vector<float> expected, actual;
  void add(const Tensor& wanted, const Tensor& got) {
    expected.insert(expected.end(), wanted.floats().begin(), wanted.floats().end());
    actual.insert(actual.end(), got.floats().begin(), got.floats().end());
  }
};

Samples sample_of(const Linear& op, const std::vector<Tensor>& in, const Tensor& out) {
  const Shape& w = in[1].shape();
  const int64_t rows = out.type().elements() / w[0];
  const auto some_rows = sample(rows, 24), some_out = sample(w[0], 67);
  std::vector<Tensor> parts{pick(in[0], w[1], some_rows, range(w[1])),
                            pick(in[1], w[1], some_out, range(w[1]))};
  if (op.epilogue.bias) parts.push_back(pick(in[2], w[0], {0}, some_out));
  const OperandPositions at = positions_of(op);
  if (at.residual >= 0) parts.push_back(pick(in[at.residual], w[0], some_rows, some_out));
  if (at.input_scales >= 0) parts.push_back(in[at.input_scales]);
  Samples samples;
  samples.add(run(reference(), op, parts), pick(out, w[0], some_rows, some_out));
  return samples;
}

Samples sample_of(const Conv2d& op, const std::vector<Tensor>& in, const Tensor& out) {
  const Shape &x = in[0].shape(), &w = in[1].shape(), &y = out.shape();
  const auto some_out = sample(w[0], 37);
  const int64_t taps = element_count(w) / w[0];
  Conv2d bare = op;
  bare.stride = 1, bare.top = bare.left = bare.bottom = bare.right = 0;
  const auto channels = static_cast<int64_t>(some_out.size());
  const Tensor weight =
      pick(in[1], taps, some_out, range(taps)).reshaped({channels, w[1], w[2], w[3]});
  Samples samples;
  for (const int64_t pixel : sample(y[0] * y[1] * y[2], 29)) {
    // The window that this pixel sees, zeros where it reaches beyond the picture.
    const int64_t n = pixel / (y[1] * y[2]), oy = pixel / y[2] % y[1], ox = pixel % y[2];
    Tensor window({in[0].dtype(), {1, w[2], w[3], x[3]}});
    std::ranges::fill(window.mutable_bytes(), std::byte{0});
    const auto row_bytes = x[3] * static_cast<int64_t>(size_of(in[0].dtype()));
    for (int64_t ky = 0; ky < w[2]; ++ky)
      for (int64_t kx = 0; kx < w[3]; ++kx) {
        const int64_t iy = oy * op.stride + ky - op.top, ix = ox * op.stride + kx - op.left;
        if (iy >= 0 && iy < x[1] && ix >= 0 && ix < x[2])
          std::copy_n(in[0].bytes().data() + ((n * x[1] + iy) * x[2] + ix) * row_bytes, row_bytes,
                      window.mutable_bytes().data() + (ky * w[3] + kx) * row_bytes);
      }
    std::vector<Tensor> parts{window, weight};
    if (op.epilogue.bias) parts.push_back(pick(in[2], w[0], {0}, some_out));
    const OperandPositions at = positions_of(op);
    if (at.residual >= 0)
      parts.push_back(pick(in[at.residual], w[0], {pixel}, some_out).reshaped({1, 1, 1, channels}));
    if (at.input_scales >= 0) parts.push_back(in[at.input_scales]);
    samples.add(run(reference(), bare, parts), pick(out, w[0], {pixel}, some_out));
  }
  return samples;
}

Samples sample_of(const Attention& op, const std::vector<Tensor>& in, const Tensor& out) {
  const Shape& q = in[0].shape();
  Samples samples;
  if (op.causal) {
    samples.add(run(reference(), op, in), out);
    return samples;
  }
  const auto some = sample(q[1], 50);
  const auto rows_of = [&](const Tensor& tensor) {  // the sampled queries of each sample
    std::vector<int64_t> rows;
    for (int64_t b = 0; b < q[0]; ++b)
      for (const int64_t row : some) rows.push_back(b * q[1] + row);
    const int64_t width = tensor.shape()[2];
    return pick(tensor, width, rows, range(width))
        .reshaped({q[0], static_cast<int64_t>(some.size()), width});
  };
  samples.add(run(reference(), op, {rows_of(in[0]), in[1], in[2]}), rows_of(out));
  return samples;
}

Samples sample_of(const auto& op, const std::vector<Tensor>& in, const Tensor& out) {
  Samples samples;
  samples.add(run(reference(), op, in), out);
  return samples;
}

Tensor scale_of_inputs() { return make_tensor({1}, std::vector<float>{1.0f / 127}); }

std::vector<Tensor> inputs_of(const Case& one) {
  std::vector<Tensor> inputs;
  for (size_t i = 0; i < one.inputs.size(); ++i) {
    const TensorType& type = one.inputs[i];
    if (type.dtype == DType::i32)
      inputs.push_back(
          ids_tensor(type.shape, std::vector<int32_t>(static_cast<size_t>(type.elements()), 3)));
    else if (is_eight_bits(type.dtype))
      inputs.push_back(run(reference(), Quantize{type.dtype},
                           {random_tensor(type.shape, static_cast<int>(i) + 1), scale_of_inputs()},
                           {false, false}));
    else
      inputs.push_back(random_tensor(type.shape, static_cast<int>(i) + 1));
  }
  return inputs;
}

template <class Wanted>
void check_all() {
  size_t turn = 0, checked = 0;
  for (Case one : distinct_cases(full_size_graphs())) {
    if (!std::holds_alternative<Wanted>(one.op)) continue;
    fuse(one, turn++);
    const auto inputs = inputs_of(one);
    for (const Backend* backend : backends()) {
      if (backend == &reference()) continue;
      const bool in_place = in_place_input(one.op) >= 0 && turn % 4 == 0;
      const Tensor out =
          run(*backend, one.op, inputs, in_place ? Output::in_place : Output::own_memory);
      const Samples samples = sample_of(std::get<Wanted>(one.op), inputs, out);
      EXPECT_TRUE(close(samples.actual, samples.expected, tolerance(*backend, one.op)))
          << backend->name() << ": " << describe(one.op, inputs);
      ++checked;
    }
  }
  EXPECT_GT(checked, 0u) << "the models have no " << Wanted::name;
}

/// On GPUs; elsewhere they are computed as products of float32, which are above.
template <class Product>
void check_all_of_eight_bits() {
  if (!has_gpu(DType::f32)) GTEST_SKIP() << "no GPU here";
  size_t turn = 0;
  for (Case one : distinct_cases(full_size_graphs())) {
    if (!std::holds_alternative<Product>(one.op)) continue;
    fuse(one, turn++);
    const DType type = turn % 2 == 0 ? DType::f8 : DType::i8;
    if (!dequantize<Product>(one, type)) continue;
    auto inputs = inputs_of(one);
    inputs.back() = scale_of_inputs();
    for (const Backend* backend : backends()) {
      if (backend->shares_host_memory() || !has_type(*backend, type)) continue;
      const Samples samples =
          sample_of(std::get<Product>(one.op), inputs, run(*backend, one.op, inputs));
      EXPECT_TRUE(close(samples.actual, samples.expected, tolerance(*backend, one.op)))
          << backend->name() << ": " << describe(one.op, inputs);
    }
  }
}

TEST(FullSize, Activation) { check_all<Activation>(); }
TEST(FullSize, Add) { check_all<Add>(); }
TEST(FullSize, AddScaled) { check_all<AddScaled>(); }
TEST(FullSize, Attention) { check_all<Attention>(); }
TEST(FullSize, Concat) { check_all<Concat>(); }
TEST(FullSize, Conv2d) { check_all<Conv2d>(); }
TEST(FullSize, Conv2dOfEightBits) { check_all_of_eight_bits<Conv2d>(); }
TEST(FullSize, Embedding) { check_all<Embedding>(); }
TEST(FullSize, Expand) { check_all<Expand>(); }
TEST(FullSize, GatedGelu) { check_all<GatedGelu>(); }
TEST(FullSize, GroupNorm) { check_all<GroupNorm>(); }
TEST(FullSize, LayerNorm) { check_all<LayerNorm>(); }
TEST(FullSize, Linear) { check_all<Linear>(); }
TEST(FullSize, LinearOfEightBits) { check_all_of_eight_bits<Linear>(); }
TEST(FullSize, Permute) { check_all<Permute>(); }
TEST(FullSize, Reshape) { check_all<Reshape>(); }
TEST(FullSize, SamplerUpdate) { check_all<SamplerUpdate>(); }
TEST(FullSize, Select) { check_all<Select>(); }
TEST(FullSize, TimestepEmbedding) { check_all<TimestepEmbedding>(); }
TEST(FullSize, ToPixels) { check_all<ToPixels>(); }
TEST(FullSize, Upsample) { check_all<Upsample>(); }

}  // namespace
}  // namespace drypoint
