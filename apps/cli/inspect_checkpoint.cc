#include <fmt/format.h>
#include <fmt/ranges.h>

#include "drypoint/inspect.h"
#include "inspect_views.h"
#include "terminal.h"

namespace drypoint::cli {
namespace {

Json to_json(const InspectedModule& module, int depth) {
  Json json{{"name", module.name},
            {"tensors", module.tensors},
            {"parameters", module.parameters},
            {"bytes", module.bytes},
            {"dtypes", module.dtypes}};
  if (depth <= 0) return json;
  json["modules"] = Json::array();
  for (const InspectedModule& below : module.modules)
    json["modules"].push_back(to_json(below, depth - 1));
  json["own"] = Json::array();
  for (const InspectedTensor& tensor : module.own)
    json["own"].push_back({{"name", tensor.name},
                           {"dtype", tensor.dtype},
                           {"shape", tensor.shape},
                           {"bytes", tensor.bytes}});
  return json;
}

Json to_json(const CheckpointInfo& info, int depth) {
  Json json;
  json["layout"] = info.layout;
  json["family"] = info.family;
  json["prediction"] = info.prediction;
  json["zero_terminal_snr"] = info.zero_terminal_snr;
  json["parts"] = Json::array();
  for (const InspectedPart& part : info.parts) {
    Json sizes = Json::object();
    for (const auto& [key, values] : part.sizes) sizes[key] = values;
    json["parts"].push_back({{"name", part.name},
                             {"source", part.source},
                             {"tensors", part.tensors},
                             {"parameters", part.parameters},
                             {"bytes", part.bytes},
                             {"dtypes", part.dtypes},
                             {"sizes", sizes},
                             {"problems", part.problems},
                             {"modules", to_json(part.modules, depth)}});
  }
  json["missing_parts"] = info.missing_parts;
  json["other_tensors"] = info.other_tensors;
  json["has_schedule"] = info.has_schedule;
  json["difference_control"] = info.difference_control;
  json["has_tokenizer"] = info.has_tokenizer;
  json["metadata"] = info.metadata;
  return json;
}

std::string listed(const std::map<std::string, int64_t>& dtypes) {
  std::vector<std::string> names;
  for (const auto& [dtype, count] : dtypes) names.push_back(dtype);
  return fmt::format("{}", fmt::join(names, ", "));
}

void print_tree(const InspectedModule& module, int depth, int level) {
  if (level > depth) return;
  const std::string indent(2 * static_cast<size_t>(level), ' ');
  const auto line = [&](const std::string& name, int64_t parameters, int64_t bytes,
                        const std::string& what) {
    fmt::print("{:<40} {:>12} {:>9.2f} MiB  {}\n", indent + in_one_line(name), parameters,
               mib(bytes), what);
  };
  for (const InspectedModule& below : module.modules) {
    line(below.name, below.parameters, below.bytes, listed(below.dtypes));
    print_tree(below, depth, level + 1);
  }
  for (const InspectedTensor& tensor : module.own) {
    int64_t count = 1;
    for (const int64_t side : tensor.shape) count *= side;
    line(tensor.name, count, tensor.bytes,
         fmt::format("{} [{}]", tensor.dtype, fmt::join(tensor.shape, ", ")));
  }
}

void print_text(const CheckpointInfo& info, int depth) {
  fmt::print("{}\n", info.layout);
  if (!info.family.empty()) fmt::print("{}\n", info.family);
  if (!info.prediction.empty())
    fmt::print("predicts {}{}\n", info.prediction,
               info.zero_terminal_snr ? ", without signal at the last timestep" : "");
  for (const InspectedPart& part : info.parts) {
    fmt::print("\n{}: {:.1f} M parameters in {} tensors, {:.1f} MiB\n", part.name,
               static_cast<double>(part.parameters) / 1e6, part.tensors, mib(part.bytes));
    fmt::print("  {:<18} {}\n", "dtype", listed(part.dtypes));
    for (const auto& [key, values] : part.sizes)
      fmt::print("  {:<18} {}\n", key, fmt::join(values, ", "));
    for (const auto& problem : part.problems) fmt::print("  problem: {}\n", in_one_line(problem));
    if (depth > 0) {
      fmt::print("\n  {:<38} {:>12}\n", part.modules.name, "parameters");
      print_tree(part.modules, depth, 1);
    }
  }
  fmt::print("\n");
  if (!info.missing_parts.empty())
    fmt::print("not inside: {}\n", fmt::join(info.missing_parts, ", "));
  if (info.difference_control)
    fmt::print("the ControlNet holds changes to a base model, which is not supported\n");
  if (info.has_schedule) fmt::print("with the noise schedule's own buffers\n");
  if (info.has_tokenizer) fmt::print("with its own tokenizer\n");
  if (info.other_tensors) fmt::print("{} other tensors\n", info.other_tensors);
}

}  // namespace

void inspect_checkpoint(const std::string& file, int depth, bool json) {
  const CheckpointInfo info = inspect(file);
  if (json)
    print_json(to_json(info, depth < 0 ? 100 : depth));
  else
    print_text(info, depth < 0 ? 1 : depth);
}

}  // namespace drypoint::cli
