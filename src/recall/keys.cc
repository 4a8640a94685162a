#include "recall/keys.h"

#include <algorithm>
#include <array>

namespace drypoint {
namespace {

/// Notes of how the text came about, and hashes of what it names.
constexpr std::array<std::string_view, 23> without_effect{
    "App",    "Backend",     "Batch pos",      "Batch size",        "Created Date",   "Date",
    "Hashes", "Lora hashes", "Module 1",       "Negative Template", "Operations",     "Pipeline",
    "Styles", "TI",          "TI hashes",      "Template",          "Time",           "User",
    "VAE",    "VAE hash",    "Variation seed", "Version",           "Wildcard prompt"};

struct Effect {
  std::string_view begins;  // a key is this, or begins so and goes on with a space
  std::string_view reason;
};

constexpr Effect effects[] = {
    {"ADetailer", "it draws faces again afterwards"},
    {"AddNet", "a network beside the model"},
    {"CFG Rescale", "guidance is rescaled in another way here (guidance_rescale)"},
    {"Conditional mask weight", "it was drawn from another picture"},
    {"Cutoff", "an extension that changes the prompt's effect"},
    {"Discard penultimate sigma", "with this sampler no sigma is dropped here"},
    {"Downcast alphas_cumprod", "noise levels are not rounded to half precision here"},
    {"Dynamic thresholding", "guidance is not limited here"},
    {"Extra noise", "it was drawn from another picture"},
    {"FP8 weight", "weights are not rounded to 8 bits here"},
    {"Face restoration", "faces are not restored here"},
    {"First pass size", "there is no second pass here"},
    {"FreeU", "skip connections are not scaled here"},
    {"Hires", "the second pass has nothing of its own here but steps"},
    {"Hypernet", "hypernetworks are not read here"},
    {"Inpaint", "what it does is not known here"},
    {"Mask", "what it does is not known here"},
    {"Mimic", "guidance is not limited here"},
    {"NGMS", "guidance is not left out at some steps here"},
    {"Negative Guidance minimum sigma", "guidance is not left out at some steps here"},
    {"Noise multiplier", "it was drawn from another picture"},
    {"Old prompt editing timelines", "prompts change as in newer versions here"},
    {"Pad conds", "the shorter prompt is not filled up here"},
    {"Postprocess", "it was changed afterwards"},
    {"Refiner", "there is but one model here"},
    {"SGM noise multiplier", "it begins with another noise"},
    {"Schedule max sigma", "schedules go over all trained sigmas here"},
    {"Schedule min sigma", "schedules go over all trained sigmas here"},
    {"Schedule rho", "rho is 7 here, 1 for polyexponential"},
    {"Script", "a script drew it"},
    {"Skip Early CFG", "guidance is not left out at some steps here"},
    {"Tiled Diffusion", "it was drawn in tiles"},
    {"Tiling", "pictures are not joined at their sides here"},
    {"ToMe", "tokens are not merged here"},
    {"Token merging ratio", "tokens are not merged here"},
    {"Ultimate SD upscale", "it was drawn in tiles"},
    {"VAE Decoder", "the VAE is always the whole one here"},
    {"VAE Encoder", "it was drawn from another picture"},
};

const Effect* find_effect(std::string_view key) {
  const auto found = std::ranges::find_if(effects, [&](const Effect& effect) {
    return key.starts_with(effect.begins) &&
           (key.size() == effect.begins.size() || key[effect.begins.size()] == ' ');
  });
  return found == std::end(effects) ? nullptr : found;
}

}  // namespace

KeyKind kind_of_key(std::string_view key) {
  if (std::ranges::find(without_effect, key) != without_effect.end())
    return KeyKind::without_effect;
  return find_effect(key) ? KeyKind::with_effect : KeyKind::unknown;
}

std::string_view reason_of_key(std::string_view key) {
  const Effect* effect = find_effect(key);
  return effect ? effect->reason : "what it does is not known here";
}

}  // namespace drypoint
