// Eight bits where they pay, as far as a quality allows.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "drypoint/compare.h"

namespace drypoint {

struct MixedOptions {
  /// With a calibration its ranges count, and where it says for which modules the quality is kept
  /// (`write_kept`), nothing is drawn.
  ModelFiles files;
  PipelineOptions pipeline;  ///< its precision is the one that quality is measured against
  double quality = 32;       ///< mean PSNR in dB that pictures are to have, above 0
  /// What is drawn to find out, as in `CalibrationOptions`.
  std::filesystem::path pictures;
  std::vector<std::string> prompts;
  Request request;
  int count = 0;
};

/// Which products are computed in eight bits.
struct FoundMixed {
  ModelFiles files;                     ///< with the calibration, and what stays among `keep`
  PipelineOptions pipeline;             ///< fp8 on a GPU, int8 on a CPU
  std::optional<KeptModules> measured;  ///< none: the calibration says it
  std::shared_ptr<void> calibration;    ///< where it was made for this: removed with the last owner
};

struct MixedCallbacks {
  std::function<void(const std::string& doing)> progress;
  std::function<bool()> stop;
};

/// Calibrates unless there is a calibration, compares with the other precision, and lets those
/// modules stay first whose error is large for what they would gain (`KeepFirst::dear`). Throws
/// bad_argument if there is nothing to draw that would tell, or no way to that quality; what
/// `calibrate` and `compare` throw.
FoundMixed find_mixed(const MixedOptions& options, const MixedCallbacks& callbacks = {});

}  // namespace drypoint
