// A graph as text, and back: what passes are tested with, and what people read.
//
//   pictures 2
//   latent f32[2, 4, 6, 5] step of_picture = input
//   m.conv.weight f32[8, 4, 3, 3] = weight
//   %2 f32[2, 6, 5, 8] step = conv2d top=1 left=1 bottom=1 right=1 bias=false (latent,
//   m.conv.weight) # m.conv          (one line)
//   out = output %2
//   twins m n
//
// A line a value, in the order of their numbers; attributes that have their defaults are left out,
// and so is that there is one picture. Results are of pictures where one of their inputs is.
// Names that are not made of letters, digits and -_./:+$ stand in quotes, as in JSON.
#pragma once

#include "graph/graph.h"

namespace drypoint {

std::string to_string(const Graph& graph);

/// The graph that was printed so: `parse_graph(to_string(graph), "") == graph`. By hand, a node's
/// type and rate may be left out, values may have any numbers, and lines may be empty or start with
/// "//". Throws bad_file naming `source`, line and word, what was found and what was expected; a
/// text of any bytes does no harm.
Graph parse_graph(std::string_view text, const std::string& source);

}  // namespace drypoint
