#include "diffusion/request/controls.h"

#include "base/error.h"
#include "base/utf8.h"
#include "diffusion/request/painting.h"
#include "diffusion/request/request.h"
#include "drypoint/fields.h"
#include "drypoint/preprocess.h"
#include "image/formats.h"

namespace drypoint {
namespace {

bool is_empty(const Image& image) { return image.width <= 0 || image.height <= 0; }

Control without_pictures(const Control& control) {
  Control settings;
  for (const auto& field : control_fields()) field.set(settings, field.get(control));
  return settings;
}

/// The request's picture as canny2image has it.
AskedControl own_picture(const Request& request) {
  return {own_control(request), &request.image, nullptr, request.is_edges};
}

}  // namespace

PreprocessorText preprocessor_text(const std::string& text) {
  const size_t colon = text.find(':');
  if (colon == text.npos) return {text, ""};
  if (colon + 1 == text.size())
    fail(ErrorKind::bad_argument, "preprocessor: \"{}\", expected a file behind the colon",
         printable(text));
  return {text.substr(0, colon), text.substr(colon + 1)};
}

Control own_control(const Request& request) {
  Control settings;
  settings.preprocessor = request.is_edges ? "none" : "canny";
  if (!request.is_edges) {
    settings.threshold_a = request.low_threshold;
    settings.threshold_b = request.high_threshold;
  }
  settings.weight = request.strength;
  settings.mode = request.guess_mode ? ControlMode::control : ControlMode::balanced;
  return settings;
}

std::vector<AskedControl> asked_controls(const Request& request) {
  std::vector<AskedControl> all;
  if (request.controls.empty() && !is_empty(request.image)) all.push_back(own_picture(request));
  for (const Control& control : request.controls) {
    const bool is_own = is_empty(control.image);
    all.push_back({without_pictures(control), is_own ? &request.image : &control.image,
                   is_empty(control.mask) ? nullptr : &control.mask, is_own && request.is_edges});
  }
  return all;
}

void check_controls(const Request& request) {
  if (request.controls.size() > most_controls)
    fail(ErrorKind::bad_argument, "controls: {}, expected at most {}", request.controls.size(),
         most_controls);
  for (size_t i = 0; i < request.controls.size(); ++i)
    of_control(i, [&] {
      const Control& control = request.controls[i];
      for (const auto& field : control_fields()) field.check(control);
      if (control.start > control.end)
        fail(ErrorKind::bad_argument, "start: {}, expected at most end, {}", control.start,
             control.end);
      if (is_empty(control.image) && is_empty(request.image))
        fail(ErrorKind::bad_argument, "image: none was given, nor one of the request's own");
      if (!is_empty(control.image)) check_image(control.image);
      if (!is_empty(control.mask)) check_image(control.mask);
      const std::string preprocessor = preprocessor_text(control.preprocessor).name;
      if (preprocessor != "auto") preprocessor_named(preprocessor);
    });
}

ImageSize drawn_size(const Request& request) {
  if (request.size != ImageSize()) return request.size;
  const std::vector<AskedControl> controls = asked_controls(request);
  if (controls.empty()) {
    const ImageSize initial = initial_size(request);
    return control_size(initial == ImageSize() ? ImageSize{64, 64} : initial, request.resolution);
  }
  const ImageSize own{controls[0].image->width, controls[0].image->height};
  for (const AskedControl& control : controls)
    if (control.is_ready) return {control.image->width, control.image->height};
  return control_size(own, request.resolution);
}

}  // namespace drypoint
