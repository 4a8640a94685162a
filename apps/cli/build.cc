#include <fmt/format.h>
#include <fmt/ranges.h>

#include <memory>

#include "commands.h"
#include "drypoint/plan.h"
#include "model_options.h"
#include "options.h"
#include "plan_text.h"
#include "terminal.h"

namespace drypoint::cli {
namespace {

struct Options {
  ModelOptions model;
  std::vector<std::string> sizes;
  BuildOptions build;
  std::string tuning_cache, output;
  bool only_sizes = false, json = false;
};

/// "256x384": height, width.
ImageSize parse_size(const std::string& text) {
  ImageSize size;
  const auto x = text.find('x');
  if (x == std::string::npos || !parse(std::string_view(text).substr(0, x), size.height) ||
      !parse(std::string_view(text).substr(x + 1), size.width))
    bad_option(fmt::format("--sizes: \"{}\", expected HEIGHTxWIDTH, as in 256x384", text));
  return size;
}

void run(const Options& options) {
  check_file_output("--output", options.output);
  std::vector<std::string> notices;
  const ModelFiles files = options.model.files(notices, "building from");
  BuildOptions build = options.build;
  for (const auto& size : options.sizes) build.sizes.push_back(parse_size(size));
  build.any_size = !options.only_sizes;
  build.pipeline.tuning_cache = options.tuning_cache;
  const Finishing writing;  // it stops by itself, and takes its unfinished file along
  BuiltPlan built;
  {
    ProgressLine line;
    built = build_plan(files, options.output, build,
                       {[&](const BuildProgress& progress) {
                          line.show(progress.what, progress.done, progress.of);
                        },
                        interrupted});
  }
  for (const auto& notice : notices) print_notice(notice);
  if (!options.json) {
    fmt::print("{}\n", options.output);
    return;
  }
  Json json = plan_json(built.info);
  json["plan"] = options.output;
  for (const auto& [what, seconds] : built.seconds) json["seconds"][what] = seconds;
  json["notices"] = notices;
  print_json(json);
}

}  // namespace

void add_build(CLI::App& program) {
  auto* command = program.add_subcommand(
      "build", "Make a model ready for a device, as a plan file that loads at once");
  auto o = std::make_shared<Options>();
  o->model.add_to(*command, /*plans=*/false);
  command
      ->add_option("--sizes", o->sizes,
                   "Of the pictures, HEIGHTxWIDTH,...: multiples of 8 [the model's\n"
                   "default resolution, square]")
      ->delimiter(',');
  command->add_option("--samples", o->build.samples, "Pictures at once, 1 to 64")
      ->check(whole_number())
      ->capture_default_str();
  command->add_flag("--only-sizes", o->only_sizes,
                    "CPU: leave out what other sizes and settings need; a smaller file");
  command->add_option("--device", o->build.pipeline.device,
                      "auto (a GPU where there is one), cpu, cuda, cuda:N or reference [auto]");
  command
      ->add_option("--precision", o->build.pipeline.precision,
                   "Of the computation; auto: fp16 on a GPU, fp32 on a CPU [auto]")
      ->check(one_of({"auto", "fp16", "bf16", "tf32", "fp32"}));
  command->add_option("--threads", o->build.pipeline.threads, "Threads to use; 0: all cores [0]")
      ->check(whole_number());
  command
      ->add_option("--level", o->build.pipeline.level,
                   "GPU: effort of tuning, 0 (take what is known) to 5 (time\n"
                   "every choice) [0]")
      ->check(whole_number());
  command->add_option("--tuning-cache", o->tuning_cache,
                      "GPU: file of measured choices, read and added to");
  command->add_flag("--json", o->json, "Print the result as JSON");
  command->add_option("-o,--output", o->output, "Plan to write (.plan)")->required();
  command->footer(
      "A plan holds all that generate needs, packed for the device it was built on. Pictures of\n"
      "other sizes can be drawn from it, too.\n\n"
      "  drypoint build -m sd15.safetensors --control canny=control.pth \\\n"
      "      --sizes 256x384,512x512 --level 5 -o bird.plan\n"
      "  drypoint generate --plan bird.plan -i photo.jpg -p \"a red bird\" -o bird.png\n");
  command->callback([o] { run(*o); });
}

}  // namespace drypoint::cli
