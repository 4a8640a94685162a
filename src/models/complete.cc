#include "models/complete.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/error.h"
#include "base/utf8.h"
#include "models/clip.h"
#include "models/controlnet.h"
#include "models/t2i_adapter.h"
#include "models/unet.h"
#include "models/vae.h"

namespace drypoint {

std::vector<TensorSpec> tensors_of(const ControlConfig& config, size_t number) {
  return std::visit([&](const auto& one) { return tensors_of(one, number); }, config);
}

std::vector<TensorSpec> tensors_of(const ModelConfig& config) {
  std::vector<TensorSpec> all = tensors_of(config.unet);
  const auto add = [&](const std::vector<TensorSpec>& more) {
    all.insert(all.end(), more.begin(), more.end());
  };
  for (size_t i = 0; i < config.controls.size(); ++i) add(tensors_of(config.controls[i], i));
  add(tensors_of(config.vae));
  add(tensors_of(config.text));
  return all;
}

std::vector<std::string> problems(const NamedTensors& tensors,
                                  const std::vector<TensorSpec>& needed) {
  std::vector<std::string> found;
  for (const auto& [name, shape] : needed) {
    const Tensor* tensor = tensors.find(name);
    const auto unusable = tensors.unusable.find(name);
    const auto foreign = tensors.foreign.find(name);
    if (foreign != tensors.foreign.end())
      found.push_back(fmt::format("tensor {}: found {}, expected floating-point {}", name,
                                  foreign->second, to_string(shape)));
    else if (!tensor && unusable != tensors.unusable.end())
      found.push_back(fmt::format("tensor {}: found {}, expected a tensor {}", name,
                                  unusable->second, to_string(shape)));
    else if (!tensor)
      found.push_back(fmt::format("tensor {}: missing", name));
    else if (tensor->shape() != shape || !can_be_weight(tensor->dtype()))
      found.push_back(fmt::format("tensor {}: found {}, expected floating-point {}", name,
                                  to_string(tensor->type()), to_string(shape)));
  }
  return found;
}

void check_used(const NamedTensors& tensors, const std::vector<TensorSpec>& needed, Part part,
                const std::string& file,
                const std::function<bool(std::string_view relative)>& harmless) {
  std::vector<std::string_view> names;
  for (const auto& spec : needed) names.push_back(spec.name);
  std::ranges::sort(names);
  const auto prefix = prefix_of(part);
  std::string first;
  size_t count = 0;
  const auto look = [&](const auto& map) {
    for (auto it = map.lower_bound(prefix); it != map.end() && it->first.starts_with(prefix); ++it)
      if (!std::ranges::binary_search(names, std::string_view(it->first)) &&
          !harmless(std::string_view(it->first).substr(prefix.size())) && count++ == 0)
        first = it->first;
  };
  look(tensors.tensors);
  look(tensors.foreign);
  if (count > 0)
    fail(ErrorKind::unsupported, "{}: tensor {}: is of no use in a {} known here{}", file,
         printable(first), name_of(part),
         count > 1 ? fmt::format(" (and {} more tensors)", count - 1) : "");
}

void check_complete(const NamedTensors& tensors, const std::vector<TensorSpec>& needed,
                    const std::string& file) {
  for (const auto& [name, _] : needed)
    if (const auto foreign = tensors.foreign.find(name); foreign != tensors.foreign.end())
      fail(ErrorKind::unsupported,
           "{}: tensor {}: found {}, an element type that is not supported; expected F32, F16 or "
           "BF16",
           file, name, foreign->second);
  const auto found = problems(tensors, needed);
  if (found.empty()) return;
  if (found.size() == 1) fail(ErrorKind::bad_file, "{}: {}", file, found[0]);
  fail(ErrorKind::bad_file, "{}: {} (and {} more tensors are missing or misshapen)", file, found[0],
       found.size() - 1);
}

}  // namespace drypoint
