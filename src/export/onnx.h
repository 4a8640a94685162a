// An ONNX model as plain data, and as the bytes of its file.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "tensor/tensor.h"

namespace drypoint::onnx {

/// What the operators mean: 21 is the first version in which GroupNormalization has a scale for
/// each channel.
inline constexpr int64_t opset = 21;
inline constexpr int64_t format_version = 10;  // the one that came with this opset

using Attribute = std::variant<int64_t, float, std::string, std::vector<int64_t>>;
using Attributes = std::vector<std::pair<std::string, Attribute>>;

struct Node {
  std::string type, name;  // the only output has the node's name
  std::vector<std::string> inputs;
  Attributes attributes;
};

/// A number, or the name of one that is known only at run time.
using Dimension = std::variant<int64_t, std::string>;

struct Port {  // input or output
  std::string name;
  DType dtype = DType::f32;
  std::vector<Dimension> shape;
};

/// A constant, whose bytes lie in the model's file (`data`), or in `file` beside it.
struct Initializer {
  std::string name;
  TensorType type;
  std::string data;
  std::string file;
  uint64_t offset = 0;
};

struct Model {
  std::string name;
  std::vector<Port> inputs, outputs;
  std::vector<Initializer> initializers;
  std::vector<Node> nodes;  // in execution order
};

std::string serialize(const Model& model);

}  // namespace drypoint::onnx
