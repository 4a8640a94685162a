// "<lora:name:0.8>" in prompts, in the way of AUTOMATIC1111's web UI.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace drypoint {

struct LoraTag {
  std::string name;
  double strength = 1, text_strength = 1;  // of the UNet and of the text encoder
  std::vector<double> blocks = {};         // factors of these, see `AdapterUse`
  bool operator==(const LoraTag&) const = default;
};

struct LoraTags {
  std::string text;  // without them
  std::vector<LoraTag> tags;
};

/// "<lora:name:text_strength:strength>", "<lora:name:te=0.5:unet=1:lbw=1,0,...>"; "lyco" is the
/// same. Without the second number it is as the first, without the first 1. Throws bad_argument for
/// what is no number, and for what cannot be obeyed.
LoraTags take_lora_tags(std::string_view prompt);

}  // namespace drypoint
