#include "model_options.h"

#include <fmt/format.h>

#include "drypoint/demo_model.h"
#include "options.h"

namespace drypoint::cli {
namespace {

/// "canny=FILE"
std::filesystem::path parse_control(const std::string& text) {
  std::error_code ignored;
  if (!text.starts_with("canny=") || text.size() == 6)
    bad_option(fmt::format(
        "--control: \"{}\", expected canny=FILE or canny=FOLDER{}", text,
        std::filesystem::exists(text, ignored) ? fmt::format(", as in canny={}", text) : ""));
  return without_tilde(text.substr(6));
}

}  // namespace

void ModelOptions::add_to(CLI::App& command, bool plans) {
  command
      .add_option("-m,--model", model,
                  "Checkpoint: a .safetensors, .ckpt or .pth file, or a diffusers folder;\n"
                  "random:sd15 and random:tiny are random weights, for measurements.\n"
                  "Without it, the small demo model serves")
      ->transform(path());
  command.add_option("--control", control, "ControlNet: canny=FILE or canny=FOLDER")
      ->transform(path());
  command.add_option("--vae", vae, "Take the VAE from this checkpoint")->transform(path());
  if (plans)
    command
        .add_option("--plan", plan,
                    "Instead of --model and --vae: a file by drypoint build, which\nloads at once")
        ->transform(path());
}

ModelFiles ModelOptions::files(std::vector<std::string>& notices, const std::string& doing) const {
  ModelFiles files;
  if (!plan.empty()) {
    for (const auto& [option, file] : {std::pair("--model", model), {"--vae", vae}})
      if (!file.empty())
        bad_option(fmt::format("{}: {}: comes with --plan {}, expected none beside it", option,
                               file, plan));
    files.plan = plan;
  } else if (!model.empty()) {
    files.model = model;
  } else {
    files.model = demo_model();
    notices.push_back(fmt::format("no --model given: {} the small demo model", doing));
  }
  if (!control.empty()) files.control = parse_control(control);
  if (!vae.empty()) files.vae = vae;
  return files;
}

}  // namespace drypoint::cli
