#include "diffusion/request.h"

#include <charconv>
#include <cmath>

#include "base/error.h"
#include "checkpoint/named_tensors.h"
#include "image/edge_checks.h"
#include "image/formats.h"
#include "text/unicode.h"

namespace drypoint {
namespace {

void expect_between(std::string_view field, double value, double low, double high) {
  if (!(value >= low && value <= high))
    fail(ErrorKind::bad_argument, "{}: {}, expected {} to {}", field, value, low, high);
}

void expect_not_negative(std::string_view field, double value) {
  if (!std::isfinite(value) || value < 0)
    fail(ErrorKind::bad_argument, "{}: {}, expected a finite number from 0", field, value);
}

void expect_utf8(std::string_view field, std::string_view text) {
  try {
    decode_utf8(text);
  } catch (const Error& error) {
    fail(error.kind(), "{}: {}", field, error.what());
  }
}

template <class Number>
void read_number(const std::map<std::string, std::string, std::less<>>& metadata,
                 const std::string& key, const std::string& file, Number& value) {
  const auto found = metadata.find(key);
  if (found == metadata.end()) return;
  const std::string& text = found->second;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size())
    fail(ErrorKind::bad_file, "{}: metadata {}: \"{}\", expected a number", file, key,
         printable(text));
}

void read_text(const std::map<std::string, std::string, std::less<>>& metadata,
               std::string_view key, std::string& value) {
  if (const auto found = metadata.find(key); found != metadata.end()) value = found->second;
}

}  // namespace

void check_size(ImageSize size, std::string_view what) {
  if (size.width <= 0 || size.height <= 0 || size.width % 8 != 0 || size.height % 8 != 0)
    fail(ErrorKind::bad_argument, "{}: {}x{} (height x width), expected multiples of 8", what,
         size.height, size.width);
  if (int64_t{size.width} * size.height > most_pixels)
    fail(ErrorKind::bad_argument, "{}: {}x{} (height x width), expected at most {} megapixels",
         what, size.height, size.width, most_pixels / 1'000'000);
}

void check_samples(int samples) { expect_between("samples", samples, 1, 64); }

void check(const Request& request) {
  expect_utf8("prompt", request.prompt);
  expect_utf8("added prompt", request.added_prompt);
  expect_utf8("negative prompt", request.negative_prompt);
  expect_between("steps", request.steps, 1, 999);
  check_samples(request.samples);
  check_resolution(request.resolution);
  expect_not_negative("scale", request.guidance_scale);
  expect_not_negative("strength", request.strength);
  expect_not_negative("eta", request.eta);
  check_thresholds(request.low_threshold, request.high_threshold);
  const Image& image = request.image;
  if (image.width <= 0 || image.height <= 0) fail(ErrorKind::bad_argument, "image: none was given");
  check_image(image);
  if (request.is_edges) check_size({image.width, image.height}, "edges");
}

std::string full_prompt(const Request& request) {
  return request.added_prompt.empty() ? request.prompt
                                      : request.prompt + ", " + request.added_prompt;
}

Request defaults_from(const std::map<std::string, std::string, std::less<>>& metadata,
                      const std::string& file) {
  Request request;
  read_number(metadata, "drypoint.resolution", file, request.resolution);
  read_number(metadata, "drypoint.steps", file, request.steps);
  read_number(metadata, "drypoint.guidance_scale", file, request.guidance_scale);
  read_number(metadata, "drypoint.strength", file, request.strength);
  read_text(metadata, "drypoint.added_prompt", request.added_prompt);
  read_text(metadata, "drypoint.negative_prompt", request.negative_prompt);
  Request complete = request;
  complete.image = {16, 16, 1, std::vector<uint8_t>(256)};
  try {
    check(complete);
  } catch (const Error& error) {
    fail(ErrorKind::bad_file, "{}: metadata: {}", file, error.what());
  }
  return request;
}

}  // namespace drypoint
