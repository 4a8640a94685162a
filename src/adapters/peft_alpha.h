// PEFT keeps alpha outside the tensors: in a file's metadata, where diffusers writes it, or in
// adapter_config.json beside adapter_model.safetensors.
#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>

#include "checkpoint/named_tensors.h"

namespace drypoint {

/// What was said, by the prefix of the modules it is for.
struct PeftAlphas {
  struct Said {
    double alpha = 0;
    bool by_root = false;                    // alpha / sqrt(rank) rather than alpha / rank (rsLoRA)
    std::map<std::string, double> patterns;  // of modules whose names end so
  };
  std::map<std::string, Said> by_prefix;  // "unet.", "text_encoder.", or "" for all

  /// The number that over the rank gives the scale; none where nothing was said.
  std::optional<double> of(const std::string& module, const Tensor& down) const;
};

/// Throws bad_file if it says something that makes no sense, unsupported for regular expressions.
PeftAlphas peft_alphas(const Metadata& metadata, const std::filesystem::path& file);

}  // namespace drypoint
