// The textual inversion embeddings of a folder, which prompts call by their files' names, and those
// that come with adapters.
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "tensor/tensor.h"
#include "text/chunks.h"

namespace drypoint {

/// For any number of threads. Copies share what has been read.
class Embeddings {
 public:
  Embeddings() = default;
  /// Looks for files below the folder; they are read when a prompt first calls them. Throws
  /// bad_argument if there is no such folder.
  Embeddings(const std::filesystem::path& folder, const Tokenizer& tokenizer, int64_t width);

  /// These and more, each with a name; `source` is where they come from, `id` another for another
  /// state of that. Those that are there keep their names.
  void add(const std::map<std::string, Tensor>& more, const std::string& source, uint64_t id,
           const Tokenizer& tokenizer, int64_t width);

  const EmbeddingNames& names() const { return names_; }
  /// f32 [count, width]. Throws bad_file, unsupported, non_finite.
  const Tensor& vectors(int embedding) const;
  /// Of those of one name, which are passed over but for the first.
  const std::vector<std::string>& notices() const { return notices_; }

 private:
  struct Entry {
    std::string source;  // a file, or the key of one's tensor
    std::string key;     // in `Read`
    Tensor given;        // of an adapter
    bool is_file = true;
  };
  struct Read {
    std::mutex mutex;
    std::map<std::string, Tensor> vectors;  // by key
  };
  void add(const std::string& name, Entry entry, const Tokenizer& tokenizer);

  std::vector<Entry> entries_;
  EmbeddingNames names_;
  std::map<std::vector<int64_t>, size_t> known_;  // by the tokens of their names
  int64_t width_ = 0;
  std::vector<std::string> notices_;
  std::shared_ptr<Read> read_ = std::make_shared<Read>();
};

}  // namespace drypoint
