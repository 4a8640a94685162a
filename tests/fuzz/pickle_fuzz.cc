// PyTorch's two formats and bare pickles: any bytes are either refused with an Error or give
// tensors that can be read.
#include "checkpoint/canonical.h"
#include "checkpoint/pickle.h"
#include "checkpoint/torch_legacy.h"
#include "checkpoint/torch_zip.h"
#include "checkpoint/zip.h"
#include "drypoint/error.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace drypoint;
  const FileBytes file{"fuzz", std::as_bytes(std::span(data, size)), nullptr};
  try {
    if (is_zip(file.bytes) || is_torch_legacy(file.bytes)) {
      NamedTensors tensors = is_zip(file.bytes) ? read_torch_zip(file) : read_torch_legacy(file);
      for (const auto& [_, tensor] : tensors.tensors) tensor.to_f32();
      canonical(std::move(tensors), file.name);
    } else {
      describe(pickle::Pickle(file.bytes, file.name).root());
    }
  } catch (const Error&) {
  }
  return 0;
}
