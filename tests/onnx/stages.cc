// Runs what `export` exports with our own kernels on random inputs, and writes inputs and outputs
// as PART.NAME into a safetensors file, for check.py to compare with.
//   onnx_stages MODEL CONTROL BATCH HEIGHT WIDTH OUTPUT    (HEIGHT and WIDTH are the latents')
#include <fmt/format.h>

#include <cstdlib>
#include <random>

#include "checkpoint/safetensors.h"
#include "compile/compile.h"
#include "export/parts.h"
#include "runtime/executor.h"

namespace drypoint {
namespace {

Tensor random_input(const std::string& name, const TensorType& type, std::mt19937& random) {
  Tensor tensor(type);
  std::normal_distribution<float> normal;
  std::uniform_int_distribution<int32_t> token(0, 999);
  if (type.dtype == DType::i32) {
    auto* ids = reinterpret_cast<int32_t*>(tensor.mutable_bytes().data());
    for (int64_t i = 0; i < type.elements(); ++i) ids[i] = token(random);
    return tensor;
  }
  for (float& value : tensor.mutable_floats())
    value = name == "timestep" ? 501.0f
            : name == "hint"   ? float(normal(random) > 1)
                               : normal(random);
  return tensor;
}

void run(int argc, char** argv) {
  if (argc != 7) fail(ErrorKind::bad_argument, "expected MODEL CONTROL BATCH HEIGHT WIDTH OUTPUT");
  const Checkpoint checkpoint = assemble({.model = argv[1], .control = argv[2]});
  const auto backend = make_cpu_backend(0);
  std::map<std::string, Tensor, std::less<>> tensors;
  std::mt19937 random(1);
  for (ExportPart& part :
       export_parts(checkpoint, {std::atoi(argv[3]), std::atoi(argv[4]), std::atoi(argv[5])})) {
    std::map<std::string, TensorType> outputs;
    for (const auto& [name, id] : part.graph.outputs) outputs[name] = part.graph[id].type;
    const auto inputs = part.graph.inputs;
    WeightStore store(checkpoint.tensors, *backend);
    Executor executor(compile(std::move(part.graph)), *backend, store);
    for (const auto& [name, _] : inputs) {
      const Tensor value = random_input(name, executor.type_of_input(name), random);
      tensors[part.name + "." + name] = value;
      if (value.dtype() == DType::i32)
        executor.set_input(name, std::span(reinterpret_cast<const int32_t*>(value.bytes().data()),
                                           static_cast<size_t>(value.type().elements())));
      else
        executor.set_input(name, value.floats());
    }
    executor.run(Rate::picture);
    executor.run(Rate::step);
    for (const auto& [name, type] : outputs)
      tensors[part.name + "." + name] = make_tensor(type.shape, executor.output(name));
  }
  write_safetensors(argv[6], tensors);
}

}  // namespace
}  // namespace drypoint

int main(int argc, char** argv) {
  try {
    drypoint::run(argc, argv);
    return 0;
  } catch (const drypoint::Error& error) {
    fmt::print(stderr, "error: {}\n", error.what());
    return 1;
  }
}
