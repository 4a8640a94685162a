#include "text/chunks.h"

#include <algorithm>
#include <utility>

#include "base/error.h"

namespace drypoint {
namespace {

constexpr auto kFull = static_cast<size_t>(kChunkTokens);

class Chunker {
 public:
  Chunker(const Tokenizer& tokenizer, const ChunkOptions& options)
      : tokenizer_(tokenizer), options_(options) {
    const auto comma = tokenizer.encode_text(",").ids;
    if (comma.size() == 1 && comma[0] != tokenizer.end_id()) comma_id_ = comma[0];
  }

  Chunks run(std::span<const WeightedText> parts) {
    const size_t most_tokens = (options_.most_chunks + 1) * kFull;
    for (size_t i = 0; i < parts.size() && !result_.cut; ++i) {
      if (parts[i].is_break())
        finish_chunk();
      else
        add(i, tokenizer_.encode_text(parts[i].text, most_tokens),
            static_cast<float>(parts[i].weight));
    }
    if (!chunk_.ids.empty() || result_.chunks.empty()) {
      if (!is_beyond()) result_.token_count += static_cast<int64_t>(chunk_.ids.size());
      push_chunk();
    }
    return std::move(result_);
  }

 private:
  bool is_beyond() const { return result_.chunks.size() >= options_.most_chunks; }

  void add(size_t part, const TextTokens& tokens, float weight) {
    const std::span<const int64_t> ids = tokens.ids;
    for (size_t at = 0; at < ids.size();) {
      if (ids[at] == comma_id_)
        comma_ = static_cast<int>(chunk_.ids.size());
      else if (chunk_.ids.size() == kFull)
        move_behind_comma();
      if (chunk_.ids.size() == kFull) finish_chunk();
      const auto* name = options_.embeddings ? options_.embeddings->find(ids.subspan(at)) : nullptr;
      size_t count = 1;
      if (name) {
        count = static_cast<size_t>(options_.vectors(name->number));
        DRYPOINT_EXPECT(count > 0 && count <= kFull, "an embedding of {} vectors", count);
        if (chunk_.ids.size() + count > kFull) finish_chunk();
      }
      if (is_beyond()) {
        result_.cut = true;
        result_.cut_part = part;
        result_.cut_byte = tokens.bytes[at];
        chunk_ = {};
        return;
      }
      if (name) chunk_.fixes.push_back({static_cast<int64_t>(chunk_.ids.size()), name->number});
      chunk_.ids.insert(chunk_.ids.end(), count, name ? 0 : ids[at]);
      chunk_.multipliers.insert(chunk_.multipliers.end(), count, weight);
      at += name ? name->ids.size() : 1;
    }
  }

  /// What stands behind the last comma goes into the next chunk. Vectors do not go with their
  /// places, as in the web UI: they fall on the padding, and their places keep token 0.
  void move_behind_comma() {
    const int full = static_cast<int>(kFull);
    if (options_.comma_backtrack == 0 || comma_ < 0 || full - comma_ > options_.comma_backtrack)
      return;
    Chunk next;
    const auto begin = static_cast<std::ptrdiff_t>(comma_) + 1;
    next.ids.assign(chunk_.ids.begin() + begin, chunk_.ids.end());
    next.multipliers.assign(chunk_.multipliers.begin() + begin, chunk_.multipliers.end());
    chunk_.ids.resize(static_cast<size_t>(begin));
    chunk_.multipliers.resize(static_cast<size_t>(begin));
    finish_chunk();
    chunk_ = std::move(next);
  }

  void finish_chunk() {
    if (!is_beyond()) result_.token_count += kChunkTokens;
    push_chunk();
  }

  void push_chunk() {
    comma_ = -1;
    Chunk chunk = std::exchange(chunk_, {});
    if (is_beyond()) return;
    chunk.ids.resize(kFull, tokenizer_.end_id());
    chunk.multipliers.resize(kFull, 1.0f);
    chunk.ids.insert(chunk.ids.begin(), tokenizer_.begin_id());
    chunk.ids.push_back(tokenizer_.end_id());
    if (tokenizer_.padding_id() != tokenizer_.end_id()) {
      const auto end = std::find(chunk.ids.begin(), chunk.ids.end(), tokenizer_.end_id());
      std::fill(end + 1, chunk.ids.end(), tokenizer_.padding_id());
    }
    chunk.multipliers.insert(chunk.multipliers.begin(), 1.0f);
    chunk.multipliers.push_back(1.0f);
    result_.chunks.push_back(std::move(chunk));
  }

  const Tokenizer& tokenizer_;
  const ChunkOptions& options_;
  int64_t comma_id_ = -1;
  int comma_ = -1;  // where in the chunk
  Chunk chunk_;     // without marks and padding
  Chunks result_;
};

}  // namespace

void EmbeddingNames::add(int number, std::vector<int64_t> ids) {
  if (ids.empty()) return;
  auto& names = by_first_id_[ids[0]];
  const auto place = std::find_if(names.begin(), names.end(),
                                  [&](const Name& other) { return other.ids.size() < ids.size(); });
  names.insert(place, {number, std::move(ids)});
}

const EmbeddingNames::Name* EmbeddingNames::find(std::span<const int64_t> tokens) const {
  const auto found = by_first_id_.find(tokens[0]);
  if (found == by_first_id_.end()) return nullptr;
  for (const Name& name : found->second)
    if (name.ids.size() <= tokens.size() &&
        std::equal(name.ids.begin(), name.ids.end(), tokens.begin()))
      return &name;
  return nullptr;
}

Chunks chunks_of(std::span<const WeightedText> parts, const Tokenizer& tokenizer,
                 const ChunkOptions& options) {
  return Chunker(tokenizer, options).run(parts);
}

Chunk empty_chunk(const Tokenizer& tokenizer) {
  return chunks_of(std::vector<WeightedText>(1), tokenizer, {}).chunks[0];
}

}  // namespace drypoint
