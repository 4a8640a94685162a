// Any file that holds tensors; the format is told by its contents.
#pragma once

#include <filesystem>
#include <string>

#include "checkpoint/named_tensors.h"

namespace drypoint {

struct TensorFile {
  std::string format;  // "safetensors", "GGUF", "PyTorch zip", "PyTorch legacy"
  NamedTensors tensors;
};

/// Maps the file and reads what it holds, under the file's own names. Throws bad_file, unsupported.
TensorFile read_tensor_file(const std::filesystem::path& path);

}  // namespace drypoint
