// The plan: what remains of a graph when everything is decided. Plain data.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "graph/graph.h"

namespace drypoint {

/// Where a value lies while the plan runs.
enum class Space : uint8_t {
  weight,   ///< a weight of the checkpoint, or computed from weights when loading
  kept,     ///< inputs, outputs, and what each picture computes for its steps; never overwritten
  scratch,  ///< reused as soon as nothing needs the value any more
};

struct Place {
  Space space = Space::scratch;
  size_t offset = 0;  // in bytes from the space's start; none for weights
  bool operator==(const Place&) const = default;
};

/// One operation; values are numbered as in the graph.
struct PlanOp {
  Op op;
  std::vector<ValueId> inputs;
  ValueId output = -1;
  std::string module;
  /// The operations of a stream run one after the other, those of different streams side by side;
  /// this one starts when its stream has come to it and the operations `after` of its section
  /// (positions, all of other streams) are done.
  int stream = 0;
  std::vector<int> after;
};

struct PlanValue {
  TensorType type;
  Place place;
  int64_t pictures = 1;  // of which it has rows; 1 as well for what pictures share
  std::string weight;    // the tensor's name, for a weight that comes straight from the checkpoint
  int32_t load_step = -1;  // that computes it, for a weight that is computed when loading
};

struct Plan {
  std::vector<PlanValue> values;
  std::vector<PlanOp> load, picture, step;
  /// An output with the name of an input lies in its place: each run goes on from the last.
  std::map<std::string, ValueId> inputs, outputs;
  int streams = 1;
  size_t kept_bytes = 0, scratch_bytes = 0;

  const std::vector<PlanOp>& section(Rate rate) const {
    return rate == Rate::load ? load : rate == Rate::picture ? picture : step;
  }
};

std::string to_string(const Plan& plan);

}  // namespace drypoint
