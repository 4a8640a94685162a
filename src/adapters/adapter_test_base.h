// What the tests of adapters have in common: files of one module's change, and weights to change.
#pragma once

#include <algorithm>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "adapters/adapter.h"
#include "base/file.h"
#include "checkpoint/safetensors.h"
#include "support/test_support.h"

namespace drypoint::testing {

using Tensors = std::map<std::string, Tensor, std::less<>>;

inline Tensor random_tensor(Shape shape, uint32_t seed) {
  std::mt19937 generator(seed);
  Tensor tensor({DType::f32, std::move(shape)});
  for (float& value : tensor.mutable_floats())
    value = static_cast<float>(generator() % 2001) / 1000.0f - 1.0f;
  return tensor;
}

inline Tensor number(float value) { return make_tensor({}, std::vector<float>{value}); }

inline double at(const Tensor& tensor, std::initializer_list<int64_t> index) {
  int64_t place = 0;
  size_t dimension = 0;
  for (const int64_t i : index) place = place * tensor.shape()[dimension++] + i;
  return tensor.floats()[static_cast<size_t>(place)];
}

/// `weight` and what the change adds to it where the model's own is `original`, by four rows.
inline Tensor changed(const WeightChange& change, const Tensor& weight, const Tensor& original,
                      double strength) {
  Tensor result = make_tensor(weight.shape(), weight.floats());
  const WeightRows rows(original);
  const RowsChange add = change.begin(rows, strength);
  const size_t size = rows.row_size(), all = original.floats().size();
  for (size_t at = 0; at < all; at += 4 * size) {
    const size_t count = std::min(4 * size, all - at);
    add(static_cast<int64_t>(at / size), result.mutable_floats().subspan(at, count),
        original.floats().subspan(at, count));
  }
  return result;
}

/// A file's changes to the weight of one module.
class AdapterTest : public ::testing::Test {
 protected:
  static constexpr const char* module_name = "lora_unet_mid_block_resnets_0_conv1";

  std::shared_ptr<const Adapter> read(const Tensors& roles,
                                      const std::map<std::string, std::string>& metadata = {}) {
    Tensors named;
    for (const auto& [role, tensor] : roles) named[std::string(module_name) + "." + role] = tensor;
    const auto path = folder_ / "adapter.safetensors";
    write_safetensors(path, named, metadata);
    return read_adapter(path);
  }
  /// The weight after the only change.
  Tensor apply(const Tensors& roles, const Tensor& weight, double strength) {
    const auto adapter = read(roles);
    EXPECT_EQ(adapter->left, std::vector<std::string>());
    EXPECT_EQ(adapter->changes.size(), 1u);
    const WeightChange& change = *adapter->changes.at(0).change;
    EXPECT_TRUE(change.fits(weight.shape()));
    EXPECT_FALSE(change.fits({weight.shape()[0] + 1, weight.shape()[1] + 1}));
    return changed(change, weight, weight, strength);
  }
  /// weight + strength * delta(o, i, k), of any kernel.
  template <class Delta>
  static Tensor sum(const Tensor& weight, double strength, const Delta& delta) {
    Tensor result = make_tensor(weight.shape(), weight.floats());
    const int64_t inputs = weight.shape()[1],
                  taps = weight.type().elements() / (weight.shape()[0] * inputs);
    for (int64_t j = 0; j < weight.type().elements(); ++j) {
      float& value = result.mutable_floats()[static_cast<size_t>(j)];
      value = static_cast<float>(
          double{value} + strength * delta(j / (inputs * taps), j / taps % inputs, j % taps));
    }
    return result;
  }

  TemporaryFolder folder_;
};

inline void expect_close(const Tensor& actual, const Tensor& expected) {
  EXPECT_EQ(actual.shape(), expected.shape());
  EXPECT_TRUE(close(actual.floats(), expected.floats(), 1e-6));
}

}  // namespace drypoint::testing
