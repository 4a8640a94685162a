#include "plan_text.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace drypoint::cli {
namespace {

std::vector<std::string> sizes_of(const PlanInfo& info) {
  std::vector<std::string> sizes;
  for (const ImageSize size : info.sizes)
    sizes.push_back(fmt::format("{}x{}", size.height, size.width));
  return sizes;
}

}  // namespace

Json plan_json(const PlanInfo& info) {
  Json json;
  json["layout"] = "plan";
  json["producer"] = info.producer;
  json["device"] = {{"kind", info.device.kind},
                    {"hardware", info.device.hardware},
                    {"name", info.device.name},
                    {"precision", info.device.precision.name()},
                    {"code", info.device.code}};
  json["model"] = info.model;
  json["control"] = info.control;
  json["sizes"] = sizes_of(info);
  json["samples"] = info.samples;
  json["any_size"] = info.any_size;
  json["parts"] = Json::array();
  for (const PlanPart& part : info.parts)
    json["parts"].push_back({{"name", part.name},
                             {"source", part.source},
                             {"tensors", part.tensors},
                             {"parameters", part.parameters}});
  json["has_tokenizer"] = info.has_tokenizer;
  json["choices"] = info.choices;
  json["packed_weights"] = info.packed_weights;
  json["bytes"] = {{"packed", info.packed_bytes},
                   {"checkpoint", info.checkpoint_bytes},
                   {"file", info.file_bytes}};
  return json;
}

void print_plan(const PlanInfo& info) {
  const auto line = [](std::string_view what, const std::string& value) {
    fmt::print("  {:<18} {}\n", what, value);
  };
  fmt::print("plan for {} ({}), {}\n", info.device.kind, info.device.name,
             info.device.precision.name());
  line("hardware", info.device.hardware);
  line("sizes", fmt::format("{}{}", fmt::join(sizes_of(info), ", "),
                            info.any_size ? ", and any other" : ", no others"));
  line("samples", fmt::format("{}", info.samples));
  line("packed weights",
       fmt::format("{}, {:.1f} MiB", info.packed_weights, mib(info.packed_bytes)));
  if (info.checkpoint_bytes)
    line("checkpoint", fmt::format("{:.1f} MiB, for other sizes", mib(info.checkpoint_bytes)));
  if (info.choices) line("choices", fmt::format("{} kernels", info.choices));
  line("file", fmt::format("{:.1f} MiB, by drypoint {}", mib(info.file_bytes), info.producer));
  for (const PlanPart& part : info.parts)
    fmt::print("\n{}: {:.1f} M parameters in {} tensors\n  {:<18} {}\n", part.name,
               static_cast<double>(part.parameters) / 1e6, part.tensors, "from", part.source);
  if (info.has_tokenizer) fmt::print("\nwith its own tokenizer\n");
}

}  // namespace drypoint::cli
