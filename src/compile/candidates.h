// The products that eight bits are for.
#pragma once

#include <vector>

#include "graph/graph.h"

namespace drypoint {

/// What a value is a view of.
ValueId before_views(const Graph& graph, ValueId id);

/// Whether a node, as `quantize_products` finds it, is a product or convolution to be quantised:
/// one of each step, whose weight is known, and whose input a norm, an attention or a gate makes
/// for it alone, so that it can be rounded there without a launch of its own. (What enters other
/// products, such as a skip connection's, are sums with a few large values, that would be rounded
/// coarsely.)
bool is_candidate(const Graph& graph, const std::vector<int>& uses, const Node& node);

/// Whether what a node makes can be had times a number for each channel, by its weights alone.
bool takes_factors(const Op& op);

}  // namespace drypoint
