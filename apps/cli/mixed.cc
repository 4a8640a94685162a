#include "mixed.h"

#include <fmt/format.h>

#include <algorithm>

namespace drypoint::cli {
namespace {

bool is_kept(const FoundMixed& found, const ComparedModule& module) {
  return !module.rounded || std::ranges::count(found.measured->kept, module.name) > 0;
}

}  // namespace

FoundMixed find_with_progress(const MixedOptions& options) {
  ProgressLine line;
  return drypoint::find_mixed(options,
                              {[&](const std::string& doing) { line.show(doing); }, interrupted});
}

std::string mixed_notice(const FoundMixed& found, double quality) {
  const std::string begin =
      fmt::format("precision: mixed:{} is {}", quality, found.pipeline.precision.name());
  if (!found.measured) return begin + " as the calibration says";
  double rounded = 0, all = 0;
  for (const ComparedModule& module : found.measured->comparison.modules) {
    all += module.gain;
    if (!is_kept(found, module)) rounded += module.gain;
  }
  return fmt::format(
      "{} for {:.1f} of the {:.1f} % of a step that can be; {} modules stay; {:.1f} dB", begin,
      100 * rounded, 100 * all, found.measured->kept.size(), found.measured->psnr);
}

void print_mixed_table(const FoundMixed& found) {
  if (!found.measured) return;
  fmt::print(stderr, "{:>9} {:>8}  module\n", "error", "gain");
  for (const ComparedModule& module : found.measured->comparison.modules)
    fmt::print(stderr, "{:>9.5f} {:>7.3f}%  {}{}\n", module.worst, 100 * module.gain,
               in_one_line(module.name), is_kept(found, module) ? " (stays)" : "");
}

Json mixed_json(const FoundMixed& found) {
  Json json{{"precision", found.pipeline.precision.name()}};
  if (!found.measured) return json;
  json["psnr"] = found.measured->psnr;
  json["kept"] = found.measured->kept;
  for (const Trial& trial : found.measured->trials)
    json["trials"].push_back({{"kept", trial.kept}, {"psnr", trial.psnr}});
  for (const ComparedModule& module : found.measured->comparison.modules)
    json["modules"].push_back({{"name", module.name},
                               {"error", module.worst},
                               {"gain", module.gain},
                               {"kept", is_kept(found, module)}});
  return json;
}

}  // namespace drypoint::cli
