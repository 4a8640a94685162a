// What the compiler makes of a part of a model: passes, operations, kernels, memory.
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "drypoint/edges.h"
#include "drypoint/model_files.h"
#include "drypoint/precision.h"

namespace drypoint {

struct GraphOptions {
  std::string part = "denoiser";  ///< "text", "denoiser" (ControlNet and UNet) or "vae" (decoder)
  ImageSize size{512, 512};       ///< of the picture; sides are multiples of 8
  int batch = 1;                  ///< pictures drawn together, 1 to 64
  /// "cpu", "cuda" or "cuda:8.6". What the compiler does for a GPU can be seen without one; kernels
  /// are chosen where there is one, or for the best known card of that compute capability.
  std::string device = "cpu";
  Precision precision;
  std::filesystem::path tuning_cache;  ///< measured choices of kernels, for a GPU; empty: none
};

/// Of operations at loading, for each picture, at each step.
using RateCounts = std::array<int64_t, 3>;

/// What one pass did to the operations of one kind in one module.
struct PassChange {
  std::string what;  ///< "gone", "new", "changed" (other attributes) or "moved" (to another rate)
  std::string kind, module;
  int64_t count = 0;
  std::string detail;  ///< "conv2d top=1 ... activation=silu" or "step to picture"
};

struct InspectedPass {
  std::string name;                      ///< the first is "built"
  RateCounts after{};                    ///< operations
  std::map<std::string, int64_t> kinds;  ///< more or fewer operations of a kind than before
  std::vector<PassChange> changes;
};

struct MeasuredKernel {
  std::string name;
  double microseconds = 0;
};

struct InspectedOperation {
  std::string text;    ///< kind and attributes that differ from the defaults: "conv2d stride=2"
  std::string kind;    ///< "conv2d"
  std::string module;  ///< as in the checkpoint
  std::string rate;    ///< "load", "picture" or "step"
  std::string result;  ///< "f32[2, 32, 48, 320]"
  std::vector<std::string> inputs;       ///< types, with the names of weights and inputs
  std::vector<std::string> passes;       ///< that made it what it is
  std::string kernel;                    ///< empty if unknown, or if there is but one
  std::vector<std::string> layouts;      ///< of weights packed for it
  std::vector<MeasuredKernel> measured;  ///< from the tuning cache, the fastest first
};

/// Bytes that one value takes, or several that take each other's place as views.
struct MemoryBlock {
  std::string name;  ///< the module whose result it is, or an input's name
  std::string kind;  ///< of the operation; "input"
  std::string type;
  bool kept = false;  ///< in the memory that is never overwritten
  int64_t offset = 0, bytes = 0;
  /// Positions in the order of operations, `last` excluded: an operation that works in place takes
  /// the bytes over. Inputs are there from 0 on.
  int first = 0, last = 0;
};

struct MemoryMap {
  int64_t kept_bytes = 0, scratch_bytes = 0;
  int64_t workspace_bytes = 0;  ///< of the hungriest kernel, where kernels are known
  int picture_operations = 0;   ///< the first so many positions are a picture's, the rest a step's
  std::vector<int64_t> in_use;  ///< of scratch, at each position
  std::vector<std::string> operations;  ///< "conv2d module" at each position
  std::vector<MemoryBlock> blocks;
  int peak = 0;  ///< the first position where `in_use` is largest
};

struct InspectedGraph {
  std::string part, device, precision;
  std::vector<InspectedPass> passes;
  std::vector<InspectedOperation> operations;  ///< at loading, then of a picture, then of a step
  MemoryMap memory;
  std::vector<std::string> notices;  ///< e.g. that there is no device to choose kernels for
};

/// A drawing, or Graphviz's language.
enum class GraphFormat : uint8_t { svg, dot };

struct GraphView {
  bool before = false;  ///< as built, before any pass
  std::string module;   ///< a prefix of names to cut out; empty: all
};

/// A part, compiled. Weights are not read.
class GraphInspection {
 public:
  /// Throws bad_argument, bad_file, unsupported.
  GraphInspection(const ModelFiles& files, const GraphOptions& options);
  ~GraphInspection();
  GraphInspection(GraphInspection&&) noexcept;
  GraphInspection& operator=(GraphInspection&&) noexcept;

  const InspectedGraph& result() const;
  /// Throws bad_argument for a module that is not there.
  std::string draw_graph(GraphFormat format, const GraphView& view = {}) const;
  /// As SVG: operations from left to right, offsets from bottom to top.
  std::string draw_memory() const;

 private:
  class Implementation;
  std::unique_ptr<Implementation> implementation_;
};

}  // namespace drypoint
