// What models are written with: modules named as in the checkpoint, and their usual layers. A
// builder declares each weight's shape where it uses it, so the graph it builds is also the list of
// the tensors that the model needs (`weights_of`).
#pragma once

#include <string>

#include "graph/graph.h"
#include "tensor/tensor_spec.h"

namespace drypoint {

/// A place in the checkpoint's tree of modules while a graph is built. `module / "in_layers.0"`
/// goes down.
class Module {
 public:
  explicit Module(Graph& graph, std::string path = "") : graph_(&graph), path_(std::move(path)) {}

  Module operator/(const std::string& child) const;
  Module operator/(int64_t child) const { return *this / std::to_string(child); }
  const std::string& path() const { return path_; }

  /// The weight of this name below the module, f32 in the graph whatever the file has.
  ValueId weight(const std::string& name, Shape shape) const;
  ValueId node(Op op, std::vector<ValueId> inputs) const;
  const TensorType& type(ValueId id) const { return (*graph_)[id].type; }
  const Shape& shape(ValueId id) const { return type(id).shape; }

 private:
  Graph* graph_;
  std::string path_;
};

/// Every weight of the graph, in the order of use.
std::vector<TensorSpec> weights_of(const Graph& graph);

// Layers of the module itself: its own "weight" and "bias". What goes in is read off x.

/// x [N, H, W, I] -> [N, H, W, channels], or half as high and wide for `stride` 2; `kernel` is odd,
/// padding keeps the size.
ValueId conv2d(const Module& m, ValueId x, int64_t channels, int64_t kernel = 3,
               int64_t stride = 1);
/// With a filter of `height` x `width`, stride and padding as `op` has them.
ValueId conv2d(const Module& m, ValueId x, int64_t channels, int64_t height, int64_t width,
               Conv2d op, bool bias = true);
/// x [..., I] -> [..., width].
ValueId linear(const Module& m, ValueId x, int64_t width, bool bias = true);
ValueId group_norm(const Module& m, ValueId x, int64_t groups, float epsilon);
ValueId layer_norm(const Module& m, ValueId x);

/// Attention of q [B, Lq, width] over k and v [Bk, Lk, width], the width divided among the heads.
/// Throws bad_file if it cannot be.
ValueId attention(const Module& m, ValueId q, ValueId k, ValueId v, int64_t heads,
                  bool causal = false);

// Operations without weights; the module only names them.
ValueId silu(const Module& m, ValueId x);
ValueId relu(const Module& m, ValueId x);
ValueId add(const Module& m, ValueId a, ValueId b);
ValueId reshape(const Module& m, ValueId x, Shape shape);
/// Twice as large, or cut to `height` and `width` where a skip connection's side is odd.
ValueId upsample(const Module& m, ValueId x, int64_t height, int64_t width);
/// [N, H, W, C] -> [N, H / factor, W / factor, C factor^2]: of channel c the pixel (y, x) of a
/// square becomes channel (c factor + y) factor + x; and back.
ValueId pixel_unshuffle(const Module& m, ValueId x, int64_t factor);
ValueId pixel_shuffle(const Module& m, ValueId x, int64_t factor);
/// [N, C, H, W] -> [N, H, W, C], and back.
ValueId to_channels_last(const Module& m, ValueId x);
ValueId to_channels_first(const Module& m, ValueId x);

}  // namespace drypoint
