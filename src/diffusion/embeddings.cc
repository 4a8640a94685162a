#include "diffusion/embeddings.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/error.h"
#include "base/utf8.h"
#include "checkpoint/embedding_file.h"
#include "text/unicode.h"

namespace drypoint {
namespace {

namespace fs = std::filesystem;

constexpr size_t kMostFiles = 100'000;

std::vector<fs::path> embedding_files(const fs::path& folder) {
  std::error_code error;
  if (!fs::is_directory(folder, error))
    fail(ErrorKind::bad_argument, "embeddings: {}: is no folder", folder.string());
  std::vector<fs::path> files;
  fs::recursive_directory_iterator entry(folder,
                                         fs::directory_options::follow_directory_symlink |
                                             fs::directory_options::skip_permission_denied,
                                         error);
  for (size_t seen = 0; !error && entry != fs::recursive_directory_iterator(); ++seen) {
    if (seen == kMostFiles || entry.depth() > 32)
      fail(ErrorKind::bad_argument, "embeddings: {}: holds over {} files, or is over 32 deep",
           folder.string(), kMostFiles);
    std::error_code ignored;
    if (is_embedding_name(entry->path()) && entry->is_regular_file(ignored))
      files.push_back(entry->path());
    entry.increment(error);
  }
  if (error)
    fail(ErrorKind::bad_file, "embeddings: {}: cannot be read: {}", folder.string(),
         error.message());
  std::ranges::sort(files);
  return files;
}

}  // namespace

Embeddings::Embeddings(const fs::path& folder, const Tokenizer& tokenizer, int64_t width)
    : files_(embedding_files(folder)), width_(width) {
  std::map<std::vector<int64_t>, size_t> known;
  for (size_t i = 0; i < files_.size(); ++i) {
    const std::string name = valid_utf8(files_[i].stem().string());
    std::vector<int64_t> ids = tokenizer.encode_text(name).ids;
    const auto [first, is_new] = known.emplace(ids, i);
    if (is_new)
      names_.add(static_cast<int>(i), std::move(ids));
    else
      notices_.push_back(fmt::format("embeddings: \"{}\" is {}, not {}", printable(name),
                                     files_[first->second].string(), files_[i].string()));
  }
}

const Tensor& Embeddings::vectors(int embedding) const {
  if (const auto found = read_.find(embedding); found != read_.end()) return found->second;
  const fs::path& file = files_[static_cast<size_t>(embedding)];
  Tensor vectors = read_embedding(file);
  const Shape& shape = vectors.shape();
  if (shape[1] != width_)
    fail(ErrorKind::unsupported,
         "{}: an embedding of vectors of {} numbers, the text encoder has {}: it is for another "
         "family of models",
         file.string(), shape[1], width_);
  if (shape[0] > kChunkTokens)
    fail(ErrorKind::bad_file, "{}: an embedding of {} vectors, expected at most {}", file.string(),
         shape[0], kChunkTokens);
  return read_.emplace(embedding, std::move(vectors)).first->second;
}

}  // namespace drypoint
