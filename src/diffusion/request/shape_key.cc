#include "diffusion/request/shape_key.h"

#include <algorithm>
#include <array>

#include "base/error.h"
#include "diffusion/request/adapter_use.h"
#include "diffusion/request/controls.h"
#include "diffusion/request/request.h"
#include "drypoint/fields.h"

namespace drypoint {
namespace {

/// Of which each latent of a batch may have its own.
constexpr std::array<std::string_view, 15> own_fields{"prompt",
                                                      "added_prompt",
                                                      "negative_prompt",
                                                      "guidance_scale",
                                                      "seed",
                                                      "rng",
                                                      "noise",
                                                      "resolution",
                                                      "size",
                                                      "low_threshold",
                                                      "high_threshold",
                                                      "ensd",
                                                      "subseed",
                                                      "subseed_strength",
                                                      "seed_resize"};

}  // namespace

std::optional<std::string> shape_key(const Request& request) {
  if (request.samples != 1) return std::nullopt;
  try {
    const ImageSize size = drawn_size(request);
    std::string key = fmt::format("{}x{}{}{}{}", size.height, size.width,
                                  request.guidance_scale != 1 ? " guided" : "",
                                  request.init_image.pixels.empty() ? "" : " init",
                                  request.mask.pixels.empty() ? "" : " mask");
    for (const auto& field : request_fields())
      if (std::ranges::find(own_fields, field.name) == own_fields.end())
        key += fmt::format(" {}={}", field.name, field.get(request));
    for (const AdapterUse& use : adapters_of(request)) key += fmt::format(" {}", text_of(use));
    for (const Control& control : request.controls)
      for (const char* name : {"name", "weight", "start", "end", "mode", "layer_weights", "pool"})
        key += fmt::format(" {}={}", name, find_field(control_fields(), name)->get(control));
    if (request.controls.empty() && request.image == Image()) key += " uncontrolled";
    return key;
  } catch (const Error&) {  // it will be told when its turn comes
    return std::nullopt;
  }
}

}  // namespace drypoint
