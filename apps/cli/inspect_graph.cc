#include "drypoint/inspect_graph.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "drypoint/output.h"
#include "inspect_views.h"
#include "options.h"
#include "terminal.h"

namespace drypoint::cli {
namespace {

namespace fs = std::filesystem;

constexpr std::array<const char*, 3> rates = {"load", "picture", "step"};

bool lies_in(const std::string& name, const std::string& module) {
  return module.empty() || name == module || name.starts_with(module + ".");
}

Json to_json(const RateCounts& counts) {
  return {{"load", counts[0]}, {"picture", counts[1]}, {"step", counts[2]}};
}

Json to_json(const InspectedPass& pass) {
  Json json{{"name", pass.name},
            {"after", to_json(pass.after)},
            {"kinds", pass.kinds},
            {"changes", Json::array()}};
  for (const PassChange& change : pass.changes) {
    Json one{{"what", change.what},
             {"kind", change.kind},
             {"module", change.module},
             {"count", change.count}};
    if (!change.detail.empty()) one["detail"] = change.detail;
    json["changes"].push_back(std::move(one));
  }
  return json;
}

Json to_json(const InspectedOperation& operation) {
  Json measured = Json::array();
  for (const auto& kernel : operation.measured)
    measured.push_back({{"kernel", kernel.name}, {"microseconds", kernel.microseconds}});
  return {{"rate", operation.rate},       {"operation", operation.text},
          {"kind", operation.kind},       {"module", operation.module},
          {"inputs", operation.inputs},   {"result", operation.result},
          {"passes", operation.passes},   {"kernel", operation.kernel},
          {"layouts", operation.layouts}, {"measured", measured}};
}

Json to_json(const MemoryMap& memory) {
  Json json{{"kept_bytes", memory.kept_bytes},
            {"scratch_bytes", memory.scratch_bytes},
            {"workspace_bytes", memory.workspace_bytes},
            {"picture_operations", memory.picture_operations},
            {"peak", memory.peak},
            {"in_use", memory.in_use},
            {"blocks", Json::array()}};
  for (const MemoryBlock& block : memory.blocks)
    json["blocks"].push_back({{"name", block.name},
                              {"kind", block.kind},
                              {"type", block.type},
                              {"kept", block.kept},
                              {"offset", block.offset},
                              {"bytes", block.bytes},
                              {"first", block.first},
                              {"last", block.last}});
  return json;
}

Json to_json(const InspectedGraph& graph, const std::vector<std::string>& notices) {
  Json json{
      {"part", graph.part},      {"device", graph.device},      {"precision", graph.precision},
      {"passes", Json::array()}, {"operations", Json::array()}, {"memory", to_json(graph.memory)},
      {"notices", notices}};
  for (const auto& pass : graph.passes) json["passes"].push_back(to_json(pass));
  for (const auto& operation : graph.operations) json["operations"].push_back(to_json(operation));
  return json;
}

std::string summary(const InspectedPass& pass) {
  std::vector<std::string> parts;
  for (const auto& [kind, more] : pass.kinds) parts.push_back(fmt::format("{} {:+}", kind, more));
  int64_t changed = 0;
  std::map<std::string, int64_t> moved;
  for (const PassChange& change : pass.changes) {
    if (change.what == "changed") changed += change.count;
    if (change.what == "moved") moved[change.detail] += change.count;
  }
  if (changed) parts.push_back(fmt::format("{} changed", changed));
  for (const auto& [way, count] : moved) parts.push_back(fmt::format("{} from {}", count, way));
  return pass.name == "built" ? "" : fmt::format("{}", fmt::join(parts, ", "));
}

void print_row(const std::string& name, const RateCounts& counts, const std::string& what) {
  fmt::print("{:<18} {:>6} {:>8} {:>6}{}{}\n", name, counts[0], counts[1], counts[2],
             what.empty() ? "" : "  ", what);
}

void print_passes(const InspectedGraph& graph) {
  fmt::print("{:<18} {:>6} {:>8} {:>6}  operations\n", "after", rates[0], rates[1], rates[2]);
  for (const InspectedPass& pass : graph.passes) print_row(pass.name, pass.after, summary(pass));
}

void print_pass(const InspectedPass& pass, const std::string& module) {
  fmt::print("\nwhat {} did\n", pass.name);
  for (const PassChange& change : pass.changes)
    if (lies_in(change.module, module))
      fmt::print("  {:<8} {:>3} {:<18} {}{}{}\n", change.what, change.count, change.kind,
                 change.module, change.detail.empty() ? "" : ": ", change.detail);
}

void print_kinds(const InspectedGraph& graph) {
  struct Row {
    RateCounts counts{};
    std::map<std::string, int> kernels;
  };
  std::map<std::string, Row> rows;
  Row all;
  for (const auto& operation : graph.operations) {
    const auto rate = std::find(rates.begin(), rates.end(), operation.rate) - rates.begin();
    for (Row* row : {&rows[operation.kind], &all}) ++row->counts[static_cast<size_t>(rate)];
    if (!operation.kernel.empty()) ++rows[operation.kind].kernels[operation.kernel];
  }
  fmt::print("\n{:<18} {:>6} {:>8} {:>6}  kernels\n", "operation", rates[0], rates[1], rates[2]);
  for (const auto& [kind, row] : rows) {
    std::vector<std::string> kernels;
    for (const auto& [kernel, count] : row.kernels)
      kernels.push_back(fmt::format("{} {}", count, kernel));
    print_row(kind, row.counts, fmt::format("{}", fmt::join(kernels, ", ")));
  }
  print_row("all", all.counts, "");
}

void print_operations(const InspectedGraph& graph, const std::string& module) {
  fmt::print("\n");
  for (const auto& operation : graph.operations) {
    if (!lies_in(operation.module, module)) continue;
    fmt::print("{:<8} {} {} # {}", operation.rate, operation.result, operation.text,
               operation.module);
    if (!operation.kernel.empty()) fmt::print(" [{}]", operation.kernel);
    std::vector<std::string> measured;
    for (const auto& kernel : operation.measured)
      if (measured.size() < 3)
        measured.push_back(fmt::format("{} {:.4g} us", kernel.name, kernel.microseconds));
    if (!measured.empty()) fmt::print(" ({})", fmt::join(measured, ", "));
    if (!operation.passes.empty()) fmt::print(" <- {}", fmt::join(operation.passes, ", "));
    fmt::print("\n");
  }
}

/// What is in use of scratch from the first operation to the last, in blocks of eighths.
void print_curve(const MemoryMap& memory) {
  constexpr size_t columns = 72;
  constexpr int lines = 6;
  static constexpr std::array<const char*, 9> eighths = {" ", "▁", "▂", "▃", "▄",
                                                         "▅", "▆", "▇", "█"};
  const size_t count = memory.in_use.size(), width = std::min(columns, count);
  const int64_t top = memory.scratch_bytes;
  if (width == 0 || top == 0) return;
  for (int line = lines - 1; line >= 0; --line) {
    std::string text;
    for (size_t column = 0; column < width; ++column) {
      const auto first = memory.in_use.begin() + static_cast<ptrdiff_t>(column * count / width);
      const auto last =
          memory.in_use.begin() + static_cast<ptrdiff_t>((column + 1) * count / width);
      const double filled = 8.0 * lines * static_cast<double>(*std::max_element(first, last)) /
                            static_cast<double>(top);
      text += eighths[static_cast<size_t>(std::clamp(filled - 8.0 * line + 0.5, 0.0, 8.0))];
    }
    fmt::print("{:>9} {}\n", line == lines - 1 ? fmt::format("{:.4g} MiB", mib(top)) : "", text);
  }
  const auto picture = static_cast<size_t>(memory.picture_operations) * width / count;
  fmt::print("{:>9} {}{}\n", "",
             picture >= 8 ? fmt::format("{:<{}}", "picture", picture) : std::string(picture, ' '),
             picture < width ? "step" : "");
}

void print_memory(const MemoryMap& memory) {
  fmt::print("\nmemory: kept {:.2f} MiB, scratch {:.2f} MiB", mib(memory.kept_bytes),
             mib(memory.scratch_bytes));
  if (memory.workspace_bytes) fmt::print(", workspace {:.2f} MiB", mib(memory.workspace_bytes));
  if (!memory.in_use.empty())
    fmt::print("\nmost in use at once: {:.2f} MiB of scratch, in {}",
               mib(memory.in_use[static_cast<size_t>(memory.peak)]),
               memory.operations[static_cast<size_t>(memory.peak)]);
  fmt::print("\n");
  print_curve(memory);
}

const InspectedPass* find_pass(const InspectedGraph& graph, const std::string& name) {
  if (name.empty()) return nullptr;
  std::vector<std::string> known;
  for (const InspectedPass& pass : graph.passes) {
    if (pass.name == name) return &pass;
    known.push_back(pass.name);
  }
  bad_option(fmt::format("--pass: \"{}\", expected one of {}", name, fmt::join(known, ", ")));
}

}  // namespace

void inspect_graph(GraphCommand command) {
  std::vector<std::string> notices;
  if (command.view.before && command.graph_file.empty())
    bad_option("--before: only with --graph, which it draws");
  if (!command.view.module.empty() && command.graph_file.empty() && !command.operations &&
      command.pass.empty())
    bad_option("--module: only with --graph, --operations or --pass, of which it shows a part");
  command.graph.size = command.size.size({.width = 512, .height = 512});
  if (!command.graph_file.empty())
    check_file_output("--graph", command.graph_file, {".svg", ".dot"});
  if (!command.memory_file.empty()) check_file_output("--memory", command.memory_file, {".svg"});
  check_files_differ({{"--graph", command.graph_file}, {"--memory", command.memory_file}});
  const GraphInspection inspection(command.model.files(notices, "looking at"), command.graph);
  const InspectedGraph& graph = inspection.result();
  const InspectedPass* pass = find_pass(graph, command.pass);
  const std::string& module = command.view.module;
  if (std::none_of(graph.operations.begin(), graph.operations.end(),
                   [&](const auto& operation) { return lies_in(operation.module, module); }) &&
      !command.view.before)
    bad_option(fmt::format("--module: \"{}\", expected a module of the {}, such as {}", module,
                           graph.part, graph.operations.back().module));
  notices.insert(notices.end(), graph.notices.begin(), graph.notices.end());
  OutputSet outputs;
  if (const fs::path file = command.graph_file; !file.empty())
    outputs.add(
        file, inspection.draw_graph(
                  file.extension() == ".dot" ? GraphFormat::dot : GraphFormat::svg, command.view));
  if (!command.memory_file.empty()) outputs.add(command.memory_file, inspection.draw_memory());
  outputs.commit();
  for (const auto& notice : notices) print_notice(notice);
  if (command.json) return print_json(to_json(graph, notices));
  print_passes(graph);
  if (pass) print_pass(*pass, module);
  print_kinds(graph);
  if (command.operations) print_operations(graph, module);
  print_memory(graph.memory);
}

}  // namespace drypoint::cli
