#include "drypoint/calibrate.h"

#include <fmt/format.h>

#include <memory>

#include "commands.h"
#include "device_options.h"
#include "drawing_options.h"
#include "drypoint/compare.h"
#include "drypoint/output.h"
#include "model_options.h"
#include "options.h"
#include "terminal.h"

namespace drypoint::cli {
namespace {

struct CalibrateArguments {
  ModelOptions model;
  DeviceOptions device;
  DrawingOptions drawings;
  CalibrationOptions calibration;
  std::string method = "max", output, keep_for;
  double quality = 0;
  bool json = false;
};

/// Finds the modules that must stay, and adds them to the file.
Json keep_worst(const CalibrateArguments& options, const CalibrationOptions& calibration,
                ProgressLine& line) {
  ComparisonOptions compare{.files = calibration.files,
                            .a = calibration.pipeline,
                            .b = calibration.pipeline,
                            .pictures = calibration.pictures,
                            .prompts = calibration.prompts,
                            .request = calibration.request,
                            .count = calibration.count};
  compare.files.calibration = options.output;
  compare.b.precision = options.keep_for;
  const KeptModules found =
      find_kept(compare, options.quality,
                {[&](const ComparisonProgress& p) { line.show(p.what); }, interrupted});
  write_kept(options.output, options.output, compare.b.precision, found);
  Json json{{"precision", options.keep_for}, {"psnr", found.psnr}, {"kept", found.kept}};
  for (const Trial& trial : found.trials)
    json["trials"].push_back({{"kept", trial.kept}, {"psnr", trial.psnr}});
  return json;
}

void run(const CalibrateArguments& options) {
  check_file_output("--output", options.output, {".safetensors"});
  if (options.keep_for.empty() != (options.quality == 0))
    bad_option("--quality and --for: found one, expected both or none");
  std::vector<std::string> notices;
  CalibrationOptions calibration = options.calibration;
  calibration.files = options.model.files(notices, "calibrating");
  calibration.pipeline = options.device.pipeline_options();
  calibration.pictures = options.drawings.pictures();
  calibration.prompts = options.drawings.prompts();
  calibration.count = options.drawings.count();
  calibration.method = range_method_named(options.method);
  calibration.request =
      options.drawings.request(Model(calibration.files, calibration.pipeline).defaults());
  Calibration found;
  Json mixed;
  {
    ProgressLine line;
    found = calibrate(calibration, options.output,
                      {[&](const CalibrationProgress& progress) {
                         line.show("drawing", progress.drawing, progress.of);
                       },
                       interrupted});
    if (!options.keep_for.empty()) mixed = keep_worst(options, calibration, line);
  }
  notices.insert(notices.end(), found.notices.begin(), found.notices.end());
  for (const auto& notice : notices) print_notice(notice);
  if (!options.json) {
    fmt::print("{:>10} {:>10} {:>10}  module\n", "largest", "fp8 range", "int8 range");
    for (const CalibratedModule& module : found.modules)
      fmt::print("{:>10.3f} {:>10.3f} {:>10.3f}  {}\n", module.largest, module.range_f8,
                 module.range_i8, in_one_line(module.name));
    if (!mixed.is_null())
      fmt::print("{} modules stay as they are, for {:.1f} dB\n", mixed["kept"].size(),
                 mixed["psnr"].get<double>());
    fmt::print("{}\n", options.output);
    return;
  }
  Json json{{"calibration", options.output},
            {"drawings", found.drawings},
            {"resumed", found.resumed},
            {"modules", Json::array()}};
  for (const CalibratedModule& module : found.modules)
    json["modules"].push_back({{"name", module.name},
                               {"largest", module.largest},
                               {"range_fp8", module.range_f8},
                               {"range_int8", module.range_i8}});
  if (!mixed.is_null()) json["mixed"] = mixed;
  json["notices"] = notices;
  print_json(json);
}

}  // namespace

void add_calibrate(CLI::App& program) {
  auto* command = program.add_subcommand(
      "calibrate", "Find the ranges of values that the precisions fp8 and int8 are to keep");
  auto o = std::make_shared<CalibrateArguments>();
  o->drawings.add_to(*command);
  o->model.add_to(*command, /*plans=*/false);
  o->model.add_loras_to(*command);
  command
      ->add_option("--method", o->method,
                   "How a range follows from what was seen: max, percentile (99.99 %),\n"
                   "mse or entropy")
      ->capture_default_str();
  command
      ->add_option("--step-groups", o->calibration.step_groups,
                   "Shares of the steps that are counted apart, 1 to 64")
      ->check(whole_number())
      ->capture_default_str();
  command
      ->add_option("--smooth", o->calibration.smooth,
                   "SmoothQuant's alpha, 0 to 1: how much of what single channels reach goes\n"
                   "into the weights; 0: nothing, else all is drawn twice")
      ->capture_default_str();
  command->add_option("--for", o->keep_for,
                      "fp8 or int8: with --quality, also find the modules that must stay");
  command->add_option("--quality", o->quality,
                      "Mean PSNR, in dB, that pictures of that precision are to have");
  o->device.add_to(*command);
  command->add_flag("--json", o->json, "Print the result as JSON");
  command->add_option("-o,--output", o->output, "File to write (.safetensors)")
      ->required()
      ->transform(output_path());
  command->footer(
      "A run that was stopped goes on where it was when it is started again.\n\n"
      "  drypoint calibrate photos/ --prompts prompts.txt -m sd15.safetensors \\\n"
      "      --control canny=canny.pth --steps 20 -o sd15.calibration.safetensors\n"
      "  drypoint calibrate photos/ -m sd15.safetensors --for fp8 --quality 32 -o "
      "mixed.safetensors\n"
      "  drypoint build -m sd15.safetensors --precision fp8 --calibration mixed.safetensors \\\n"
      "      -o sd15.plan\n");
  command->callback([o] { run(*o); });
}

}  // namespace drypoint::cli
