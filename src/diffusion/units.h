// What steers a request, made ready for a denoiser.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "diffusion/model/stages.h"
#include "drypoint/control.h"

namespace drypoint {

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
