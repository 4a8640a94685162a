// Saved plans: a model made ready for one device, in a file that loads at once.
#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "drypoint/pipeline.h"
#include "drypoint/plan_info.h"

namespace drypoint {

struct BuildOptions {
  /// Of the pictures; empty: the square of the model's default resolution.
  std::vector<ImageSize> sizes;
  int samples = 1;  ///< pictures at once, 1 to 64
  /// On a device whose layouts depend on the size (CPUs), adds the checkpoint's own tensors, so
  /// that other sizes and settings run as well. Costs as much as they take in the checkpoint.
  bool any_size = true;
  /// Adds them on any device, so that adapters (`Request::loras`) can be applied.
  bool keep_tensors = false;
  PipelineOptions pipeline;
};

struct BuildProgress {
  std::string what;  ///< "text encoder", "denoiser 256x384" (height x width), ..., "writing"
  int done = 0, of = 0;
};

/// Both are called from the thread that calls `build_plan`.
struct BuildCallbacks {
  std::function<void(const BuildProgress&)> progress;
  std::function<bool()> stop;  ///< true: give up; asked often, must be cheap
};

struct BuiltPlan {
  PlanInfo info;
  std::vector<std::pair<std::string, double>> seconds;  ///< spent on "open", "prepare", "write"
};

/// Makes the model ready for pictures of these sizes (guided, without eta), tuning it as
/// `options.pipeline.level` says, and writes what came of it, whole or not at all. The file is of
/// the safetensors format. Throws bad_argument, what `Pipeline` throws, write_failed, cancelled.
BuiltPlan build_plan(const ModelFiles& files, const std::filesystem::path& output,
                     const BuildOptions& options = {}, const BuildCallbacks& callbacks = {});

/// Whether the file looks like a plan, whatever its version and state; false if it can't be read.
bool is_plan(const std::filesystem::path& path);

/// What a plan is for, from its header, whose checksum is checked. With `verify` all data are
/// checked too, which reads the whole file; drawing does that with what it loads.
/// Throws bad_file if it is damaged, truncated, no plan, or of another version.
PlanInfo inspect_plan(const std::filesystem::path& path, bool verify = false);

}  // namespace drypoint
