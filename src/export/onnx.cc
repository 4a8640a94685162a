#include "export/onnx.h"

#include "base/error.h"
#include "drypoint/version.h"
#include "export/protobuf.h"

// Fields have the numbers of https://github.com/onnx/onnx/blob/main/onnx/onnx.proto.
namespace drypoint::onnx {
namespace {

using protobuf::Message;

int64_t code(DType dtype) {
  switch (dtype) {
    case DType::f32: return 1;
    case DType::i8: return 3;
    case DType::i32: return 6;
    case DType::i64: return 7;
    case DType::f16: return 10;
    case DType::f8: return 17;  // FLOAT8E4M3FN
    default: break;
  }
  fail(ErrorKind::unsupported, "internal: no ONNX type for {}", drypoint::name(dtype));
}

Message attribute(const std::string& name, const Attribute& value) {
  Message message;
  message.text(1, name);
  if (const auto* integer = std::get_if<int64_t>(&value)) {
    message.integer(3, *integer);
    message.integer(20, 2);
  } else if (const auto* number = std::get_if<float>(&value)) {
    message.number(2, *number);
    message.integer(20, 1);
  } else if (const auto* text = std::get_if<std::string>(&value)) {
    message.text(4, *text);
    message.integer(20, 3);
  } else {
    for (const int64_t each : std::get<std::vector<int64_t>>(value)) message.integer(8, each);
    message.integer(20, 7);
  }
  return message;
}

Message node(const Node& node) {
  Message message;
  for (const auto& input : node.inputs) message.text(1, input);
  message.text(2, node.name);
  message.text(3, node.name);
  message.text(4, node.type);
  for (const auto& [name, value] : node.attributes) message.message(5, attribute(name, value));
  return message;
}

Message port(const Port& port) {
  Message shape;
  for (const Dimension& dimension : port.shape) {
    Message dim;
    if (const auto* size = std::get_if<int64_t>(&dimension))
      dim.integer(1, *size);
    else
      dim.text(2, std::get<std::string>(dimension));
    shape.message(1, dim);
  }
  Message tensor, type, message;
  tensor.integer(1, code(port.dtype));
  tensor.message(2, shape);
  type.message(1, tensor);
  message.text(1, port.name);
  message.message(2, type);
  return message;
}

Message entry(const std::string& key, const std::string& value) {
  Message message;
  message.text(1, key);
  message.text(2, value);
  return message;
}

Message initializer(const Initializer& tensor) {
  Message message;
  for (const int64_t size : tensor.type.shape) message.integer(1, size);
  message.integer(2, code(tensor.type.dtype));
  message.text(8, tensor.name);
  if (tensor.file.empty()) {
    message.text(9, tensor.data);
  } else {
    message.message(13, entry("location", tensor.file));
    message.message(13, entry("offset", std::to_string(tensor.offset)));
    message.message(13, entry("length", std::to_string(tensor.type.bytes())));
    message.integer(14, 1);  // external
  }
  return message;
}

}  // namespace

std::string serialize(const Model& model) {
  Message graph;
  for (const Node& each : model.nodes) graph.message(1, node(each));
  graph.text(2, model.name);
  for (const Initializer& each : model.initializers) graph.message(5, initializer(each));
  for (const Port& each : model.inputs) graph.message(11, port(each));
  for (const Port& each : model.outputs) graph.message(12, port(each));

  Message operators, message;
  operators.text(1, "");  // ONNX's own
  operators.integer(2, opset);
  message.integer(1, format_version);
  message.text(2, "drypoint");
  message.text(3, version());
  message.message(7, graph);
  message.message(8, operators);
  return message.bytes();
}

}  // namespace drypoint::onnx
