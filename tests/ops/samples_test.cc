// A sample's result does not depend on the samples beside it, to the last bit.
#include <cstring>

#include "support/op_runner.h"

namespace drypoint {
namespace {

using namespace drypoint::testing;

/// Sample `i` of [N, ...].
Tensor sample(const Tensor& all, int64_t i) {
  Shape shape = all.shape();
  const size_t bytes = all.bytes().size() / static_cast<size_t>(shape[0]);
  shape[0] = 1;
  Tensor one({all.dtype(), shape});
  std::memcpy(one.mutable_bytes().data(), all.bytes().data() + static_cast<size_t>(i) * bytes,
              bytes);
  return one;
}

/// Runs `op` for all samples together and for each alone; `of_samples` says which inputs have them.
void compare_samples(const Op& op, const std::vector<Tensor>& inputs,
                     const std::vector<size_t>& of_samples) {
  for (const Backend* backend : backends()) {
    SCOPED_TRACE(backend->name() + ": " + describe(op, inputs));
    const Tensor together =
        run(*backend, op, inputs, Output::own_memory, inputs[of_samples[0]].shape()[0]);
    for (int64_t i = 0; i < together.shape()[0]; ++i) {
      std::vector<Tensor> own = inputs;
      for (const size_t input : of_samples) own[input] = sample(inputs[input], i);
      const Tensor alone = run(*backend, op, own), expected = sample(together, i);
      EXPECT_TRUE(std::ranges::equal(alone.bytes(), expected.bytes())) << "sample " << i;
    }
  }
}

TEST(Samples, Conv2d) {
  struct Case {
    int64_t height, width, in, out, filter, stride;
  };
  for (const Case& c : {Case{8, 8, 32, 32, 3, 1},
                        {4, 4, 32, 64, 3, 1},
                        {4, 6, 96, 32, 3, 1},
                        {9, 13, 40, 36, 3, 1},
                        {16, 24, 64, 32, 3, 2},
                        {7, 9, 3, 16, 3, 1},
                        {6, 10, 64, 4, 3, 1},
                        {1, 1, 64, 64, 3, 1},
                        {5, 5, 32, 32, 1, 1}}) {
    const int64_t pad = c.filter / 2, height = (c.height + 2 * pad - c.filter) / c.stride + 1,
                  width = (c.width + 2 * pad - c.filter) / c.stride + 1;
    compare_samples(Conv2d{.stride = c.stride,
                           .top = pad,
                           .left = pad,
                           .bottom = pad,
                           .right = pad,
                           .epilogue = {.residual = true, .activation = ActivationKind::silu}},
                    {random_tensor({5, c.height, c.width, c.in}, 1),
                     random_tensor({c.out, c.in, c.filter, c.filter}, 2), random_tensor({c.out}, 3),
                     random_tensor({5, height, width, c.out}, 4)},
                    {0, 3});
  }
}

TEST(Samples, Linear) {
  for (const int64_t rows : {1, 2, 7, 24, 77, 150})
    for (const int64_t depth : {64, 320, 1280})
      compare_samples(Linear{.epilogue = {.residual = true}},
                      {random_tensor({5, rows, depth}, 1), random_tensor({200, depth}, 2),
                       random_tensor({200}, 3), random_tensor({5, rows, 200}, 4)},
                      {0, 3});
}

TEST(Samples, Attention) {
  for (const int64_t keys : {24, 77, 384})
    compare_samples(Attention{.heads = 4, .head_size = 40},
                    {random_tensor({5, 96, 160}, 1), random_tensor({5, keys, 160}, 2),
                     random_tensor({5, keys, 160}, 3)},
                    {0, 1, 2});
}

TEST(Samples, Norms) {
  for (const int64_t side : {1, 8, 24})
    compare_samples(
        GroupNorm{.groups = 32, .epsilon = 1e-5f, .activation = ActivationKind::silu},
        {random_tensor({5, side, side + 1, 64}, 1), random_tensor({64}, 2), random_tensor({64}, 3)},
        {0});
  compare_samples(
      LayerNorm{.epsilon = 1e-5f},
      {random_tensor({5, 77, 320}, 1), random_tensor({320}, 2), random_tensor({320}, 3)}, {0});
}

}  // namespace
}  // namespace drypoint
