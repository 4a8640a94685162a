// What steers a request, made ready for a denoiser.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "diffusion/model.h"
#include "drypoint/control.h"

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

/// What a request without a list says of the one that its own picture is.
Control own_control(const Request& request);

/// Those that a request lists, or the one that its own picture and strength are.
std::vector<AskedControl> asked_controls(const Request& request);

/// Throws bad_argument naming the control, its field, what it is and what it may be.
void check_controls(const Request& request);

/// The size of what is drawn: the request's, or that of the first control's picture, or a square of
/// the resolution. Throws bad_argument.
ImageSize drawn_size(const Request& request);

/// A control with its hint, as the denoiser takes it.
struct Unit {
  Control settings;  // without pictures; names and preprocessor are what they stand for
  size_t net = 0;    // of the model's ControlNets
  bool positive_only = false, pooled = false;
  std::vector<float> scales;  // of each control tensor
  Image hint;
  Image masked;  // where it is bright the hint is -1 instead; may be empty
  Image region;  // one channel: where it steers; empty: everywhere
};

/// The factors of so many control tensors, the middle block's last: the weight times the layers',
/// or unless it is balanced times 0.825^(tensors - 1 - i).
std::vector<float> control_scales(const Control& control, size_t tensors);

/// Of a request that was checked. Adds to `notices` what is odd about a hint. Throws bad_argument
/// for a ControlNet or preprocessor that there is not, or one without its weights.
std::vector<Unit> units_of(const Request& request, const Stages& model, ImageSize size, bool guided,
                           std::vector<std::string>& notices, const StopRequested& stop = {});

/// Whether two requests' units differ in their pictures at most, so that they can be drawn
/// together.
bool steer_alike(std::span<const Unit> a, std::span<const Unit> b);

}  // namespace drypoint
