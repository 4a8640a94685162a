#include "models/inception_weights.h"

#include <fmt/format.h>

#include <cmath>

#include "checkpoint/formats.h"
#include "models/complete.h"
#include "models/inception.h"

namespace drypoint {
namespace {

/// "Mixed_5b.branch1x1" and the shape of its filter, for each convolution of the network.
std::vector<TensorSpec> convolutions() {
  constexpr std::string_view filter = ".weight";
  std::vector<TensorSpec> specs;
  for (TensorSpec& spec : weights_of(build_inception(1)))
    if (spec.name.ends_with(filter)) {
      spec.name.resize(spec.name.size() - filter.size());
      specs.push_back(std::move(spec));
    }
  return specs;
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
  for (const auto& [name, filter] : convolutions()) {
    specs.push_back({name + ".conv.weight", filter});
    for (const char* tensor : {"weight", "bias", "running_mean", "running_var"})
      specs.push_back({fmt::format("{}.bn.{}", name, tensor), {filter[0]}});
  }
  return specs;
}

NamedTensors read_inception(const std::filesystem::path& path) {
  const NamedTensors file = read_tensor_file(path).tensors;
  check_complete(file, inception_tensors(), path.string());
  NamedTensors folded;
  for (const TensorSpec& convolution : convolutions()) fold(file, convolution.name, folded);
  return folded;
}

}  // namespace drypoint
