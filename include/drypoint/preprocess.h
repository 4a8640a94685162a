// From a picture to the hint that a ControlNet was trained on: the preprocessors of the web UI's
// ControlNet extension. Those that are networks need their weights, see annotate.h.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "drypoint/control.h"
#include "drypoint/image.h"

namespace drypoint {

/// A number that a preprocessor takes.
struct PreprocessNumber {
  std::string_view meaning;  ///< "low threshold"; empty: it takes none
  double usual = 0, least = 0, most = 0;
};

struct PreprocessOptions {
  std::optional<double> threshold_a, threshold_b;  ///< none: as usual
  Image mask;  ///< of "inpaint": white where it is to be painted anew, as large as the picture
  uint64_t seed = 0;  ///< of "shuffle"
};

struct Preprocessor {
  std::string_view name;                   ///< "canny"
  std::vector<std::string_view> controls;  ///< names of ControlNets that it goes with
  std::string_view help;                   ///< a phrase
  PreprocessNumber threshold_a, threshold_b;
  /// Keeps the picture's size. Null: it is a network.
  Image (*run)(const Image& image, const PreprocessOptions& options);
  /// Of a network: what files with its weights are called, the usual one first.
  std::vector<std::string_view> files = {};
  std::vector<std::string_view> aliases = {};  ///< other names that it has had
  /// Of one of several networks: what the files of the others are called, all of which it needs.
  std::vector<std::string_view> further_files = {};

  bool is_network() const { return run == nullptr; }
};

/// "a.pth and b.pth": the files of a network's weights, by their usual names.
std::string usual_files(const Preprocessor& network);

/// All there are; the first is "none".
std::span<const Preprocessor> preprocessors();

/// By name or alias. Throws bad_argument naming the nearest.
const Preprocessor& preprocessor_named(std::string_view name);

/// What "auto" stands for with a ControlNet of this name: none that is a network.
const Preprocessor& preprocessor_for(std::string_view control);

/// With the usual numbers where none is said. Throws bad_argument for a number out of range, or one
/// that the preprocessor does not take.
PreprocessOptions checked(const Preprocessor& preprocessor, const PreprocessOptions& options);

/// The hint, of the picture's size, without networks. Throws bad_argument (a preprocessor that is
/// one, and as `checked`), out_of_memory.
Image preprocess(const Preprocessor& preprocessor, const Image& image,
                 const PreprocessOptions& options = {});

/// The picture with a shorter side of so many pixels (64 to 4096) in its own proportions, as the
/// web UI's extension preprocesses it: averages where it shrinks, a cubic where it grows. Throws
/// bad_argument as `control_size`.
Image resize_in_proportion(const Image& image, int resolution);

/// The picture at this size. Throws bad_argument for a side under 1, or over 100 megapixels.
Image resize_for_control(const Image& image, ImageSize size, ResizeMode mode);

}  // namespace drypoint
