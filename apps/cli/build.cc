#include <fmt/format.h>
#include <fmt/ranges.h>

#include <memory>
#include <optional>

#include "commands.h"
#include "device_options.h"
#include "drawing_options.h"
#include "drypoint/plan.h"
#include "mixed.h"
#include "model_options.h"
#include "options.h"
#include "plan_text.h"
#include "size_options.h"
#include "terminal.h"

namespace drypoint::cli {
namespace {

struct BuildArguments {
  ModelOptions model;
  DeviceOptions device;
  BuildOptions build;
  SizeOptions sizes;
  DrawingOptions drawings;
  std::string output;
  bool only_sizes = false, json = false;
};

MixedOptions mixed_options(const BuildArguments& options, const ModelFiles& files,
                           const BuildOptions& build) {
  const Model model(files_without_eight_bits(files), build.pipeline);
  MixedOptions mixed{.files = files,
                     .pipeline = build.pipeline,
                     .quality = *options.device.mixed_quality(),
                     .pictures = options.drawings.pictures(),
                     .prompts = options.drawings.prompts(),
                     .request = options.drawings.request(model.defaults()),
                     .count = options.drawings.count()};
  if (!build.sizes.empty()) mixed.request.size = build.sizes[0];
  return mixed;
}

void run(const BuildArguments& options) {
  check_file_output("--output", options.output, {".plan"});
  std::vector<std::string> notices;
  ModelFiles files = options.model.files(notices, "building from");
  BuildOptions build = options.build;
  build.sizes = options.sizes.sizes();
  build.any_size = !options.only_sizes;
  build.pipeline = options.device.pipeline_options();
  std::optional<FoundMixed> mixed;
  if (const auto quality = options.device.mixed_quality()) {
    mixed = find_with_progress(mixed_options(options, files, build));
    notices.push_back(mixed_notice(*mixed, *quality));
    print_mixed_table(*mixed);
    files = mixed->files;
    build.pipeline = mixed->pipeline;
  }
  BuiltPlan built;
  {
    ProgressLine line;
    built = build_plan(files, options.output, build,
                       {[&](const BuildProgress& progress) {
                          line.show(progress.what, progress.done, progress.of);
                        },
                        interrupted});
  }
  options.device.note_vain(built.info.device.kind, notices);
  for (const auto& notice : notices) print_notice(notice);
  if (!options.json) {
    fmt::print("{}\n", options.output);
    return;
  }
  Json json = plan_json(built.info);
  json["plan"] = options.output;
  if (mixed) json["mixed"] = mixed_json(*mixed);
  for (const auto& [what, seconds] : built.seconds) json["seconds"][what] = seconds;
  json["notices"] = notices;
  print_json(json);
}

}  // namespace

void add_build(CLI::App& program) {
  auto* command = program.add_subcommand(
      "build", "Make a model ready for a device, as a plan file that loads at once");
  auto o = std::make_shared<BuildArguments>();
  o->model.add_to(*command, /*plans=*/false);
  o->sizes.add_to(*command, /*several=*/true, "the model's default resolution, square");
  o->drawings.add_for_quality_to(*command);
  command->add_option("--samples", o->build.samples, "Pictures at once, 1 to 64")
      ->check(whole_number())
      ->capture_default_str();
  command->add_flag("--only-sizes", o->only_sizes,
                    "CPU: leave out what other sizes and settings need; a smaller file");
  command->add_flag("--keep-tensors", o->build.keep_tensors,
                    "Keep the checkpoint's own tensors too, so that LoRAs can be applied;\n"
                    "on a CPU they are kept anyway, without --only-sizes");
  o->device.add_to(*command, /*mixes=*/true);
  o->model.add_details_to(*command);
  command->add_flag("--json", o->json, "Print the result as JSON");
  command->add_option("-o,--output", o->output, "Plan to write (.plan)")
      ->required()
      ->transform(output_path());
  command->footer(
      "A plan holds all that generate needs, packed for the device it was built on. Pictures of\n"
      "other sizes can be drawn from it, too.\n\n"
      "  drypoint build -m sd15.safetensors --control canny=control.pth \\\n"
      "      --sizes 256x384,512x512 --level 5 -o bird.plan\n"
      "  drypoint build -m sd15.safetensors --precision mixed:32 --pictures photos/ -o bird.plan\n"
      "  drypoint generate --plan bird.plan -i photo.jpg -p \"a red bird\" -o bird.png\n");
  command->callback([o] { run(*o); });
}

}  // namespace drypoint::cli
