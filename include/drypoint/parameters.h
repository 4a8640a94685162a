// The settings of a picture as text, in the form that Stable Diffusion tools write into pictures
// ("parameters") and read back.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace drypoint {

/// One ControlNet, in the terms of the web UI's ControlNet extension.
struct ControlParameters {
  std::string module = "canny", model;
  double weight = 1;
  std::string resize_mode = "Crop and Resize";
  int processor_resolution = 512;
  double threshold_a = 100, threshold_b = 200;  ///< low and high, for canny
  double guidance_start = 0, guidance_end = 1;  ///< shares of the steps
  bool pixel_perfect = false;
  std::string control_mode = "Balanced";  ///< guess mode: "ControlNet is more important"
  std::vector<double> layer_weights;      ///< of each control tensor; left out where empty
  std::vector<std::pair<std::string, std::string>> others;  ///< any other keys, in their order

  bool operator==(const ControlParameters&) const = default;
};

/// Strings left empty are left out of the text, as are eta at 0 and the RNG "GPU".
struct Parameters {
  std::string prompt, negative_prompt;
  int steps = 20;
  std::string sampler = "DDIM", schedule_type;
  double cfg_scale = 7;
  uint64_t seed = 0;
  int width = 512, height = 512;
  std::string model_hash, model;
  double eta = 0;
  std::string rng;  ///< "CPU", "GPU" or "NV"
  std::vector<ControlParameters> controls;
  std::vector<std::pair<std::string, std::string>> others;  ///< any other keys, in their order
  std::string version;                                      ///< "drypoint 1.2.3"

  bool operator==(const Parameters&) const = default;
};

/// Prompt, "Negative prompt: ..." if there is one, and one line of settings. A value with a comma,
/// colon or newline is quoted as JSON. Reading the text back gives the same parameters, except that
/// white space round each line of a prompt is lost, and that a line which begins with
/// "Negative prompt:" ends the prompt. Throws nothing.
std::string format_parameters(const Parameters& parameters);

/// Reads any tool's text. The last line counts as settings if it has three or more and at most
/// 100,000 bytes; without them, and for numbers that are none, the defaults stay. Throws nothing.
Parameters parse_parameters(std::string_view text);

}  // namespace drypoint
