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

/// Maps the file and reads what it holds, under the file's own names; weights of eight bits become
/// what they stand for. Throws bad_file, unsupported.
TensorFile read_tensor_file(const std::filesystem::path& path);

/// In two steps, where a file is a part of a whole.
TensorFile read_tensor_file_as_it_is(const std::filesystem::path& path);
void settle_eight_bits(NamedTensors& tensors, const std::string& file);

}  // namespace drypoint
