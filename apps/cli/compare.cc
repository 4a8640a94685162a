#include "drypoint/compare.h"

#include <fmt/format.h>

#include <memory>
#include <numeric>

#include "commands.h"
#include "device_options.h"
#include "drawing_options.h"
#include "drypoint/output.h"
#include "model_options.h"
#include "options.h"
#include "terminal.h"

namespace drypoint::cli {
namespace {

struct CompareArguments {
  ModelOptions model;
  DeviceOptions device;
  DrawingOptions drawings;
  std::string a = "fp32", b = "fp8", html;
  int looked_at = 3, shown = 20;
  double bisect = 0;
  bool json = false;
};

Json to_json(const PrecisionComparison& found) {
  Json json{{"model", found.model}, {"device_a", found.device_a}, {"device_b", found.device_b},
            {"psnr", found.psnr},   {"steps", found.steps},       {"modules", Json::array()}};
  for (const ComparedModule& module : found.modules)
    json["modules"].push_back({{"name", module.name},
                               {"errors", module.errors},
                               {"worst", module.worst},
                               {"saturation", module.saturation},
                               {"gain", module.gain},
                               {"rounded", module.rounded}});
  return json;
}

void print_table(const PrecisionComparison& found, int shown) {
  fmt::print("{:>9} {:>8}", "worst", "cut");
  for (const int step : found.steps) fmt::print(" {:>9}", fmt::format("step {}", step + 1));
  fmt::print("  module\n");
  for (const ComparedModule& module : found.modules) {
    if (shown-- == 0) break;
    fmt::print("{:>9.5f} {:>7.3f}%", module.worst, 100 * module.saturation);
    for (const double error : module.errors) fmt::print(" {:>9.5f}", error);
    fmt::print("  {}{}\n", in_one_line(module.name), module.rounded ? "" : " (as it is)");
  }
  const double mean = std::accumulate(found.psnr.begin(), found.psnr.end(), 0.0) /
                      static_cast<double>(found.psnr.size());
  fmt::print("PSNR of the pictures: {:.2f} dB\n", mean);
}

void run(const CompareArguments& options) {
  if (!options.html.empty()) check_file_output("--html", options.html, {".html"});
  std::vector<std::string> notices;
  ComparisonOptions compare{.files = options.model.files(notices, "comparing with"),
                            .a = options.device.pipeline_options(),
                            .b = options.device.pipeline_options(),
                            .pictures = options.drawings.pictures(),
                            .prompts = options.drawings.prompts(),
                            .count = options.drawings.count(),
                            .steps = options.looked_at};
  compare.a.precision = options.a;
  compare.b.precision = options.b;
  compare.request = options.drawings.request(
      Model(files_without_eight_bits(compare.files), compare.a).defaults());
  PrecisionComparison found;
  KeptModules kept;
  {
    ProgressLine line;
    const ComparisonCallbacks callbacks{
        [&](const ComparisonProgress& progress) { line.show(progress.what); }, interrupted};
    if (options.bisect > 0) {
      kept = find_kept(compare, options.bisect, callbacks);
      found = kept.comparison;
    } else {
      found = drypoint::compare(compare, callbacks);
    }
  }
  notices.insert(notices.end(), found.notices.begin(), found.notices.end());
  for (const auto& notice : notices) print_notice(notice);
  OutputSet outputs;
  if (!options.html.empty()) outputs.add(options.html, comparison_page(found));
  outputs.commit();
  if (options.json) {
    Json json = to_json(found);
    if (options.bisect > 0) json["bisection"] = {{"kept", kept.kept}, {"psnr", kept.psnr}};
    json["notices"] = notices;
    return print_json(json);
  }
  print_table(found, options.shown);
  if (options.bisect == 0) return;
  for (const Trial& trial : kept.trials)
    fmt::print("{:>5} kept: {:.2f} dB\n", trial.kept, trial.psnr);
  fmt::print("to keep for {} dB:\n", options.bisect);
  for (const std::string& module : kept.kept) fmt::print("  {}\n", in_one_line(module));
}

}  // namespace

void add_compare(CLI::App& program) {
  auto* command = program.add_subcommand(
      "compare", "Show which of the denoiser's products another precision harms");
  auto o = std::make_shared<CompareArguments>();
  o->drawings.add_to(*command);
  o->model.add_to(*command, /*plans=*/false);
  o->model.add_loras_to(*command);
  o->model.add_details_to(*command);
  command->add_option("--a", o->a, "The precision that is trusted")->capture_default_str();
  command->add_option("--b", o->b, "The other")->capture_default_str();
  command->add_option("--look-at", o->looked_at, "Steps that are looked at, 1 to 32")
      ->check(whole_number())
      ->capture_default_str();
  command->add_option("--show", o->shown, "Modules in the table, the worst first; -1: all")
      ->capture_default_str();
  command->add_option("--bisect", o->bisect,
                      "Also find the fewest modules that must stay as they are for\n"
                      "pictures of this mean PSNR, in dB");
  o->device.add_to(*command);
  command->add_option("--html", o->html, "Page to write, with a plot of each module (.html)")
      ->transform(output_path());
  command->add_flag("--json", o->json, "Print the result as JSON");
  command->footer(
      "At the steps that are looked at, both begin with the same latents. An error is the root "
      "mean\n"
      "square of what a product's result is off, over that of the result.\n\n"
      "  drypoint compare photos/ -m sd15.safetensors --a fp32 --b fp8 \\\n"
      "      --calibration sd15.calibration.safetensors --html compare.html\n"
      "  drypoint compare photos/ -m sd15.safetensors --b int8 --bisect 32\n");
  command->callback([o] { run(*o); });
}

}  // namespace drypoint::cli
