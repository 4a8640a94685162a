// The textual inversion embeddings of a folder, which prompts call by their files' names.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "tensor/tensor.h"
#include "text/chunks.h"

namespace drypoint {

class Embeddings {
 public:
  Embeddings() = default;
  /// Looks for files below the folder; they are read when a prompt first calls them. Throws
  /// bad_argument if there is no such folder.
  Embeddings(const std::filesystem::path& folder, const Tokenizer& tokenizer, int64_t width);

  const EmbeddingNames& names() const { return names_; }
  /// f32 [count, width]. Throws bad_file, unsupported, non_finite.
  const Tensor& vectors(int embedding) const;
  /// Of files of one name, which are passed over but for the first.
  const std::vector<std::string>& notices() const { return notices_; }

 private:
  std::vector<std::filesystem::path> files_;
  EmbeddingNames names_;
  int64_t width_ = 0;
  std::vector<std::string> notices_;
  mutable std::map<int, Tensor> read_;
};

}  // namespace drypoint
