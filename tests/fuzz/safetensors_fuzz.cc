// Any bytes are either refused with an Error or give tensors that can be read.
#include "checkpoint/canonical.h"
#include "checkpoint/safetensors.h"
#include "drypoint/error.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace drypoint;
  const FileBytes file{"fuzz", std::as_bytes(std::span(data, size)), nullptr};
  try {
    NamedTensors tensors = read_safetensors(file);
    for (const auto& [_, tensor] : tensors.tensors) tensor.to_f32();
    canonical(std::move(tensors), file.name);
  } catch (const Error&) {
  }
  return 0;
}
