#include "diffusion/request/request.h"

#include "base/error.h"
#include "checkpoint/configurations.h"
#include "diffusion/request/controls.h"
#include "diffusion/request/painting.h"
#include "drypoint/fields.h"
#include "image/edge_checks.h"
#include "image/formats.h"
#include "text/prompt_schedule.h"
#include "text/words.h"

namespace drypoint {
namespace {

void expect_between(std::string_view field, double value, double low, double high) {
  if (!(value >= low && value <= high))
    fail(ErrorKind::bad_argument, "{}: {}, expected {} to {}", field, value, low, high);
}

}  // namespace

void check_size(ImageSize size, std::string_view what) {
  if (size.width <= 0 || size.height <= 0 || size.width % 8 != 0 || size.height % 8 != 0)
    fail(ErrorKind::bad_argument, "{}: {}x{} (height x width), expected positive multiples of 8",
         what, size.height, size.width);
  if (int64_t{size.width} * size.height > most_pixels)
    fail(ErrorKind::bad_argument, "{}: {}x{} (height x width), expected at most {} megapixels",
         what, size.height, size.width, most_pixels / 1'000'000);
}

void check_samples(int samples, std::string_view what) { expect_between(what, samples, 1, 64); }

void check(const Request& request) {
  for (const auto& field : request_fields()) field.check(request);
  check_painting(request);
  check_thresholds(request.low_threshold, request.high_threshold);
  check_controls(request);
  const Image& image = request.image;
  if (image == Image()) {
    if (request.is_edges) fail(ErrorKind::bad_argument, "image: none was given");
    drawn_size(request);
    return;
  }
  check_image(image);
  const ImageSize size{image.width, image.height};
  if (request.is_edges) check_size(size, "edges");
  if (request.is_edges && request.size != ImageSize() && request.size != size)
    fail(ErrorKind::bad_argument, "size: {}x{} (height x width), but the edges have {}x{}",
         request.size.height, request.size.width, size.height, size.width);
}

ImageSize drawn_size(const Request& request, ImageSize picture) {
  if (request.is_edges) return picture;
  return request.size == ImageSize() ? control_size(picture, request.resolution) : request.size;
}

std::string full_prompt(const Request& request) {
  if (request.added_prompt.empty()) return request.prompt;
  // A lone weight at the end is only the web UI's where its syntax was asked for.
  const bool in_parts = request.parser == ParserKind::a1111 ||
                        (request.parser == ParserKind::automatic &&
                         find_word(request.prompt, "AND") != std::string::npos);
  return in_parts ? with_added(request.prompt, request.added_prompt)
                  : request.prompt + ", " + request.added_prompt;
}

Request defaults_from(const std::map<std::string, std::string, std::less<>>& metadata,
                      const std::string& file) {
  Request request;
  if (const std::string spacing = ddim_spacing(metadata, file); !spacing.empty())
    request.schedule = schedule_named(spacing);
  for (const char* name :
       {"resolution", "steps", "guidance_scale", "strength", "added_prompt", "negative_prompt"}) {
    const std::string key = std::string("drypoint.") + name;
    const auto found = metadata.find(key);
    if (found == metadata.end()) continue;
    const Field<Request>& field = *find_field(request_fields(), name);
    try {
      field.set(request, found->second);
      field.check(request);
    } catch (const Error& error) {
      fail(ErrorKind::bad_file, "{}: metadata {}: {}", file, key, error.what());
    }
  }
  return request;
}

}  // namespace drypoint
