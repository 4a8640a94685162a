#include "inspect/module_tree.h"

#include <algorithm>

#include "models/complete.h"

namespace drypoint {
namespace {

bool is_number(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(),
                                      [](unsigned char c) { return c >= '0' && c <= '9'; });
}

/// Numbers by value, before words.
bool comes_before(const std::string& a, const std::string& b) {
  if (is_number(a) && is_number(b) && a.size() != b.size()) return a.size() < b.size();
  return a < b;
}

/// Tensors come in the order of their names, so that those of one module follow each other: a
/// module that is there already is the last one.
InspectedModule& child(InspectedModule& parent, std::string_view name) {
  if (!parent.modules.empty() && parent.modules.back().name == name) return parent.modules.back();
  parent.modules.emplace_back().name = name;
  return parent.modules.back();
}

void count(InspectedModule& module, const TensorType& type) {
  ++module.tensors;
  module.parameters += type.elements();
  module.bytes += static_cast<int64_t>(type.bytes());
  module.dtypes[std::string(name(type.dtype))] += type.elements();
}

void sort(InspectedModule& module) {
  std::stable_sort(module.modules.begin(), module.modules.end(),
                   [](const auto& a, const auto& b) { return comes_before(a.name, b.name); });
  for (InspectedModule& below : module.modules) sort(below);
}

/// Deeper than any model's names; what is below is one name. Trees are walked by recursion, and a
/// hostile file's names may be all dots.
constexpr int most_levels = 24;

}  // namespace

InspectedModule module_tree(const NamedTensors& tensors, std::string_view prefix) {
  InspectedModule root;
  root.name = prefix.substr(0, prefix.size() - prefix.ends_with('.'));
  for (auto it = tensors.tensors.lower_bound(prefix);
       it != tensors.tensors.end() && it->first.starts_with(prefix); ++it) {
    const TensorType& type = it->second.type();
    if (!can_be_weight(type.dtype)) continue;  // position_ids and the like
    std::string_view rest = std::string_view(it->first).substr(prefix.size());
    InspectedModule* module = &root;
    count(root, type);
    for (int level = 0; level < most_levels; ++level) {
      const size_t dot = rest.find('.');
      if (dot == rest.npos) break;
      module = &child(*module, rest.substr(0, dot));
      count(*module, type);
      rest = rest.substr(dot + 1);
    }
    module->own.push_back({std::string(rest), std::string(name(type.dtype)), type.shape,
                           static_cast<int64_t>(type.bytes())});
  }
  sort(root);
  return root;
}

std::string block_of(std::string_view name) {
  size_t begin = 0;
  for (size_t dot = name.find('.'); begin < name.size(); dot = name.find('.', begin)) {
    const size_t end = std::min(dot, name.size());
    if (is_number(name.substr(begin, end - begin))) return std::string(name.substr(0, end));
    if (dot == name.npos) break;
    begin = dot + 1;
  }
  return std::string(name.substr(0, begin > 0 ? begin - 1 : name.size()));
}

bool lies_in(std::string_view name, std::string_view module) {
  return name.starts_with(module) && (name.size() == module.size() || module.empty() ||
                                      module.back() == '.' || name[module.size()] == '.');
}

}  // namespace drypoint
