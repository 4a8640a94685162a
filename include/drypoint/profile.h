// Where the time of a picture goes: every operation and every kernel.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "drypoint/workload.h"

namespace drypoint {

struct ProfileOptions {
  Workload workload;
  ImageSize size;  ///< sides are multiples of 8
  /// Of "text", "hint", "step" and "vae", as in `bench`; empty: all.
  std::vector<std::string> parts;
  int repeats = 8;  ///< times that each part runs, from 1 to 20; the faster half counts
};

/// What a device can do, as measured through its own kernels: the best of a few large products, and
/// of the copy and the sum of tensors far larger than any cache.
struct DeviceLimits {
  double flops_per_second = 0, bytes_per_second = 0;
  std::string product, move;  ///< of which they are, "linear f32[2048, 1024] x [1024, 1024]"
};

struct KernelProfile {
  std::string name;
  double begin = 0, seconds = 0;  ///< begin: after the part's
};

/// What an operation reads.
struct OperandProfile {
  /// Name of a weight as in the checkpoint (where it was made of several, "a.weight and 2 more"),
  /// of an input, or "%12".
  std::string name, type;
  int from = -1;  ///< number of the operation in this part that made it, if one did
};

struct OperationProfile {
  std::string module;      ///< as in the checkpoint
  std::string kind;        ///< "conv2d"
  std::string attributes;  ///< "conv2d stride=2 ..."
  std::string output;      ///< type of the result, "f16[2, 32, 48, 320]"
  std::vector<OperandProfile> inputs;
  double begin = 0;  ///< seconds after the part's
  double span = 0;   ///< seconds from the begin of its first kernel to the end of its last
  /// What it adds to the part: its span less what ran under those before it.
  double seconds = 0;
  double gap = 0;  ///< seconds before it in which nothing ran
  /// What there is to do, see docs/performance.md; bytes as if caches started empty.
  double flops = 0, bytes = 0;
  double limit_seconds = 0;  ///< what that takes at the device's limits, the larger of the two
  bool bound_by_memory = false;
  std::vector<KernelProfile> kernels;  ///< on a CPU one, the operation itself; of a view none
};

struct PartProfile {
  std::string name;
  /// "wall clock", "CUPTI inside a CUDA graph", "CUPTI, kernel by kernel", or "events outside the
  /// graph", where each operation runs alone, and gaps and overlap cannot be seen.
  std::string method;
  /// Without profiling and with it. Like all times here, the mean over the faster half of the runs:
  /// unlike medians, means of operations add up to the part's.
  double alone_seconds = 0, profiled_seconds = 0;
  /// Over the operations: their spans added up; the time in which at least one ran; in which none
  /// did, between the first and the last; in which more than one did.
  double sum = 0, busy = 0, gaps = 0, overlap = 0;
  std::vector<OperationProfile> operations;  ///< in the order of running
};

struct ProfileResult {
  std::string version, model, control, device;
  int threads = 0, batch = 1, steps = 20;
  double guidance_scale = 9;
  ImageSize size;
  DeviceLimits limits;
  std::vector<PartProfile> parts;
  std::vector<std::string> notices;  ///< e.g. that the system denies profiling
};

struct ProfileCallbacks {
  std::function<void(const std::string& doing)> progress;
  std::function<bool()> stop;
};

/// Runs each part by itself and as it is, with profiling and without. Throws bad_argument, and what
/// `Pipeline` throws.
ProfileResult profile(const ProfileOptions& options, const ProfileCallbacks& callbacks = {});

/// Operations put together.
struct GroupProfile {
  std::string name;
  int operations = 0;
  double seconds = 0, flops = 0, bytes = 0, limit_seconds = 0;
};
/// By module: down to the first number, "model.diffusion_model.input_blocks.4". By shape:
/// operations of one kind with equal attributes, inputs and results.
enum class Grouping : uint8_t { module, kind, shape };
/// The slowest first.
std::vector<GroupProfile> group(const PartProfile& part, Grouping grouping);

std::string to_json(const ProfileResult& result);
/// For chrome://tracing and https://ui.perfetto.dev: parts one after the other, operations and
/// kernels on tracks of their own.
std::string to_trace(const ProfileResult& result);
/// One HTML page that needs nothing else.
std::string to_page(const ProfileResult& result);

}  // namespace drypoint
