#include "diffusion/request/painting.h"

#include "base/error.h"
#include "diffusion/request/sampling.h"
#include "drypoint/fields.h"
#include "image/formats.h"

namespace drypoint {
namespace {

bool is_given(const Image& image) { return !image.pixels.empty(); }

/// Settings that would be passed over are refused, lest one trust in them.
void refuse_changed(const Request& request, std::initializer_list<std::string_view> names,
                    std::string_view missing) {
  const Request usual;
  for (const auto name : names) {
    const Field<Request>& field = *find_field(request_fields(), name);
    if (const std::string value = field.get(request); value != field.get(usual))
      fail(ErrorKind::bad_argument, "{}: {}, but there is no {}", name, value, missing);
  }
}

/// What it needs, and what it alone needs.
void check_soft_inpainting(const Request& request, bool has_mask) {
  if (!request.soft_inpainting)
    return refuse_changed(
        request,
        {"soft_schedule_bias", "soft_preservation_strength", "soft_transition_contrast_boost",
         "soft_mask_influence", "soft_difference_threshold", "soft_difference_contrast"},
        "soft_inpainting");
  if (!has_mask) refuse_changed(request, {"soft_inpainting"}, "mask");
  if (painting_rule(request) != PaintingRule::a1111)
    fail(ErrorKind::bad_argument, "painting_rule: {}, expected a1111 with soft_inpainting",
         find_field(request_fields(), "painting_rule")->get(request));
  if (request.paste_kept == PasteKept::off)
    refuse_changed(request,
                   {"soft_mask_influence", "soft_difference_threshold", "soft_difference_contrast"},
                   "pasting (paste_kept)");
}

}  // namespace

void check_painting(const Request& request) {
  const bool has_mask = is_given(request.mask) || request.outpaint != Margins();
  const bool has_second_pass = request.hires_scale > 1;
  if (!is_given(request.init_image)) {
    if (is_given(request.mask))
      fail(ErrorKind::bad_argument, "mask: was given, but there is no initial picture");
    refuse_changed(request, {"outpaint", "painting_rule", "resize_mode"}, "initial picture");
    if (!has_second_pass)
      refuse_changed(request, {"denoising_strength"}, "initial picture and no second pass");
  }
  if (!has_mask)
    refuse_changed(request,
                   {"mask_blur", "inpaint_fill", "only_masked", "mask_padding", "paste_kept"},
                   "mask");
  if (has_mask && !request.only_masked) refuse_changed(request, {"mask_padding"}, "only_masked");
  check_soft_inpainting(request, has_mask);
  if (has_mask && request.painting_rule == PaintingRule::comfy)
    fail(ErrorKind::bad_argument,
         "painting_rule: comfy, which has no mask here; expected a1111 or diffusers");
  if (has_mask && request.only_masked && request.paste_kept == PasteKept::off)
    fail(ErrorKind::bad_argument, "paste_kept: off, but only_masked pastes what is drawn");
  if (!has_second_pass) {
    refuse_changed(request, {"hires_upscaler", "hires_steps"}, "second pass (hires_scale)");
  } else if (is_given(request.init_image)) {
    fail(ErrorKind::bad_argument,
         "hires_scale: {}, but with an initial picture there is no second pass",
         request.hires_scale);
  } else {
    second_walk_part(request);
  }
  if (!is_given(request.init_image)) return;
  walk_part(request);
  check_image(request.init_image);
  if (is_given(request.mask)) {
    check_image(request.mask);
    if (request.mask.width != request.init_image.width ||
        request.mask.height != request.init_image.height)
      fail(ErrorKind::bad_argument,
           "mask: {}x{} (height x width), but the initial picture has {}x{}", request.mask.height,
           request.mask.width, request.init_image.height, request.init_image.width);
  }
  const ImageSize size = initial_size(request);
  if (int64_t{size.width} * size.height > most_pixels)
    fail(ErrorKind::bad_argument, "outpaint: makes {}x{} pixels, expected at most {} megapixels",
         size.height, size.width, most_pixels / 1'000'000);
}

double mask_blur(const Request& request) {
  return request.mask_blur.value_or(painting_rule(request) == PaintingRule::a1111 ? 4 : 0);
}

ImageSize initial_size(const Request& request) {
  const Image& image = request.init_image;
  if (!is_given(image)) return {};
  const Margins& margins = request.outpaint;
  return {image.width + margins.left + margins.right, image.height + margins.top + margins.bottom};
}

}  // namespace drypoint
