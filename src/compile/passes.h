// The compiler's passes, in the order in which they run. Each takes a graph and gives a better one.
#pragma once

#include "graph/graph.h"

namespace drypoint {

/// 1x1 convolutions become products: channels last, their picture is already a matrix.
Graph lower_pointwise(const Graph& graph);

/// Nodes that compute the same thing become one.
Graph deduplicate(const Graph& graph);

/// A vector added to a convolution's or product's result becomes part of its bias.
Graph fuse_bias(const Graph& graph);

/// Moves `Select` and `Expand` towards the results, past operations that treat rows alike. What is
/// selected from is then computed once a picture for all steps, and what is expanded once for all
/// prompts.
Graph delay_rows(const Graph& graph);

/// Products of one input that feed one attention (q, k, v, or k and v) become one product.
Graph merge_projections(const Graph& graph);

/// A sum with a convolution's or product's result becomes its residual input.
Graph fuse_residual(const Graph& graph);

/// An activation after a convolution, product or group norm becomes its last part.
Graph fuse_activation(const Graph& graph);

// Those that follow pay where each operation costs a launch.

/// A convolution of an enlarged picture takes the picture itself.
Graph fuse_upsample(const Graph& graph);

/// Norms and products of joined feature maps take them apart.
Graph fuse_concat(const Graph& graph);

/// A product that is added to a convolution's result continues its sums: further inputs after the
/// windows, further columns of the weight.
Graph fuse_skip(const Graph& graph);

/// Two products, one after the other with a sum between them, become one of both inputs joined.
Graph chain_products(const Graph& graph);

/// A gated GELU after a product becomes its last part.
Graph fuse_gate(const Graph& graph);

/// A layer norm before a product becomes part of its weight and bias, and a division of its rows.
Graph fold_layer_norm(const Graph& graph);

/// A control tensor's product takes the sum it is added to, and its strength, as its ends.
Graph fuse_scale(const Graph& graph);

/// A row selected for a bias is read from its table by the convolution or product itself.
Graph fuse_select(const Graph& graph);

/// Nodes that the graph's twin modules have in common run as one, with both modules' weights.
Graph pair_twins(const Graph& graph);

/// Products, convolutions, norms and attention in this precision; inputs and outputs stay f32.
Graph lower_precision(const Graph& graph, DType precision);

struct Pass {
  std::string_view name;
  Graph (*run)(const Graph&);
  bool only_where_launches_cost = false;
};
std::span<const Pass> passes();

}  // namespace drypoint
