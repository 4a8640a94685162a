#include "diffusion/initial.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "base/error.h"
#include "diffusion/request/painting.h"
#include "diffusion/request/sampling.h"
#include "image/blur.h"
#include "image/formats.h"

namespace drypoint {
namespace {

bool is_there(const Image& image) { return !image.pixels.empty(); }

Image filled_with(ImageSize size, int channels, uint8_t value) {
  Image image{size.width, size.height, channels, {}};
  image.pixels.assign(static_cast<size_t>(size.width) * static_cast<size_t>(size.height) *
                          static_cast<size_t>(channels),
                      value);
  return image;
}

/// With margins as its border is.
Image grown_picture(const Image& picture, const Margins& margins) {
  const ImageSize size{picture.width + margins.left + margins.right,
                       picture.height + margins.top + margins.bottom};
  Image result = filled_with(size, picture.channels, 0);
  const auto channels = static_cast<size_t>(picture.channels);
  uint8_t* out = result.pixels.data();
  for (int y = 0; y < size.height; ++y)
    for (int x = 0; x < size.width; ++x) {
      const auto from_x = static_cast<size_t>(std::clamp(x - margins.left, 0, picture.width - 1)),
                 from_y = static_cast<size_t>(std::clamp(y - margins.top, 0, picture.height - 1));
      out = std::copy_n(
          &picture.pixels[(from_y * static_cast<size_t>(picture.width) + from_x) * channels],
          channels, out);
    }
  return result;
}

/// White in the margins and, as far as the blur reaches, in what is beside them.
Image grown_mask(const Image& mask, ImageSize picture, const Margins& margins, double blur) {
  const int reach = static_cast<int>(2 * blur);
  const auto inside = [&](int margin) { return margin > 0 ? reach : 0; };
  Image result = filled_with(
      {picture.width + margins.left + margins.right, picture.height + margins.top + margins.bottom},
      1, 255);
  const Image kept = is_there(mask) ? mask : filled_with({picture.width, picture.height}, 1, 0);
  const int left = inside(margins.left), top = inside(margins.top);
  const ImageSize size{std::max(picture.width - left - inside(margins.right), 0),
                       std::max(picture.height - top - inside(margins.bottom), 0)};
  put(result, part_of(kept, {left, top, size}), margins.left + left, margins.top + top);
  return result;
}

/// What of the mask is not black.
std::optional<Region> bounds_of(const Image& mask) {
  int left = mask.width, top = mask.height, right = -1, bottom = -1;
  for (int y = 0; y < mask.height; ++y)
    for (int x = 0; x < mask.width; ++x) {
      if (mask.pixels[static_cast<size_t>(y) * static_cast<size_t>(mask.width) +
                      static_cast<size_t>(x)] == 0)
        continue;
      left = std::min(left, x), right = std::max(right, x);
      top = std::min(top, y), bottom = std::max(bottom, y);
    }
  if (right < 0) return std::nullopt;
  return Region{left, top, {right + 1 - left, bottom + 1 - top}};
}

/// One side of a region made longer, within a picture's, about its middle.
void stretch(int& first, int& length, int wanted, int whole) {
  const int more = std::max(wanted - length, 0);
  const int end = first - more / 2 + length + more;
  first -= more / 2;
  length += more;
  if (end >= whole) first -= end - whole;
  first = std::max(first, 0);
  length = std::min(length, whole - first);
}

/// As the web UI's "only masked": with padding, in the proportions of what is drawn.
Region masked_region(const Image& mask, int padding, ImageSize drawn) {
  const auto bounds = bounds_of(mask);
  if (!bounds)
    fail(ErrorKind::bad_argument, "mask: is black all over, expected white where to paint");
  auto [x, y, size] = *bounds;
  const int right = std::min(x + size.width + padding, mask.width),
            bottom = std::min(y + size.height + padding, mask.height);
  x = std::max(x - padding, 0), y = std::max(y - padding, 0);
  size = {right - x, bottom - y};
  const double wanted = static_cast<double>(drawn.width) / drawn.height;
  if (static_cast<double>(size.width) / size.height > wanted)
    stretch(y, size.height, static_cast<int>(size.width / wanted), mask.height);
  else
    stretch(x, size.width, static_cast<int>(size.height * wanted), mask.width);
  return {x, y, size};
}

/// Twice as much of a blurred mask, so that its inner half shows in full.
Image doubled(Image mask) {
  for (uint8_t& value : mask.pixels) value = static_cast<uint8_t>(std::min(2 * value, 255));
  return mask;
}

bool is_pasted(const Request& request) {
  if (request.paste_kept != PasteKept::automatic) return request.paste_kept == PasteKept::on;
  return request.only_masked || painting_rule(request) == PaintingRule::a1111;
}

}  // namespace

InitialPicture initial_picture(const Request& request, ImageSize drawn) {
  InitialPicture initial;
  const double blur = mask_blur(request);
  Image picture = as_rgb(request.init_image);
  Image mask = is_there(request.mask) ? as_grey(request.mask) : Image{0, 0, 1, {}};
  if (request.outpaint != Margins()) {
    mask = grown_mask(mask, {picture.width, picture.height}, request.outpaint, blur);
    picture = grown_picture(picture, request.outpaint);
  }
  if (!is_there(mask)) {
    initial.picture = initial.fill = fitted(picture, drawn, request.resize_mode);
    return initial;
  }
  mask = gaussian_blur(mask, blur);
  if (request.only_masked) {
    const Region region = masked_region(mask, request.mask_padding, drawn);
    initial.picture = fitted(part_of(picture, region), drawn, ResizeMode::fill);
    initial.mask = fitted(part_of(mask, region), drawn, ResizeMode::fill);
    initial.paste = {std::move(picture), std::move(mask), region};
  } else {
    initial.picture = fitted(picture, drawn, request.resize_mode);
    initial.mask = fitted(mask, drawn, request.resize_mode);
    if (is_pasted(request)) initial.paste = {initial.picture, doubled(initial.mask), {0, 0, drawn}};
  }
  initial.fill = request.inpaint_fill == InpaintFill::original
                     ? initial.picture
                     : filled_from_around(initial.picture, initial.mask);
  return initial;
}

/// Pillow's, as the web UI makes a mask small: averages of bicubic weights.
std::vector<float> soft_latent_mask(const Image& mask) {
  const Image small = pillow_resize(mask, {mask.width / 8, mask.height / 8}, PillowFilter::bicubic);
  std::vector<float> values;
  for (const uint8_t value : small.pixels) values.push_back(static_cast<float>(value) / 255.0f);
  return values;
}

std::vector<float> inpainting_mask(const Image& mask, bool soft) {
  std::vector<float> values;
  for (int y = 0; y < mask.height; y += 8)
    for (int x = 0; x < mask.width; x += 8) {
      const float value =
          static_cast<float>(mask.pixels[static_cast<size_t>(y) * static_cast<size_t>(mask.width) +
                                         static_cast<size_t>(x)]);
      values.push_back(soft ? value / 255.0f : value >= 128 ? 1.0f : 0.0f);
    }
  return values;
}

std::vector<float> latent_mask(const Image& mask, PaintingRule rule) {
  if (rule != PaintingRule::a1111) return inpainting_mask(mask, false);
  std::vector<float> values = soft_latent_mask(mask);
  for (float& value : values) value = std::nearbyint(value);
  return values;
}

InitialPicture::Paste with_overlay(const InitialPicture::Paste& paste, const Image& overlay) {
  const Region& region = paste.region;
  InitialPicture::Paste other{paste.onto, paste.overlay, region};
  std::ranges::fill(other.overlay.pixels, uint8_t{0});
  put(other.overlay, fitted(overlay, region.size, ResizeMode::crop), region.x, region.y);
  return other;
}

Image pasted(const InitialPicture::Paste& paste, const Image& drawn) {
  Image result = paste.onto;
  const Region& region = paste.region;
  Image over = result;
  put(over, fitted(drawn, region.size, ResizeMode::crop), region.x, region.y);
  for (size_t i = 0; i < paste.overlay.pixels.size(); ++i)
    for (size_t c = 0; c < 3; ++c) {
      const int share = paste.overlay.pixels[i];
      uint8_t& value = result.pixels[3 * i + c];
      value = static_cast<uint8_t>((over.pixels[3 * i + c] * share + value * (255 - share) + 127) /
                                   255);
    }
  return result;
}

std::vector<float> as_encoder_input(const Image& picture) {
  std::vector<float> values;
  values.reserve(picture.pixels.size());
  for (const uint8_t value : picture.pixels)
    values.push_back(2.0f * (static_cast<float>(value) / 255.0f) - 1.0f);
  return values;
}

std::vector<float> as_encoder_input(const Image& picture, const Image& mask, bool soft) {
  std::vector<float> values = as_encoder_input(picture);
  for (size_t i = 0; i < mask.pixels.size(); ++i) {
    const float shown = soft                    ? 1 - static_cast<float>(mask.pixels[i]) / 255.0f
                        : mask.pixels[i] >= 128 ? 0.0f
                                                : 1.0f;
    for (size_t c = 0; c < 3; ++c) values[3 * i + c] *= shown;
  }
  return values;
}

}  // namespace drypoint
