#include "drypoint/synth.h"

#include <fmt/format.h>

#include <memory>

#include "commands.h"

namespace drypoint::cli {
namespace {

struct Options {
  SynthOptions synth;
  std::string output;
};

}  // namespace

void add_synth(CLI::App& program) {
  auto* command =
      program.add_subcommand("synth", "Write a checkpoint of random weights, for benchmarks");
  auto o = std::make_shared<Options>();
  command->add_option("--arch", o->synth.arch, "sd15 or tiny")->capture_default_str();
  command->add_option("--seed", o->synth.seed, "The same seed gives the same file")
      ->capture_default_str();
  command->add_option("--dtype", o->synth.dtype, "f16, bf16 or f32")->capture_default_str();
  command->add_option("-o,--output", o->output, "Checkpoint to write (.safetensors)")->required();
  command->footer("  drypoint synth --arch sd15 --seed 1 -o random.safetensors\n");
  command->callback([o] {
    synthesize(o->output, o->synth);
    fmt::print("{}\n", o->output);
  });
}

}  // namespace drypoint::cli
