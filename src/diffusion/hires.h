// The second pass over a larger latent, as the web UI's "hires fix" has it.
#pragma once

#include <span>
#include <vector>

#include "drypoint/pipeline.h"

namespace drypoint {

/// The size of the second pass. Throws bad_argument where it is too large.
ImageSize hires_size(const Request& request, ImageSize first);

/// The request of the second pass, but for what it begins with.
Request hires_request(const Request& request, ImageSize first, uint64_t seed);

/// As the web UI writes it: "Latent (bicubic)".
std::string_view label(HiresUpscaler upscaler);

/// Whether it enlarges latents, not pictures.
bool is_of_latents(HiresUpscaler upscaler);

/// [planes, h, w] -> [planes, h', w'], as PyTorch's `interpolate` with the mode and antialiasing of
/// this name.
std::vector<float> enlarged(std::span<const float> planes, ImageSize from, ImageSize to,
                            HiresUpscaler upscaler);

}  // namespace drypoint
