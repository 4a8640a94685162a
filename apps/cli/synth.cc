#include "drypoint/synth.h"

#include <fmt/format.h>

#include <memory>

#include "commands.h"
#include "options.h"
#include "terminal.h"

namespace drypoint::cli {
namespace {

struct SynthArguments {
  SynthOptions synth;
  std::string output;
};

}  // namespace

void add_synth(CLI::App& program) {
  auto* command =
      program.add_subcommand("synth", "Write a checkpoint of random weights, for benchmarks");
  auto o = std::make_shared<SynthArguments>();
  command->add_option("--arch", o->synth.arch, "What to build")
      ->check(one_of(synth_archs()))
      ->capture_default_str();
  command->add_option("--seed", o->synth.seed, "0 to 2^64-1; the same seed gives the same file")
      ->check(seed())
      ->capture_default_str();
  command->add_option("--dtype", o->synth.dtype, "Of the values")
      ->check(one_of({"f16", "bf16", "f32"}))
      ->capture_default_str();
  command->add_option("-o,--output", o->output, "Checkpoint to write (.safetensors)")
      ->required()
      ->transform(output_path());
  command->footer(
      "  drypoint synth --arch sd15 --seed 1 -o random.safetensors\n"
      "  drypoint synth --arch openpose -o annotators/body_pose_model.safetensors\n");
  command->callback([o] {
    check_file_output("--output", o->output, {".safetensors"});
    synthesize(o->output, o->synth, interrupted);
    fmt::print("{}\n", o->output);
  });
}

}  // namespace drypoint::cli
