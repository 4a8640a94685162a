#include "models/inception_weights.h"

#include <fmt/format.h>

#include "checkpoint/formats.h"
#include "models/complete.h"
#include "models/inception.h"
#include "models/weight_folding.h"

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

/// With the norm behind it, whose epsilon is 0.001, in the convolution.
void fold(const NamedTensors& file, const std::string& name, NamedTensors& to) {
  const auto take = [&](const std::string& tensor, const std::string& as) {
    const Tensor& stored = file.at(name + tensor);
    check_finite(name + tensor, stored);
    to.tensors[name + as] = stored;
  };
  take(".conv.weight", ".weight");
  for (const char* tensor : {".bn.weight", ".bn.bias", ".bn.running_mean", ".bn.running_var"})
    take(tensor, tensor);
  fold_batch_norm(to, name, name + ".bn", 0.001);
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
