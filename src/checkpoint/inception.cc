#include "checkpoint/inception.h"

#include <fmt/format.h>

#include <array>
#include <cmath>

#include "checkpoint/formats.h"

namespace drypoint {
namespace {

struct Convolution {
  std::string name;
  int64_t in, out, height, width;  // of the filter
};

class List {
 public:
  /// -> `out`, which the next may need
  int64_t add(const std::string& name, int64_t in, int64_t out, int64_t height = 1,
              int64_t width = 1) {
    all_.push_back({block_ + name, in, out, height, width});
    return out;
  }
  void block(const std::string& name) { block_ = name + "."; }
  std::vector<Convolution> take() { return std::move(all_); }

 private:
  std::string block_;
  std::vector<Convolution> all_;
};

/// Blocks of 35x35.
void block_a(List& list, const std::string& name, int64_t in, int64_t pool) {
  list.block(name);
  list.add("branch1x1", in, 64);
  list.add("branch5x5_1", in, 48);
  list.add("branch5x5_2", 48, 64, 5, 5);
  list.add("branch3x3dbl_1", in, 64);
  list.add("branch3x3dbl_2", 64, 96, 3, 3);
  list.add("branch3x3dbl_3", 96, 96, 3, 3);
  list.add("branch_pool", in, pool);
}

/// Blocks of 17x17.
void block_c(List& list, const std::string& name, int64_t width) {
  constexpr int64_t in = 768, out = 192;
  list.block(name);
  list.add("branch1x1", in, out);
  list.add("branch7x7_1", in, width);
  list.add("branch7x7_2", width, width, 1, 7);
  list.add("branch7x7_3", width, out, 7, 1);
  list.add("branch7x7dbl_1", in, width);
  list.add("branch7x7dbl_2", width, width, 7, 1);
  list.add("branch7x7dbl_3", width, width, 1, 7);
  list.add("branch7x7dbl_4", width, width, 7, 1);
  list.add("branch7x7dbl_5", width, out, 1, 7);
  list.add("branch_pool", in, out);
}

/// Blocks of 8x8.
void block_e(List& list, const std::string& name, int64_t in) {
  list.block(name);
  list.add("branch1x1", in, 320);
  list.add("branch3x3_1", in, 384);
  list.add("branch3x3_2a", 384, 384, 1, 3);
  list.add("branch3x3_2b", 384, 384, 3, 1);
  list.add("branch3x3dbl_1", in, 448);
  list.add("branch3x3dbl_2", 448, 384, 3, 3);
  list.add("branch3x3dbl_3a", 384, 384, 1, 3);
  list.add("branch3x3dbl_3b", 384, 384, 3, 1);
  list.add("branch_pool", in, 192);
}

std::vector<Convolution> convolutions() {
  List list;
  list.add("Conv2d_1a_3x3", 3, 32, 3, 3);
  list.add("Conv2d_2a_3x3", 32, 32, 3, 3);
  list.add("Conv2d_2b_3x3", 32, 64, 3, 3);
  list.add("Conv2d_3b_1x1", 64, 80);
  list.add("Conv2d_4a_3x3", 80, 192, 3, 3);
  block_a(list, "Mixed_5b", 192, 32);
  block_a(list, "Mixed_5c", 256, 64);
  block_a(list, "Mixed_5d", 288, 64);
  list.block("Mixed_6a");
  list.add("branch3x3", 288, 384, 3, 3);
  list.add("branch3x3dbl_1", 288, 64);
  list.add("branch3x3dbl_2", 64, 96, 3, 3);
  list.add("branch3x3dbl_3", 96, 96, 3, 3);
  block_c(list, "Mixed_6b", 128);
  block_c(list, "Mixed_6c", 160);
  block_c(list, "Mixed_6d", 160);
  block_c(list, "Mixed_6e", 192);
  list.block("Mixed_7a");
  list.add("branch3x3_1", 768, 192);
  list.add("branch3x3_2", 192, 320, 3, 3);
  list.add("branch7x7x3_1", 768, 192);
  list.add("branch7x7x3_2", 192, 192, 1, 7);
  list.add("branch7x7x3_3", 192, 192, 7, 1);
  list.add("branch7x7x3_4", 192, 192, 3, 3);
  block_e(list, "Mixed_7b", 1280);
  block_e(list, "Mixed_7c", 2048);
  return list.take();
}

/// The norm's (y - mean) / sqrt(variance + 0.001) * scale + shift behind a convolution without
/// bias.
void fold(const NamedTensors& file, const std::string& name, NamedTensors& to) {
  const auto read = [&](const char* tensor) {
    const Tensor& stored = file.at(name + tensor);
    check_finite(name + tensor, stored);
    return stored.to_f32();
  };
  const Tensor weight = read(".conv.weight"), scale = read(".bn.weight"), shift = read(".bn.bias"),
               mean = read(".bn.running_mean"), variance = read(".bn.running_var");
  Tensor folded(weight.type()), bias(scale.type());
  const auto filters = static_cast<size_t>(scale.type().elements());
  const size_t each = weight.floats().size() / filters;
  for (size_t f = 0; f < filters; ++f) {
    const double factor = scale.floats()[f] / std::sqrt(double{variance.floats()[f]} + 0.001);
    for (size_t i = f * each; i < (f + 1) * each; ++i)
      folded.mutable_floats()[i] = static_cast<float>(weight.floats()[i] * factor);
    bias.mutable_floats()[f] = static_cast<float>(shift.floats()[f] - mean.floats()[f] * factor);
  }
  to.tensors[name + ".weight"] = folded;
  to.tensors[name + ".bias"] = bias;
}

}  // namespace

std::vector<TensorSpec> inception_tensors() {
  std::vector<TensorSpec> specs;
  for (const auto& [name, in, out, height, width] : convolutions()) {
    specs.push_back({name + ".conv.weight", {out, in, height, width}});
    for (const char* tensor : {"weight", "bias", "running_mean", "running_var"})
      specs.push_back({fmt::format("{}.bn.{}", name, tensor), {out}});
  }
  return specs;
}

NamedTensors read_inception(const std::filesystem::path& path) {
  const NamedTensors file = read_tensor_file(path).tensors;
  check_complete(file, inception_tensors(), path.string());
  NamedTensors folded;
  for (const Convolution& convolution : convolutions()) fold(file, convolution.name, folded);
  return folded;
}

}  // namespace drypoint
