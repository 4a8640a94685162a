// The parts of a Stable Diffusion checkpoint and the prefixes of their canonical tensor names.
#pragma once

#include <array>
#include <string>
#include <string_view>

namespace drypoint {

enum class Part { unet, control, vae, text };

struct PartName {
  Part part;
  std::string_view prefix;  // of canonical names, as in the original latent-diffusion code
  std::string_view name;    // for people
};

inline constexpr std::array<PartName, 4> part_names = {{
    {Part::unet, "model.diffusion_model.", "UNet"},
    {Part::control, "control_model.", "ControlNet"},
    {Part::vae, "first_stage_model.", "VAE"},
    {Part::text, "cond_stage_model.transformer.", "text encoder"},
}};

constexpr std::string_view prefix_of(Part part) {
  return part_names[static_cast<size_t>(part)].prefix;
}
/// Of a model's several ControlNets, each with a module of its own, the first's is that of
/// `Part::control`: "control_model", "control_model_1", ...
inline std::string control_module(size_t number) {
  return number == 0 ? "control_model" : "control_model_" + std::to_string(number);
}
inline std::string control_prefix(size_t number) { return control_module(number) + "."; }
/// Where the metadata have its configuration: "controlnet", "controlnet_1", ...
inline std::string control_folder(size_t number) {
  return number == 0 ? "controlnet" : "controlnet_" + std::to_string(number);
}
/// The metadata have it where its control tensors are averaged over the picture.
inline std::string pooled_key(size_t number) { return control_folder(number) + "/pooled"; }
constexpr std::string_view name_of(Part part) { return part_names[static_cast<size_t>(part)].name; }

}  // namespace drypoint
