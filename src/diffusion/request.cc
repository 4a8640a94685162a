#include "diffusion/request.h"

#include <charconv>
#include <cmath>

#include "base/error.h"
#include "base/utf8.h"
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
void read_value(const std::string& text, Number& value) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size())
    fail(ErrorKind::bad_file, "\"{}\", expected a number", printable(text));
}

void read_value(const std::string& text, std::string& value) { value = text; }

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
  expect_utf8("prompt", request.prompt);
  expect_utf8("added prompt", request.added_prompt);
  expect_utf8("negative prompt", request.negative_prompt);
  expect_between("steps", request.steps, 1, 999);
  check_samples(request.samples);
  check_resolution(request.resolution);
  expect_not_negative("scale", request.guidance_scale);
  expect_not_negative("strength", request.strength);
  if (request.eta) expect_not_negative("eta", *request.eta);
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
  request.image = {16, 16, 1, std::vector<uint8_t>(256)};  // for the checks
  const auto read = [&](std::string_view key, auto& value) {
    const auto found = metadata.find(key);
    if (found == metadata.end()) return;
    try {
      read_value(found->second, value);
      check(request);
    } catch (const Error& error) {
      fail(ErrorKind::bad_file, "{}: metadata {}: {}", file, key, error.what());
    }
  };
  read("drypoint.resolution", request.resolution);
  read("drypoint.steps", request.steps);
  read("drypoint.guidance_scale", request.guidance_scale);
  read("drypoint.strength", request.strength);
  read("drypoint.added_prompt", request.added_prompt);
  read("drypoint.negative_prompt", request.negative_prompt);
  request.image = {};
  return request;
}

}  // namespace drypoint
