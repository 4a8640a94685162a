// Two precisions side by side: where in a denoising step the second loses what.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "drypoint/pipeline.h"

namespace drypoint {

/// Which modules stay first.
enum class KeepFirst : uint8_t {
  worst,  ///< those of the largest error
  dear,   ///< those of the largest square of it for what they gain
};

struct ComparisonOptions {
  ModelFiles files;      ///< calibration and kept modules are `b`'s
  PipelineOptions a, b;  ///< the trusted one, and the other
  std::filesystem::path pictures;
  std::vector<std::string> prompts;
  Request request;
  int count = 1;                            ///< drawings, as in `CalibrationOptions`
  int steps = 3;                            ///< that are looked at, spread over all: 1 to 32
  KeepFirst keep_first = KeepFirst::worst;  ///< in `find_kept`
};

/// What eight bits, or another precision, does to one product.
struct ComparedModule {
  std::string name;
  /// Of its result, for each step looked at: root mean square difference over root mean square.
  std::vector<double> errors;
  double worst = 0;       ///< the largest of them
  double saturation = 0;  ///< share of its input's values that are cut
  double gain = 0;        ///< its share of the step's additions and multiplications
  bool rounded = false;   ///< whether `b` computes it in eight bits
};

struct PrecisionComparison {
  std::string model, device_a, device_b;
  std::vector<int> steps;               ///< numbers, from 0
  std::vector<ComparedModule> modules;  ///< the worst first
  std::vector<double> psnr;             ///< of each drawing's picture, dB
  std::vector<std::string> notices;
};

struct ComparisonProgress {
  std::string what;  ///< "fp32 1/2", "fp8 1/2", "24 modules kept"
};

struct ComparisonCallbacks {
  std::function<void(const ComparisonProgress&)> progress;
  std::function<bool()> stop;
};

/// Draws with both. At the steps that are looked at, `b` begins with `a`'s latents, so that what is
/// found is what that step loses. Throws what `Pipeline` throws.
PrecisionComparison compare(const ComparisonOptions& options,
                            const ComparisonCallbacks& callbacks = {});

/// All of it as one HTML page that needs nothing else, with a plot of each module's errors.
std::string comparison_page(const PrecisionComparison& comparison);

/// What a search for modules to keep has come to.
struct Trial {
  int kept = 0;
  double psnr = 0;  ///< mean over the drawings, dB
};
struct KeptModules {
  std::vector<std::string> kept;
  double psnr = 0;
  std::vector<Trial> trials;
  PrecisionComparison comparison;
};

/// The smallest number of modules, in the order of `keep_first`, that must stay as they are so that
/// the pictures have a mean PSNR of `quality` dB against `a`'s; found by bisection. Throws
/// bad_argument if not even all together do.
KeptModules find_kept(const ComparisonOptions& options, double quality,
                      const ComparisonCallbacks& callbacks = {});

/// A calibration file with what was found for a precision: the modules that stay, and the quality
/// that they give. Throws bad_file, write_failed.
void write_kept(const std::filesystem::path& calibration, const std::filesystem::path& output,
                Precision precision, const KeptModules& found);

}  // namespace drypoint
