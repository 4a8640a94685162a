#include "drawing_options.h"

#include <algorithm>

namespace drypoint::cli {

void DrawingOptions::add_to(CLI::App& command) {
  command
      .add_option("pictures", pictures_,
                  "Folder of pictures, of which each steers a drawing; without, prompts alone")
      ->transform(path());
  add_rest_to(command);
  for (const char* name : {"resolution", "size", "lora"}) fields_.add(command, name, {});
}

void DrawingOptions::add_for_quality_to(CLI::App& command) {
  command
      .add_option("--pictures", pictures_,
                  "With --precision mixed:QUALITY: folder of pictures to measure with,\neach of "
                  "which steers a drawing of the first size; and how to draw:")
      ->transform(path());
  add_rest_to(command);
}

void DrawingOptions::add_rest_to(CLI::App& command) {
  command.add_option("--prompts", prompts_, "File of prompts, a line each, taken in turn")
      ->transform(path());
  command
      .add_option("--count", count_, "Drawings; 0: as many as there are pictures, or else prompts")
      ->check(whole_number())
      ->capture_default_str();
  for (const char* name :
       {"prompt", "negative_prompt", "steps", "sampler", "schedule", "guidance_scale", "seed"})
    fields_.add(command, name, {});
}

std::vector<std::string> prompts_in(const std::string& file) {
  std::vector<std::string> all;
  const std::string text = read_text(file);
  for (size_t begin = 0; begin < text.size();) {
    const size_t end = std::min(text.find('\n', begin), text.size());
    std::string line = text.substr(begin, end - begin);
    if (line.ends_with('\r')) line.pop_back();
    if (!line.empty()) all.push_back(std::move(line));
    begin = end + 1;
  }
  if (all.empty()) bad_option(fmt::format("--prompts: {}: holds no line, expected prompts", file));
  return all;
}

std::vector<std::string> DrawingOptions::prompts() const {
  return prompts_.empty() ? std::vector<std::string>() : prompts_in(prompts_);
}

Request DrawingOptions::request(Request defaults) const {
  fields_.expect_one_of("size", "resolution");
  fields_.apply(defaults);
  return defaults;
}

}  // namespace drypoint::cli
