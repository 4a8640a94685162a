// Textual inversion (https://arxiv.org/abs/2208.01618): vectors that stand for a word.
#pragma once

#include <filesystem>

#include "tensor/tensor.h"

namespace drypoint {

/// Whether a file's name ends as those of embeddings do: .pt, .bin, .safetensors.
bool is_embedding_name(const std::filesystem::path& path);

/// The vectors, f32 [count, width], of a file of the web UI, the original repository or diffusers.
/// Throws bad_file, unsupported, non_finite.
Tensor read_embedding(const std::filesystem::path& path);

/// The same of one tensor, whose place is `source`.
Tensor embedding_vectors(const Tensor& given, const std::string& source);

}  // namespace drypoint
