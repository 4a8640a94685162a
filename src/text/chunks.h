// Prompts of any length as chunks of 75 tokens, each with a begin and an end mark around it, in the
// way of AUTOMATIC1111's web UI.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <span>
#include <vector>

#include "text/prompt_parser.h"
#include "text/tokenizer.h"

namespace drypoint {

/// Tokens of a chunk without the marks.
constexpr int64_t kChunkTokens = kTokenCount - 2;
/// Chunks of a prompt at most; what is longer is cut.
constexpr size_t kMostChunks = 64;

/// Words that stand for vectors (textual inversion), by their tokens. Several names may begin with
/// the same tokens: the longest counts.
class EmbeddingNames {
 public:
  struct Name {
    int number = 0;
    std::vector<int64_t> ids;
  };

  /// Empty names are none.
  void add(int number, std::vector<int64_t> ids);
  /// The one with which `tokens` begin, or null.
  const Name* find(std::span<const int64_t> tokens) const;

 private:
  std::map<int64_t, std::vector<Name>> by_first_id_;  // the longest first
};

struct Chunk {
  /// From place `offset` + 1 on stand an embedding's vectors, as many as fit into the chunk.
  struct Fix {
    int64_t offset = 0;
    int embedding = 0;
    bool operator==(const Fix&) const = default;
  };

  std::vector<int64_t> ids;        // (77), 0 in the places of vectors
  std::vector<float> multipliers;  // (77)
  std::vector<Fix> fixes;
};

struct ChunkOptions {
  /// A chunk that is full ends at a comma that is at most so many tokens back; 0: nowhere but at
  /// its end.
  int comma_backtrack = 20;
  size_t most_chunks = kMostChunks;
  const EmbeddingNames* embeddings = nullptr;
  /// How many vectors an embedding has, 1 to 75.
  std::function<int64_t(int embedding)> vectors;
};

struct Chunks {
  std::vector<Chunk> chunks;  // one at least
  int64_t token_count = 0;    // without the padding of the last
  /// Where the first text that was left out begins: the part, and the byte in it.
  bool cut = false;
  size_t cut_part = 0, cut_byte = 0;
};

Chunks chunks_of(std::span<const WeightedText> parts, const Tokenizer& tokenizer,
                 const ChunkOptions& options);

/// A chunk without text.
Chunk empty_chunk(const Tokenizer& tokenizer);

}  // namespace drypoint
