// What models are written with: modules named as in the checkpoint, and their usual layers.
#pragma once

#include <map>
#include <string>

#include "graph/graph.h"

namespace drypoint {

/// The checkpoint's tensors by canonical name: all that a model needs to know to be built.
using WeightTypes = std::map<std::string, TensorType>;

/// A place in the checkpoint's tree of modules while a graph is built. `module / "in_layers.0"`
/// goes down. Layers read their sizes off their weights; a missing weight throws bad_file naming
/// it.
class Module {
 public:
  Module(Graph& graph, const WeightTypes& weights, std::string path = "")
      : graph_(&graph), weights_(&weights), path_(std::move(path)) {}

  Module operator/(const std::string& child) const;
  Module operator/(int64_t child) const { return *this / std::to_string(child); }
  const std::string& path() const { return path_; }

  bool has(const std::string& weight) const;  // relative to this module
  ValueId weight(const std::string& name) const;
  ValueId node(Op op, std::vector<ValueId> inputs) const;
  const TensorType& type(ValueId id) const { return (*graph_)[id].type; }
  const Shape& shape(ValueId id) const { return type(id).shape; }

 private:
  std::string full(const std::string& name) const;
  Graph* graph_;
  const WeightTypes* weights_;
  std::string path_;
};

// Layers of the module itself: its own "weight" and, where there is one, "bias".
ValueId conv2d(const Module& m, ValueId x, int64_t padding = 1, int64_t stride = 1);
ValueId conv2d(const Module& m, ValueId x, Conv2d op);
ValueId linear(const Module& m, ValueId x);
ValueId group_norm(const Module& m, ValueId x, int64_t groups, float epsilon);
ValueId layer_norm(const Module& m, ValueId x);

/// Attention of q [B, Lq, width] over k and v [Bk, Lk, width], the width divided among the heads.
/// Throws bad_file if it cannot be.
ValueId attention(const Module& m, ValueId q, ValueId k, ValueId v, int64_t heads,
                  bool causal = false);

// Operations without weights; the module only names them.
ValueId silu(const Module& m, ValueId x);
ValueId add(const Module& m, ValueId a, ValueId b);
ValueId reshape(const Module& m, ValueId x, Shape shape);
/// Twice as large, or cut to `height` and `width` where a skip connection's side is odd.
ValueId upsample(const Module& m, ValueId x, int64_t height, int64_t width);
/// [N, C, H, W] -> [N, H, W, C], and back.
ValueId to_channels_last(const Module& m, ValueId x);
ValueId to_channels_first(const Module& m, ValueId x);

}  // namespace drypoint
