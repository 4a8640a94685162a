// Calibration of eight-bit precisions: which ranges the denoiser's values have.
#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "drypoint/pipeline.h"

namespace drypoint {

/// How a range follows from the magnitudes that were seen.
enum class RangeMethod : uint8_t {
  largest,     ///< all of them
  percentile,  ///< all but one in ten thousand
  mse,         ///< the least mean square error of rounding
  entropy,     ///< the least Kullback-Leibler divergence, as TensorRT's calibrator has it
};
/// "max", "percentile", "mse", "entropy".
std::string_view name(RangeMethod method);
/// Throws bad_argument.
RangeMethod range_method_named(std::string_view name);

struct CalibrationOptions {
  ModelFiles files;
  PipelineOptions pipeline;  ///< its precision must not be of eight bits
  /// Pictures that steer one drawing each, see `score_pictures`; empty: prompts alone.
  std::filesystem::path pictures;
  std::vector<std::string> prompts;  ///< taken in turn; empty: `request`'s
  Request request;                   ///< but for picture and prompt; its seed counts up
  /// Drawings: 1 to 10000; 0: as many as there are pictures, or else prompts.
  int count = 0;
  RangeMethod method = RangeMethod::largest;
  int step_groups = 4;  ///< equal shares of the steps, each with its own ranges: 1 to 64
  /// SmoothQuant's alpha, 0 to 1: how much of what single channels of an input reach beyond others
  /// goes into the weights, where a norm makes that input. 0: nothing; else all is drawn twice.
  double smooth = 0;
};

struct CalibrationProgress {
  int drawing = 0, of = 0;  ///< that is being drawn
};

struct CalibrationCallbacks {
  std::function<void(const CalibrationProgress&)> progress;
  std::function<bool()> stop;
};

/// A product or convolution that eight bits can be for.
struct CalibratedModule {
  std::string name;     ///< as in the original code
  double largest = 0;   ///< magnitude of its input
  double range_f8 = 0;  ///< that is kept; in the step group where it is widest
  double range_i8 = 0;
};

struct Calibration {
  std::vector<CalibratedModule> modules;
  int drawings = 0;
  int resumed = 0;  ///< of these, drawn by a run before
  std::vector<std::string> notices;
};

/// Draws, and writes to `output` (.safetensors) for each module the ranges [step groups] of both
/// eight-bit types, and how they came about: the same bytes for the same input. What has been seen
/// is kept beside it ("output.part") after each drawing, so that a run that was stopped goes on
/// there when it is started again. Throws bad_argument, what `Pipeline` throws, write_failed,
/// cancelled.
Calibration calibrate(const CalibrationOptions& options, const std::filesystem::path& output,
                      const CalibrationCallbacks& callbacks = {});

/// What a file by `calibrate` holds.
struct CalibrationFile {
  std::vector<CalibratedModule> modules;      ///< `largest` is not in the file: 0
  std::string how;                            ///< it was made, as JSON
  std::vector<std::string> kept_f8, kept_i8;  ///< modules that stay as they are
};

/// Whether a file is one; false as well for what cannot be read.
bool is_calibration(const std::filesystem::path& path);
/// Throws bad_file.
CalibrationFile inspect_calibration(const std::filesystem::path& path);

}  // namespace drypoint
