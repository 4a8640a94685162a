// The graph of one part of a model, for a picture's size, and what it is compiled for.
#pragma once

#include <string_view>

#include "drypoint/inspect_graph.h"
#include "graph/graph.h"
#include "ops/target.h"

namespace drypoint {

/// As the pipeline builds it for guided pictures: two prompts. Throws bad_argument, bad_file.
Graph part_graph(const ModelFiles& files, const GraphOptions& options);

/// Of a chip that need not be here: "cuda:8.6" -> "8.6".
inline std::string_view capability_of(std::string_view device) { return device.substr(5); }

/// What the device wants of the compiler, whether or not there is such a device here. Throws
/// bad_argument, unsupported.
Target target_for(const GraphOptions& options);

}  // namespace drypoint
