// What a request to the web UI's API asks to be drawn.
#pragma once

#include "server/controlnet_units.h"
#include "server/sdapi_options.h"

namespace drypoint::server {

struct Drawing {
  Order order;
  std::vector<Unit> units;
  std::string format;    ///< "png" ...
  uint64_t subseed = 0;  ///< of the first picture, where they are variations
  bool is_variation = false;
  bool send_images = true;
};

/// Of txt2img, or of img2img. What is said of a second pass, of an initial picture or of a mask
/// counts where there is one, as in the web UI. Throws 422 naming what is wrong or what nothing
/// here does.
Drawing read_drawing(const Context& context, SdapiOptions& options, const HttpRequest& request,
                     const Json& body, bool is_img2img);

}  // namespace drypoint::server
