// Saved plans: a model made ready for one device, in a file that loads at once.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "drypoint/edges.h"
#include "drypoint/pipeline.h"

namespace drypoint {

/// What a plan's weights are packed for. A plan runs where all but `name` is the same.
struct PlanDevice {
  std::string kind;       ///< "cuda", "cpu" or "reference"
  std::string hardware;   ///< "compute capability 9.0", or libraries and their instruction sets
  std::string name;       ///< "NVIDIA H100 80GB HBM3"; choices among kernels hold for this one
  std::string precision;  ///< "fp16", "bf16", "tf32" or "fp32"

  bool operator==(const PlanDevice&) const = default;
};

struct PlanPart {
  std::string name;    ///< "UNet", "ControlNet", "VAE" or "text encoder"
  std::string source;  ///< the file or folder that it was read from, as it was given
  int64_t tensors = 0, parameters = 0;
};

struct PlanInfo {
  std::string producer;        ///< the version of Drypoint that built it: "0.1.0"
  std::string model, control;  ///< the names of the checkpoints
  PlanDevice device;
  std::vector<ImageSize> sizes;  ///< that it was built for
  int samples = 1;               ///< pictures at once
  /// Whether it runs other sizes too. If not, those that need a weight in another layout fail.
  bool any_size = true;
  std::vector<PlanPart> parts;
  bool has_tokenizer = false;    ///< a vocabulary of the model's own
  int64_t packed_weights = 0;    ///< how many
  int64_t packed_bytes = 0;      ///< of weights as the device's kernels read them
  int64_t checkpoint_bytes = 0;  ///< of tensors as in the checkpoint, to pack when they are needed
  int64_t choices = 0;           ///< among kernels, of those that can be chosen
  int64_t file_bytes = 0;
};

struct BuildOptions {
  /// Of the pictures; empty: the square of the model's default resolution.
  std::vector<ImageSize> sizes;
  int samples = 1;  ///< pictures at once, 1 to 64
  /// On a device whose layouts depend on the size (CPUs), adds the checkpoint's own tensors, so
  /// that other sizes and settings run as well. Costs as much as they take in the checkpoint.
  bool any_size = true;
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
