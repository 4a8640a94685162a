// The controls that a request asks for.
#pragma once

#include <string>
#include <vector>

#include "base/error.h"
#include "drypoint/control.h"
#include "drypoint/pipeline.h"

namespace drypoint {

/// At most so many steer at once.
inline constexpr size_t most_controls = 8;

/// One of a request's controls, its pictures left where they are.
struct AskedControl {
  Control settings;  // without pictures
  const Image* image = nullptr;
  const Image* mask = nullptr;  // or null
  bool is_ready = false;        // the picture is the hint, taken at its own size
};

/// "depth_midas:FILE": a preprocessor's name, and where its weights are, if that is said.
struct PreprocessorText {
  std::string name, weights;
};
PreprocessorText preprocessor_text(const std::string& text);

/// What a request without a list says of the one that its own picture is.
Control own_control(const Request& request);

/// Those that a request lists, or the one that its own picture and strength are.
std::vector<AskedControl> asked_controls(const Request& request);

/// Throws bad_argument naming the control, its field, what it is and what it may be.
void check_controls(const Request& request);

/// Repeats what `body` throws with the control in front.
template <class Body>
auto of_control(size_t number, const Body& body) {
  try {
    return body();
  } catch (const Error& error) {
    fail(error.kind(), "controls[{}].{}", number, error.what());
  }
}

/// The size of what is drawn: the request's, or that of the first control's picture, or a square of
/// the resolution. Throws bad_argument.
ImageSize drawn_size(const Request& request);

}  // namespace drypoint
