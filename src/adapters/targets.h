// Which tensor of a model an adapter's module is for.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "checkpoint/parts.h"
#include "models/configs.h"
#include "tensor/tensor.h"

namespace drypoint {

/// Modules of a model's UNet and text encoder by the names that adapters have for them: those of
/// the original code and of diffusers, with dots or underscores, after any of the usual prefixes.
class AdapterTargets {
 public:
  explicit AdapterTargets(const ModelConfig& config);

  struct Target {
    Part part = Part::unet;
    std::string module;  // canonical, "model.diffusion_model.input_blocks.1.1.proj_in"
  };
  /// Null if there is no such module.
  const Target* find(std::string_view module) const;
  /// The shape of a tensor, "….proj_in.weight"; null if there is none.
  const Shape* shape(const std::string& tensor) const;

 private:
  void add(Part part, const std::string& name, const std::string& module);

  std::map<std::string, Target, std::less<>> unet_, text_;  // by names with underscores
  std::map<std::string, Shape, std::less<>> shapes_;
};

}  // namespace drypoint
