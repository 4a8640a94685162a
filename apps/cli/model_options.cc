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
  for (const char* name : {"model", "control", "vae"}) fields_.add(command, name, {});
  if (!plans) return;
  for (const char* name : {"plan", "embeddings", "loras"}) fields_.add(command, name, {});
}

void ModelOptions::add_prediction_to(CLI::App& command) { fields_.add(command, "prediction", {}); }

ModelFiles ModelOptions::files(std::vector<std::string>& notices, const std::string& doing) const {
  ModelFiles files;
  fields_.apply(files);
  if (files.control) files.control = parse_control(files.control->string());
  if (files.plan) {
    for (const auto& [option, file] :
         {std::pair("--model", files.model), {"--vae", files.vae.value_or("")}})
      if (!file.empty())
        bad_option(fmt::format("{}: {}: comes with --plan {}, expected none beside it", option,
                               file.string(), files.plan->string()));
  } else if (files.model.empty()) {
    files.model = demo_model();
    notices.push_back(fmt::format("no --model given: {} the small demo model", doing));
  }
  return files;
}

}  // namespace drypoint::cli
