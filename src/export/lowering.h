// The state of a graph on its way to ONNX: lower.cc has the operations one by one, lowering.cc what
// they share.
#pragma once

#include <fmt/format.h>

#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "export/lower.h"

namespace drypoint {

/// One of our values in ONNX.
struct Lowered {
  std::string name;
  bool channels_first = false;  // [N, C, H, W] for our [N, H, W, C]
  int extent = -1;              // of a picture, or of one whose pixels became rows
};

class Lowering {
 public:
  Lowering(const Graph& graph, WeightFiles& weights, DType dtype, const Quantization* quantization)
      : graph_(graph),
        weights_(weights),
        dtype_(dtype),
        quantization_(quantization),
        values_(graph.values.size()) {}

  onnx::Model run(const std::string& name, const DimensionNames& dimensions);

 private:
  /// Height and width of a picture. Values of the same extent have the same at run time too.
  struct Extent {
    int64_t height = 0, width = 0;  // in the graph that we lower
    std::string example;            // a value [N, C, H, W] of this extent
    int halved_from = -1;           // the extent of which this is half, rounded in some way
  };

  // Each gives the node's result.
  Lowered lower(const Activation& op);
  Lowered lower(const Add& op);
  Lowered lower(const AddScaled& op);
  Lowered lower(const Attention& op);
  Lowered lower(const AveragePool& op);
  Lowered lower(const Concat& op);
  Lowered lower(const Conv2d& op);
  Lowered lower(const Embedding& op);
  Lowered lower(const Expand& op);
  Lowered lower(const GatedGelu& op);
  Lowered lower(const GroupNorm& op);
  Lowered lower(const LayerNorm& op);
  Lowered lower(const LeakyRelu& op);
  Lowered lower(const Linear& op);
  Lowered lower(const MaxPool& op);
  Lowered lower(const MultiplyPlane& op);
  Lowered lower(const Permute& op);
  Lowered lower(const Reshape& op);
  Lowered lower(const Select& op);
  Lowered lower(const SpatialMean& op);
  Lowered lower(const TimestepEmbedding& op);
  Lowered lower(const Upsample& op);
  /// What only stands in graphs that are compiled for a device.
  template <class T>
  requires(!OpTraits<T>::exported) Lowered lower(const T& op) {
    fail(ErrorKind::unsupported, "{} as ONNX", op.name);
  }
  /// Refuses fused forms, which builders do not make.
  template <class T>
  Lowered lower_plain(const T& op) {
    if (!has_forms({}, op)) refuse("a form that only compiled graphs have");
    return lower(op);
  }

  template <class Pool>
  Lowered pool(const std::string& type, const Pool& op);

  [[noreturn]] void refuse(std::string_view what) const {
    fail(ErrorKind::unsupported, "{}: {} in ONNX: {}", node_->module, name(node_->op), what);
  }
  void expect(bool fits, std::string_view what) const {
    if (!fits) refuse(what);
  }

  const Shape& shape(size_t input) const { return graph_[node_->inputs[input]].type.shape; }
  /// An input, or a weight as it is.
  Lowered in(size_t input);
  Lowered picture(size_t input);
  std::string weight(size_t input, bool transposed = false);
  /// The range of the node's input, if its factors are to be rounded.
  std::optional<float> range() const;
  /// The node's input, and its weight with the outputs on this axis, after rounding where there is
  /// a range.
  std::string rounded_input(const std::string& x);
  std::string rounded_weight(int64_t axis, bool transposed = false);
  std::string rounded(const std::string& x, const std::vector<float>& scales, int64_t axis);
  std::string constant(const TensorType& type, const void* bytes);
  std::string integers(const std::vector<int64_t>& values);
  std::string number(float value) { return numbers({}, {value}); }
  std::string numbers(Shape shape, std::vector<float> values);

  /// Adds a node -> its result.
  std::string emit(const std::string& type, std::vector<std::string> inputs,
                   onnx::Attributes attributes = {});
  std::string activate(ActivationKind kind, const std::string& x);
  /// [B, L, heads * size] -> [B, heads, L, size], or its last two the other way round.
  std::string split_heads(const Attention& op, const std::string& x, bool turned);
  std::string causal_mask(int64_t length);
  int add_extent(const Shape& picture, const std::string& example, int halved_from = -1);

  void add_input(const std::string& name, ValueId id, const std::vector<std::string>& dimensions);
  void add_output(const std::string& name, ValueId id, const std::vector<std::string>& dimensions);
  onnx::Port port(const std::string& name, Shape shape, DType dtype,
                  const std::vector<std::string>& dimensions) const;

  const Graph& graph_;
  WeightFiles& weights_;
  DType dtype_;
  const Quantization* quantization_;
  const Node* node_ = nullptr;  // being lowered
  std::vector<Lowered> values_;
  std::vector<Extent> extents_;
  onnx::Model model_;
  std::map<std::string, int> names_;              // how often each was wanted
  std::map<std::string, std::string> constants_;  // names by type and bytes
  std::set<std::string> initialized_;             // weights that the model has
};

}  // namespace drypoint
