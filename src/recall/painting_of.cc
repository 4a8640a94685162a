#include "recall/painting_of.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>

#include "diffusion/hires.h"
#include "drypoint/fields.h"

namespace drypoint {
namespace {

constexpr std::array<std::string_view, 17> painting_keys{"Denoising strength",
                                                         "Mask mode",
                                                         "Mask blur",
                                                         "Inpaint area",
                                                         "Masked area padding",
                                                         "Masked content",
                                                         "Hires upscale",
                                                         "Hires resize",
                                                         "Hires steps",
                                                         "Hires upscaler",
                                                         "Hires sampler",
                                                         "Hires schedule type",
                                                         "Hires CFG Scale",
                                                         "Hires prompt",
                                                         "Hires negative prompt",
                                                         "Init image hash",
                                                         "Soft inpainting enabled"};

std::string hires_upscaler_called(const std::string& said) {
  Request scratch;
  const Field<Request>& field = *find_field(request_fields(), "hires_upscaler");
  for (int i = 0; i <= static_cast<int>(HiresUpscaler::model); ++i) {
    scratch.hires_upscaler = static_cast<HiresUpscaler>(i);
    if (label(scratch.hires_upscaler) == said) return field.get(scratch);
  }
  return said;  // which the field refuses, telling what there is
}

/// "1024x1536", width x height, as so many times what is drawn first; 0: it is no such.
double times_larger(std::string_view text, const Parameters& first) {
  const size_t x = std::min(text.find('x'), text.size());
  int width = 0, height = 0;
  std::from_chars(text.data(), text.data() + x, width);
  if (x < text.size()) std::from_chars(text.data() + x + 1, text.data() + text.size(), height);
  const double times = static_cast<double>(width) / std::max(first.width, 1);
  return static_cast<int>(first.height * times) / 8 * 8 == height ? times : 0;
}

/// What the second pass could have of its own in other programs.
void expect_same(Findings& found, const char* key, const std::string& first) {
  const std::string* said = found.other(key);
  if (!said || *said == first || said->starts_with("Use same")) return;
  found.miss(
      "", fmt::format("{}: {}: the second pass has the first one's here, {}", key, *said, first));
}

void find_second_pass(Findings& found) {
  const Parameters& text = found.text();
  if (const std::string* scale = found.other("Hires upscale"))
    found.set("hires_scale", *scale, "Hires upscale");
  if (const std::string* size = found.other("Hires resize")) {
    const double times = times_larger(*size, text);
    if (times == 0)
      found.miss("hires_scale", fmt::format("Hires resize: {}: has other proportions than {}x{}",
                                            *size, text.width, text.height));
    else
      found.set("hires_scale", fmt::to_string(times), "Hires resize");
  }
  if (const std::string* upscaler = found.other("Hires upscaler"))
    found.set("hires_upscaler", hires_upscaler_called(*upscaler), "Hires upscaler");
  if (const std::string* steps = found.other("Hires steps"))
    found.set("hires_steps", *steps, "Hires steps");
  expect_same(found, "Hires sampler", text.sampler);
  expect_same(found, "Hires schedule type", text.schedule_type);
  expect_same(found, "Hires CFG Scale", fmt::to_string(text.cfg_scale));
  expect_same(found, "Hires prompt", text.prompt);
  expect_same(found, "Hires negative prompt", text.negative_prompt);
}

void find_mask(Findings& found) {
  const std::string* mode = found.other("Mask mode");
  const std::string* blur = found.other("Mask blur");
  const bool has_mask = mode || blur || found.other("Inpaint area");
  if (!has_mask && !found.other("Masked content")) return;
  if (mode || !found.is_own())  // else what it grew by is the mask
    found.miss("mask", mode && mode->ends_with("not masked")
                           ? fmt::format("Mask mode: {}: expected mask, black where it was drawn "
                                         "as white",
                                         *mode)
                           : "a part of it was painted: expected mask");
  found.set("mask_blur", blur ? *blur : "0", "Mask blur");
  if (const std::string* area = found.other("Inpaint area"))
    found.set("only_masked", *area == "Only masked" ? "true" : "false", "Inpaint area");
  if (const std::string* padding = found.other("Masked area padding"))
    found.set("mask_padding", *padding, "Masked area padding");
  if (const std::string* content = found.other("Masked content")) {
    std::string fill = *content;
    std::ranges::replace(fill, ' ', '-');
    found.set("inpaint_fill", fill, "Masked content");
  }
  if (const std::string* soft = found.other("Soft inpainting enabled"))
    found.set("soft_inpainting", *soft == "True" ? "true" : "false", "Soft inpainting enabled");
}

}  // namespace

bool is_painting_key(std::string_view key) {
  return std::ranges::find(painting_keys, key) != painting_keys.end();
}

void find_painting(Findings& found) {
  const std::string* strength = found.other("Denoising strength");
  const bool has_second_pass = found.other("Hires upscale") || found.other("Hires resize");
  const bool is_zero = strength && (*strength == "0" || *strength == "0.0");
  if (is_zero && !found.is_own() && !has_second_pass) return;  // older web UIs write it always
  if (strength) found.set("denoising_strength", *strength, "Denoising strength");
  if (has_second_pass) return find_second_pass(found);
  if (!strength) return;
  found.miss("init", fmt::format("Denoising strength: {}: it was drawn from another picture: "
                                 "expected init",
                                 *strength));
  if (found.is_web_ui()) found.set("painting_rule", "a1111", "");
  find_mask(found);
}

}  // namespace drypoint
