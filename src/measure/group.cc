#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <map>

#include "drypoint/profile.h"

namespace drypoint {
namespace {

/// "model.diffusion_model.input_blocks.4" of "model.diffusion_model.input_blocks.4.1.norm"
std::string block_of(const std::string& module) {
  for (size_t begin = 0; begin < module.size();) {
    const size_t end = std::min(module.find('.', begin), module.size());
    if (std::all_of(module.begin() + static_cast<std::ptrdiff_t>(begin),
                    module.begin() + static_cast<std::ptrdiff_t>(end),
                    [](unsigned char c) { return std::isdigit(c); }))
      return module.substr(0, end);
    begin = end + 1;
  }
  return module;
}

std::string shape_of(const OperationProfile& operation) {
  std::string text = operation.attributes + ":";
  for (const OperandProfile& input : operation.inputs)
    if (input.type.find(',') != std::string::npos) text += " " + input.type;  // no vectors
  return text + " -> " + operation.output;
}

}  // namespace

std::vector<GroupProfile> group(const PartProfile& part, Grouping grouping) {
  std::map<std::string, GroupProfile> groups;
  for (const OperationProfile& operation : part.operations) {
    const std::string name = grouping == Grouping::module ? block_of(operation.module)
                             : grouping == Grouping::kind ? operation.kind
                                                          : shape_of(operation);
    GroupProfile& group = groups[name];
    group.name = name;
    ++group.operations;
    group.seconds += operation.seconds;
    group.flops += operation.flops;
    group.bytes += operation.bytes;
    group.limit_seconds += operation.limit_seconds;
  }
  std::vector<GroupProfile> sorted;
  for (auto& [_, group] : groups) sorted.push_back(std::move(group));
  std::stable_sort(sorted.begin(), sorted.end(),
                   [](const auto& a, const auto& b) { return a.seconds > b.seconds; });
  return sorted;
}

}  // namespace drypoint
