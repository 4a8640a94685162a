#include "models/network_file.h"

#include <algorithm>

#include "base/error.h"
#include "base/utf8.h"
#include "models/complete.h"

namespace drypoint {

int64_t filters_of(const NamedTensors& tensors, std::string_view weight) {
  const Tensor* found = tensors.find(weight);
  return found && !found->shape().empty() ? found->shape()[0] : 0;
}

void drop_prefix(NamedTensors& tensors, std::string_view prefix) {
  std::map<std::string, Tensor, std::less<>> renamed;
  for (auto& [name, tensor] : tensors.tensors)
    renamed[name.starts_with(prefix) ? name.substr(prefix.size()) : name] = tensor;
  tensors.tensors = std::move(renamed);
}

void refuse_network(const NamedTensors& tensors, const std::string& file, std::string_view what,
                    std::string_view first) {
  fail(ErrorKind::unsupported, "{}: holds no {}, whose tensors begin with {}; the first is {}",
       file, what, first,
       tensors.tensors.empty() ? "-" : printable(tensors.tensors.begin()->first));
}

std::vector<TensorSpec> stored_tensors(const std::vector<TensorSpec>& taken,
                                       const std::vector<StoredLayer>& layers) {
  TensorShapes shapes;
  for (const auto& [name, shape] : taken) shapes[name] = shape;
  for (const StoredLayer& layer : layers) layer.restore(shapes);
  std::vector<TensorSpec> stored;
  for (const auto& [name, shape] : shapes) stored.push_back({name, shape});
  return stored;
}

void expect_exactly(const NamedTensors& tensors, const std::vector<TensorSpec>& needed,
                    const std::string& file, std::string_view what) {
  check_complete(tensors, needed, file);
  for (const auto& [name, _] : tensors.tensors)
    if (std::ranges::find(needed, name, &TensorSpec::name) == needed.end())
      fail(ErrorKind::unsupported, "{}: tensor {}: is of no use in {}", file, printable(name),
           what);
}

}  // namespace drypoint
