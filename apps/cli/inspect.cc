#include "drypoint/inspect.h"

#include <fmt/format.h>

#include <memory>

#include "commands.h"
#include "drypoint/calibrate.h"
#include "inspect_views.h"
#include "options.h"
#include "plan_text.h"
#include "terminal.h"

namespace drypoint::cli {
namespace {

struct InspectArguments {
  GraphCommand graph;
  std::string file, tuning_cache;
  std::vector<std::string> difference;
  int depth = -1;
  bool verify = false;
};

void run(const InspectArguments& o, bool compiles) {
  const bool differs = !o.difference.empty();
  if (differs && o.difference.size() != 2)
    bad_option(fmt::format("--diff: expected two files, found {}", o.difference.size()));
  if ((o.file.empty() ? 0 : 1) + differs + compiles != 1)
    bad_option(
        "inspect: expected one of FILE (a checkpoint or plan), --diff A B, and a model to compile "
        "(--model and the options that follow it in --help)");
  if (!o.file.empty() && is_plan(o.file)) {
    if (o.depth >= 0) bad_option("--depth: only with FILE, a checkpoint: plans list no modules");
    const PlanInfo plan = inspect_plan(o.file, o.verify);
    return o.graph.json ? print_json(plan_json(plan)) : print_plan(plan);
  }
  if (o.verify) bad_option("--verify: only with FILE, a plan: only plans have checksums");
  if (!o.file.empty() && is_calibration(o.file))
    return inspect_calibration_file(o.file, o.graph.json);
  if (!o.file.empty() && is_adapter(o.file))
    return inspect_adapter_file(o.file, o.depth, o.graph.json);
  if (!o.file.empty()) return inspect_checkpoint(o.file, o.depth, o.graph.json);
  if (o.depth >= 0) bad_option("--depth: only with FILE");
  if (compiles) {
    GraphCommand command = o.graph;
    command.graph.tuning_cache = o.tuning_cache;
    return inspect_graph(std::move(command));
  }
  if (!inspect_difference(o.difference[0], o.difference[1], o.graph.json))
    throw CLI::RuntimeError(1);
}

}  // namespace

void add_inspect(CLI::App& program) {
  auto* command = program.add_subcommand(
      "inspect", "See inside: a checkpoint or plan, what it is compiled to, how two differ");
  auto o = std::make_shared<InspectArguments>();
  command
      ->add_option("FILE", o->file, "Checkpoint file, diffusers folder, LoRA (or its kin), or plan")
      ->transform(path());
  command->add_flag("--verify", o->verify, "With a plan: compare all of it with its checksums");
  command
      ->add_option("--depth", o->depth, "With FILE: levels of modules to list [1; all with --json]")
      ->check(whole_number(0, 100));
  command
      ->add_option("--diff", o->difference,
                   "Compare two checkpoints or two plans A B; the exit code is 0 if\nthey are the "
                   "same, else 1")
      ->expected(2);
  command->add_flag("--json", o->graph.json, "Print the result as JSON");

  GraphCommand& graph = o->graph;
  auto* compiled = command->add_option_group("Compiled", "What a part of a model becomes");
  graph.model.add_to(*compiled, /*plans=*/false);
  compiled->add_option("--part", graph.graph.part, "text, denoiser or vae [denoiser]")
      ->check(one_of({"text", "denoiser", "vae"}));
  graph.size.add_to(*compiled, /*several=*/false, "512x512");
  compiled->add_option("--batch", graph.graph.batch, "Pictures drawn together, 1 to 64 [1]")
      ->check(whole_number());
  compiled->add_option(
      "--device", graph.graph.device,
      "cpu or cuda, which needs no GPU, but only shows kernels on one; or\ncuda:8.6: "
      "kernels for that compute capability, with what a block\ntakes of a "
      "multiprocessor, and how many have room there [cpu]");
  compiled->add_option_function<std::string>(
      "--precision", [&graph](const std::string& text) { graph.graph.precision = text; },
      "As generate's [auto]");
  compiled
      ->add_option("--tuning-cache", o->tuning_cache, "Show the times measured in this file (cuda)")
      ->transform(path());
  compiled->add_option("--pass", graph.pass, "List what this pass did");
  compiled->add_flag("--operations", graph.operations, "List the operations");
  compiled->add_option("--module", graph.view.module,
                       "List and draw only what lies in this module");
  compiled->add_option("--graph", graph.graph_file, "Draw the graph: .svg, or .dot for Graphviz")
      ->transform(path());
  compiled->add_flag("--before", graph.view.before, "Draw it as it was before all passes");
  compiled->add_option("--memory", graph.memory_file, "Draw what lies where in memory, when: .svg")
      ->transform(path());
  command->footer(
      "  drypoint inspect control_canny.pth --depth 2\n"
      "  drypoint inspect --diff a.safetensors b.safetensors\n"
      "  drypoint inspect -m sd15.safetensors --device cuda --size 256x384 --graph denoiser.svg\n"
      "  drypoint inspect -m sd15.safetensors --part vae --pass fuse_residual --memory vae.svg\n");
  command->callback([o, compiled] { run(*o, compiled->count_all() > 0); });
}

}  // namespace drypoint::cli
