#include <array>
#include <string>

#include "base/error.h"
#include "base/utf8.h"
#include "drypoint/nearest.h"
#include "drypoint/preprocess.h"
#include "image/formats.h"
#include "image/preprocess/preprocessors.h"

namespace drypoint {
namespace {

// Names, numbers and defaults: sd-webui-controlnet, scripts/preprocessor.
const std::array<Preprocessor, 13>& all_preprocessors() {
  static const std::array<Preprocessor, 13> all{{
      {"none", {}, "the picture is the hint", {}, {}, pass_on},
      {"canny",
       {"canny"},
       "edges",
       {"low threshold", 100, 0, 1000},
       {"high threshold", 200, 0, 1000},
       canny},
      {"invert", {}, "white lines of black ones", {}, {}, invert},
      {"threshold", {}, "white where all channels are above", {"level", 127, 0, 255}, {}, binarize},
      {"scribble_xdog",
       {"scribble"},
       "strokes, by a difference of Gaussians",
       {"threshold", 32, 1, 64},
       {},
       scribble_xdog},
      {"lineart_standard", {"lineart"}, "lines, from black on white", {}, {}, lineart_standard},
      {"blur_gaussian", {"blur"}, "blurred", {"sigma", 9, 0.01, 64}, {}, blur_gaussian},
      {"tile_resample",
       {"tile"},
       "made smaller, then as large as before",
       {"down-sampling rate", 1, 1, 8},
       {},
       tile_resample},
      {"recolor_luminance",
       {"recolor"},
       "grey, by luminance",
       {"gamma", 1, 0.1, 2},
       {},
       recolor_luminance},
      {"recolor_intensity",
       {},
       "grey, by the largest channel",
       {"gamma", 1, 0.1, 2},
       {},
       recolor_intensity},
      {"shuffle", {"shuffle"}, "bent at random, by the request's seed", {}, {}, shuffle},
      {"inpaint", {"inpaint"}, "the picture without what the mask covers", {}, {}, inpaint},
      {"inpaint_only", {}, "the same", {}, {}, inpaint},
  }};
  return all;
}

void check_number(const Preprocessor& preprocessor, std::string_view field,
                  const std::optional<double>& value, const PreprocessNumber& number) {
  if (!value) return;
  if (number.meaning.empty())
    fail(ErrorKind::bad_argument, "{}: {}, but the preprocessor {} takes none", field, *value,
         preprocessor.name);
  if (!(*value >= number.least && *value <= number.most))
    fail(ErrorKind::bad_argument, "{}: {}, expected {} to {}, the {} of {}", field, *value,
         number.least, number.most, number.meaning, preprocessor.name);
}

}  // namespace

std::span<const Preprocessor> preprocessors() { return all_preprocessors(); }

const Preprocessor& preprocessor_named(std::string_view name) {
  std::vector<std::string> names;
  for (const Preprocessor& preprocessor : preprocessors()) {
    if (preprocessor.name == name) return preprocessor;
    names.emplace_back(preprocessor.name);
  }
  std::string listed;
  for (const std::string& one : names) listed += (listed.empty() ? "" : ", ") + one;
  fail(ErrorKind::bad_argument, "preprocessor: \"{}\", expected one of {} (is it {}?)",
       printable(std::string(name)), listed, nearest(name, names));
}

const Preprocessor& preprocessor_for(std::string_view control) {
  for (const Preprocessor& preprocessor : preprocessors())
    for (const std::string_view name : preprocessor.controls)
      if (name == control) return preprocessor;
  return preprocessors()[0];
}

Image preprocess(const Preprocessor& preprocessor, const Image& image,
                 const PreprocessOptions& options) {
  check_image(image);
  check_number(preprocessor, "threshold_a", options.threshold_a, preprocessor.threshold_a);
  check_number(preprocessor, "threshold_b", options.threshold_b, preprocessor.threshold_b);
  PreprocessOptions numbers = options;
  if (!options.threshold_a) numbers.threshold_a = preprocessor.threshold_a.usual;
  if (!options.threshold_b) numbers.threshold_b = preprocessor.threshold_b.usual;
  return at_border("preprocessing", [&] { return preprocessor.run(image, numbers); });
}

}  // namespace drypoint
