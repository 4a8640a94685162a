// The compiler's passes, in the order in which they run. Each takes a graph and gives a better one.
// Each is in the file of its name, and its cases, a graph before and after, in cases/.
#pragma once

#include "compile/quantization.h"
#include "graph/graph.h"
#include "ops/target.h"

namespace drypoint {

/// Before the module's name, that of the output which `watch_products` adds.
inline constexpr std::string_view watched_input = "input:", watched_result = "result:";

/// What is to be looked at of the products that could be quantised (see `is_candidate`).
struct Watched {
  bool inputs = false;   ///< what the product reads, before it is rounded
  bool results = false;  ///< what it gives, before what is fused into it later
};

/// What is asked of a model's compilation.
struct CompileOptions {
  const Quantization* quantization = nullptr;  ///< none: all stays in the target's precision
  Watched watched;
};

/// What a pass knows besides the graph.
struct PassContext {
  const Target& target;
  CompileOptions options;

  bool whole_vectors(int64_t channels) const { return channels % target.vector_width == 0; }
};

/// 1x1 convolutions become products: channels last, their picture is already a matrix.
Graph lower_pointwise(const Graph& graph, const PassContext& context);

/// Nodes that compute the same thing become one.
Graph deduplicate(const Graph& graph, const PassContext& context);

/// A vector added to a convolution's or product's result becomes part of its bias.
Graph fuse_bias(const Graph& graph, const PassContext& context);

/// Moves `Select` and `Expand` towards the results, past operations that treat rows alike. What is
/// selected from is then computed once a picture for all steps, and what is expanded once for all
/// prompts.
Graph delay_rows(const Graph& graph, const PassContext& context);

/// Products of one input that feed one attention (q, k, v, or k and v) become one product.
Graph merge_projections(const Graph& graph, const PassContext& context);

/// A sum with a convolution's or product's result becomes its residual input.
Graph fuse_residual(const Graph& graph, const PassContext& context);

/// An activation after a convolution, product or group norm becomes its last part.
Graph fuse_activation(const Graph& graph, const PassContext& context);

/// Products and convolutions of eight bits, their inputs rounded where they are made (see
/// `is_candidate`).
Graph quantize_products(const Graph& graph, const PassContext& context);

/// Adds the outputs that are asked for (`Watched`).
Graph watch_products(const Graph& graph, const PassContext& context);

// Those that follow make fused forms, each where the target has kernels for them.

/// A convolution of an enlarged picture takes the picture itself.
Graph fuse_upsample(const Graph& graph, const PassContext& context);

/// Norms and products of concatenated feature maps take them apart.
Graph fuse_concat(const Graph& graph, const PassContext& context);

/// A product that is added to a convolution's result continues its sums: further inputs after the
/// windows, further columns of the weight.
Graph fuse_skip(const Graph& graph, const PassContext& context);

/// Two products, one after the other with a sum between them, become one of both inputs
/// concatenated.
Graph chain_products(const Graph& graph, const PassContext& context);

/// A gated GELU after a product becomes its last part.
Graph fuse_gate(const Graph& graph, const PassContext& context);

/// What rounds a result to eight bits becomes the end of what computes it.
Graph fuse_quantize(const Graph& graph, const PassContext& context);

/// A layer norm before a product becomes part of its weight and bias, and a division of its rows.
Graph fold_layer_norm(const Graph& graph, const PassContext& context);

/// A control tensor's product takes the sum it is added to, and its strength, as its ends.
Graph fuse_scale(const Graph& graph, const PassContext& context);

/// A row selected for a bias is read from its table by the convolution or product itself.
Graph fuse_select(const Graph& graph, const PassContext& context);

/// Nodes that the graph's twin modules have in common run as one, with both modules' weights.
Graph pair_twins(const Graph& graph, const PassContext& context);

/// Products, convolutions, norms and attention in the target's precision; inputs and outputs stay
/// f32.
Graph lower_precision(const Graph& graph, const PassContext& context);

struct Pass {
  std::string_view name;
  Graph (*run)(const Graph&, const PassContext&);
  bool (*is_for)(const Target&);  // whether the target has what the pass makes
};
std::span<const Pass> passes();

}  // namespace drypoint
