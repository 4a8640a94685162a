// The picture that a drawing begins with: at the drawn size, with its mask, and how what was drawn
// goes back into it.
#pragma once

#include <optional>
#include <vector>

#include "drypoint/pipeline.h"
#include "image/pillow.h"

namespace drypoint {

struct InitialPicture {
  Image picture;  // RGB, at the size that is drawn
  Image mask;     // one channel, of the same size, blurred; empty: all is painted
  Image fill;     // the picture with what lies under the mask at first

  /// Where it goes in the end, if pixels are pasted: what of it was drawn, and how much of that
  /// shows, 255: all.
  struct Paste {
    Image onto;     // RGB
    Image overlay;  // one channel, of its size
    Region region;
  };
  std::optional<Paste> paste;
};

/// Throws bad_argument where `only_masked` finds nothing that is masked.
InitialPicture initial_picture(const Request& request, ImageSize drawn);

/// Whether the mask counts at each pixel of the latent, 1 or 0: [h/8, w/8].
std::vector<float> latent_mask(const Image& mask, PaintingRule rule);
/// How much it counts, 0 to 1, as soft inpainting has it.
std::vector<float> soft_latent_mask(const Image& mask);
/// What of it UNets for inpainting are told: of each pixel (8 i, 8 j) 1 or 0, or, if `soft`, how
/// much.
std::vector<float> inpainting_mask(const Image& mask, bool soft);

/// With another overlay, of what was drawn.
InitialPicture::Paste with_overlay(const InitialPicture::Paste& paste, const Image& overlay);

/// What was drawn, put where it belongs.
Image pasted(const InitialPicture::Paste& paste, const Image& drawn);

/// [H, W, 3] from -1 to 1, as the VAE's encoder takes it.
std::vector<float> as_encoder_input(const Image& picture);
/// The same with 0 where the mask is 128 or more or, if `soft`, times what of it is not masked.
std::vector<float> as_encoder_input(const Image& picture, const Image& mask, bool soft);

}  // namespace drypoint
