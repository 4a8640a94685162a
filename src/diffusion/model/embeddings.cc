#include "diffusion/model/embeddings.h"

#include <fmt/format.h>

#include "base/error.h"
#include "base/utf8.h"
#include "checkpoint/embedding_file.h"
#include "diffusion/model/folder_files.h"
#include "text/unicode.h"

namespace drypoint {

Embeddings::Embeddings(const std::filesystem::path& folder, const Tokenizer& tokenizer,
                       int64_t width)
    : width_(width) {
  for (const auto& file : files_below(folder, "embeddings", is_embedding_name))
    add(valid_utf8(file.stem().string()), {file.string(), file.string(), {}, true}, tokenizer);
}

void Embeddings::add(const std::map<std::string, Tensor>& more, const std::string& source,
                     uint64_t id, const Tokenizer& tokenizer, int64_t width) {
  width_ = width;
  for (const auto& [name, vectors] : more)
    add(valid_utf8(name),
        {source + ": bundle_emb." + printable(name), fmt::format("{} {}", id, name), vectors,
         false},
        tokenizer);
}

void Embeddings::add(const std::string& name, Entry entry, const Tokenizer& tokenizer) {
  std::vector<int64_t> ids = tokenizer.encode_text(name).ids;
  const auto [first, is_new] = known_.emplace(ids, entries_.size());
  if (is_new)
    names_.add(static_cast<int>(entries_.size()), std::move(ids));
  else
    notices_.push_back(fmt::format("embeddings: \"{}\" is {}, not {}", printable(name),
                                   entries_[first->second].source, entry.source));
  entries_.push_back(std::move(entry));
}

const Tensor& Embeddings::vectors(int embedding) const {
  const Entry& entry = entries_[static_cast<size_t>(embedding)];
  const std::lock_guard lock(read_->mutex);
  if (const auto found = read_->vectors.find(entry.key); found != read_->vectors.end())
    return found->second;
  Tensor vectors =
      entry.is_file ? read_embedding(entry.source) : embedding_vectors(entry.given, entry.source);
  const Shape& shape = vectors.shape();
  if (shape[1] != width_)
    fail(ErrorKind::unsupported,
         "{}: an embedding of vectors of {} numbers, the text encoder has {}: it is for another "
         "family of models",
         entry.source, shape[1], width_);
  if (shape[0] > kChunkTokens)
    fail(ErrorKind::bad_file, "{}: an embedding of {} vectors, expected at most {}", entry.source,
         shape[0], kChunkTokens);
  return read_->vectors.emplace(entry.key, std::move(vectors)).first->second;
}

}  // namespace drypoint
