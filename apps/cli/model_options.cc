#include "model_options.h"

#include <fmt/format.h>

#include "drypoint/demo_model.h"
#include "options.h"

namespace drypoint::cli {

ModelFiles files_without_eight_bits(ModelFiles files) {
  files.calibration.reset();
  files.keep.clear();
  return files;
}

void ModelOptions::add_to(CLI::App& command, bool plans) {
  for (const char* name : {"model", "vae"}) fields_.add(command, name, {});
  command
      .add_option("--control", control_texts_,
                  takes_settings_
                      ? "ControlNet: canny=FILE or canny=FOLDER; again for others, each "
                        "with\nsettings: depth=FILE,image=map.png,weight=0.6,end=0.8"
                      : "ControlNet: canny=FILE or canny=FOLDER; again for others")
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)
      ->expected(1);
  if (!plans) return;
  for (const char* name : {"plan", "embeddings", "loras", "upscaler", "annotators"})
    fields_.add(command, name, {});
}

void ModelOptions::add_details_to(CLI::App& command) {
  fields_.add(command, "prediction", {});
  add_ranges_to(command);
}

void ModelOptions::add_ranges_to(CLI::App& command) {
  for (const char* name : {"calibration", "keep"}) fields_.add(command, name, {});
}

void ModelOptions::add_loras_to(CLI::App& command) { fields_.add(command, "loras", {}); }

std::vector<ControlOption> ModelOptions::controls() const {
  std::vector<ControlOption> all;
  for (const std::string& text : control_texts_) all.push_back(parse_control_option(text));
  return all;
}

ModelFiles ModelOptions::files(std::vector<std::string>& notices, const std::string& doing) const {
  ModelFiles files;
  fields_.apply(files);
  for (const ControlOption& option : controls()) {
    files.controls.push_back(option.net);
    if (!takes_settings_ && !option.settings.empty())
      bad_option(fmt::format("--control: {}: {} is for drawing alone", option.net.name,
                             option.settings.begin()->first));
  }
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
