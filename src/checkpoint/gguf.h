// The GGUF format, in which stable-diffusion.cpp and others keep models in few bits a weight.
// https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
#pragma once

#include <span>

#include "checkpoint/named_tensors.h"

namespace drypoint {

bool is_gguf(std::span<const std::byte> bytes);

/// Tensors of plain types borrow from `file`; those of blocks become f16, on all cores. Types that
/// are not read are `foreign`. Of the metadata, texts are kept. Throws bad_file.
NamedTensors read_gguf(const FileBytes& file);

}  // namespace drypoint
