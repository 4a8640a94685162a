// Pictures that steer the drawing, each through a ControlNet.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "drypoint/image.h"
#include "drypoint/resize_mode.h"

namespace drypoint {

/// What counts more, as the web UI's ControlNet extension has it.
enum class ControlMode : uint8_t {
  balanced,  ///< both prompts are steered, by all layers alike
  prompt,    ///< the prompt: layer i of the 13 counts 0.825^(12 - i)
  control,   ///< the control: the same, and the negative prompt is not steered (guess mode)
};

/// Whether what a ControlNet gives is averaged over the picture, so that it says how the picture is
/// to look, but not where. The negative prompt is not steered then.
enum class PoolControl : uint8_t {
  automatic,  ///< as its configuration says, or its file's name: those for shuffled pictures
  on,
  off,
};

/// One picture and the ControlNet or T2I-Adapter that it steers through.
struct Control {
  /// Of a ControlNet, as it was called when the model was loaded; empty: the first one.
  std::string name;
  /// The picture; empty: the request's own.
  Image image;
  /// What turns the picture into the hint that the ControlNet sees, see preprocess.h. "auto": what
  /// goes with the ControlNet's name ("canny" with "canny"), where there is such, else "none"; of a
  /// request's own edges always "none". "depth_midas:FILE": a network with the weights of a file,
  /// or of those in a folder, instead of those in `ModelFiles::annotators`.
  std::string preprocessor = "auto";
  /// The preprocessor's own numbers; none: its defaults. For "canny" the low and high threshold.
  std::optional<double> threshold_a, threshold_b;
  ResizeMode resize = ResizeMode::crop;
  /// Of the shorter side while it is preprocessed, 64 to 4096; 0: at the size that is drawn.
  int resolution = 0;

  double weight = 1;  ///< of all its control tensors, finite
  /// Step i of n is steered unless i/n < start or (i+1)/n > end, which is diffusers' rule; 0 to 1.
  /// As `Request::compat` says, by the web UI's, start <= i/n <= end, or by ComfyUI's, where they
  /// are shares of the trained timesteps. The steps outside cost what they cost without it.
  double start = 0, end = 1;
  ControlMode mode = ControlMode::balanced;
  /// Of each control tensor, from the shallowest to the middle block's, in the place of the mode's
  /// (13 of them, times `weight`); empty: the mode's.
  std::vector<double> layer_weights;
  PoolControl pool = PoolControl::automatic;
  /// For the preprocessor "inpaint": white (from 128) where the picture is to be painted anew. With
  /// any other: where it steers, white fully, black not at all (its tensors, times the mask made as
  /// large). Resized like the picture.
  Image mask;
};

}  // namespace drypoint
