#include "drypoint/inspect.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <memory>

#include "commands.h"
#include "terminal.h"

namespace drypoint::cli {
namespace {

struct Options {
  std::string file;
  bool json = false;
};

Json to_json(const CheckpointInfo& info) {
  Json json;
  json["layout"] = info.layout;
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
                             {"problems", part.problems}});
  }
  json["missing_parts"] = info.missing_parts;
  json["other_tensors"] = info.other_tensors;
  json["has_schedule"] = info.has_schedule;
  json["difference_control"] = info.difference_control;
  json["has_tokenizer"] = info.has_tokenizer;
  json["metadata"] = info.metadata;
  return json;
}

void print_text(const CheckpointInfo& info) {
  fmt::print("{}\n", info.layout);
  for (const InspectedPart& part : info.parts) {
    fmt::print("\n{}: {:.1f} M parameters in {} tensors, {:.1f} MiB\n", part.name,
               static_cast<double>(part.parameters) / 1e6, part.tensors,
               static_cast<double>(part.bytes) / (1 << 20));
    std::vector<std::string> dtypes;
    for (const auto& [dtype, count] : part.dtypes) dtypes.push_back(dtype);
    fmt::print("  {:<18} {}\n", "dtype", fmt::join(dtypes, ", "));
    for (const auto& [key, values] : part.sizes)
      fmt::print("  {:<18} {}\n", key, fmt::join(values, ", "));
    for (const auto& problem : part.problems) fmt::print("  problem: {}\n", problem);
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

void run(const Options& options) {
  const CheckpointInfo info = inspect(options.file);
  if (options.json)
    print_json(to_json(info));
  else
    print_text(info);
}

}  // namespace

void add_inspect(CLI::App& program) {
  auto* command = program.add_subcommand(
      "inspect", "Say what a checkpoint is: layout, parts, sizes, what is missing");
  auto o = std::make_shared<Options>();
  command->add_option("FILE", o->file, "Checkpoint file or diffusers folder")->required();
  command->add_flag("--json", o->json, "Print the result as JSON");
  command->callback([o] { run(*o); });
}

}  // namespace drypoint::cli
