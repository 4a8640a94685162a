// The choices that decide how a picture is drawn from another, or over a part of it.
#pragma once

#include <cstdint>

#include "drypoint/resize_mode.h"

namespace drypoint {

/// Whose arithmetic. Both start in the middle of the walk of n steps, with strength s:
///   diffusers: at step n - min(int(n s), n), from the initial picture's latent, sampled from what
///     the VAE's encoder says of it (which takes the generator's first draw), with that step's
///     noise. A mask counts where it is 128 or more, and by its pixel (8 i, 8 j) in the latent;
///     after each step what is kept becomes the initial latent with the next step's noise. At s = 1
///     the start is noise alone where there is a mask. UNets for inpainting keep nothing: they see
///     the mask. No blur and no pasting, where nothing else is said.
///   a1111: one step more, int(min(s, 0.999) n) + 1 of them, from the mean of what the encoder
///     says. The mask is blurred by 4 pixels, made small by bicubic averages and rounded; what the
///     model predicts as the clean latent is replaced by the initial one where it is kept; with
///     UNets for inpainting too. In the end the initial pixels are pasted over what is kept.
///   comfy: the last n steps of a walk of int(n / s), from the mean of what the encoder says. Not
///     with masks, which ComfyUI blurs in the latent.
enum class PaintingRule : uint8_t {
  automatic,  ///< diffusers for its own samplers (DDIM, PLMS, UniPC, DEIS, LCM, TCD), else a1111;
              ///< comfy with `CompatKind::comfy` and without a mask; a1111 with soft inpainting
  diffusers,
  a1111,
  comfy,
};

/// What lies under the mask when drawing begins, as the web UI's "Masked content". At strength 1 it
/// hardly matters.
enum class InpaintFill : uint8_t {
  original,        ///< what was there
  fill,            ///< the colours around, blurred
  latent_noise,    ///< noise in the latent
  latent_nothing,  ///< zeros in the latent
};

/// Whether the pixels that a mask keeps are those of the initial picture in the end, or come
/// through the VAE.
enum class PasteKept : uint8_t {
  automatic,  ///< as the rule says, and always with `only_masked`
  on,
  off,
};

/// Pixels by which a picture grows on each side.
struct Margins {
  int left = 0, top = 0, right = 0, bottom = 0;

  bool operator==(const Margins&) const = default;
};

/// What makes a small picture's latent that of a large one, for a second pass over it.
enum class HiresUpscaler : uint8_t {
  latent,                      ///< bilinear, of the latent ("Latent")
  latent_antialiased,          ///< ("Latent (antialiased)")
  latent_bicubic,              ///< ("Latent (bicubic)")
  latent_bicubic_antialiased,  ///< ("Latent (bicubic antialiased)")
  latent_nearest,              ///< ("Latent (nearest)")
  latent_nearest_exact,        ///< ("Latent (nearest-exact)")
  lanczos,                     ///< of the picture, which is decoded and encoded for it
  nearest,                     ///< the same with larger pixels
  model,                       ///< the same by the network of `ModelFiles::upscaler`
};

}  // namespace drypoint
