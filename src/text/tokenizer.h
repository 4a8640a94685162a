// CLIP's byte-pair tokenizer: text to the 77 token numbers that the text encoder reads.
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "text/unicode.h"

namespace drypoint {

/// How many tokens the text encoder reads, begin and end marks included.
constexpr int64_t kTokenCount = 77;

struct Tokens {
  std::vector<int64_t> ids;  // (77): begin, text, end, then the padding
  int64_t count = 0;         // without the padding; 2 for an empty text
  bool cut = false;          // whether the text had more tokens than fit
  size_t cut_at_byte = 0;    // where in the text the first token that did not fit begins
};

/// The tokens of a text alone, and where in it each begins.
struct TextTokens {
  std::vector<int64_t> ids;
  std::vector<size_t> bytes;
};

/// Gives the tokens of CLIPTokenizer in Hugging Face's transformers 5: NFC, lower case, words split
/// by CLIP's pattern, then bytes merged pair by pair. `<|startoftext|>` and `<|endoftext|>` in the
/// text are the begin and end marks.
class Tokenizer {
 public:
  using Vocabulary = std::unordered_map<std::string, int32_t>;

  /// CLIP's own vocabulary of 49,408 pieces, which all Stable Diffusion 1.x and 2.x models use.
  static Tokenizer built_in();
  /// Reads `vocab.json` and `merges.txt` of a tokenizer folder, or `tokenizer.json` where that is
  /// all there is. Throws bad_file.
  static Tokenizer from_folder(const std::filesystem::path& folder);
  /// The same from the files' contents. `source` is for messages.
  static Tokenizer from_texts(std::string_view vocabulary, std::string_view merges,
                              const std::string& source);
  /// The contents of both files of such a folder. Throws bad_file.
  static std::pair<std::string, std::string> read_texts(const std::filesystem::path& folder);
  /// `merges` as in merges.txt: a line each, in the order of their rank; `source` is for messages.
  Tokenizer(const Vocabulary& vocabulary, std::string_view merges, const std::string& source);

  /// Fills short texts up with the piece "!", as OpenCLIP does, rather than with end marks. (In
  /// transformers a "!" within a text becomes that token too, in OpenCLIP and here it does not.)
  void pad_with_exclamation_mark() { padding_id_ = byte_ids_['!']; }

  /// Words of their own tokens, found anywhere in a text, case aside, the longest first, as those
  /// that transformers adds. Of "<a>", "<a>_1", "<a>_2" the first stands for all, as in diffusers
  /// (`maybe_convert_prompt`). Throws bad_argument for one that is not UTF-8 or longer than 256
  /// characters.
  void add_words(const std::map<std::string, int64_t>& words);

  /// Throws bad_argument if `text` is not UTF-8.
  Tokens encode(std::string_view text) const;
  /// Without begin and end marks, `most` tokens at most.
  TextTokens encode_text(std::string_view text, size_t most = ~size_t{0}) const;

  /// One more than the largest number that `encode` can give: the rows that the text encoder's
  /// table must have.
  int64_t vocabulary_size() const { return vocabulary_size_; }
  int64_t begin_id() const { return begin_id_; }
  int64_t end_id() const { return end_id_; }
  int64_t padding_id() const { return padding_id_; }

 private:
  struct Merge {
    int32_t rank, id;
  };
  using Merges = std::unordered_map<uint64_t, Merge>;  // by both pieces' numbers
  struct Output;                                       // tokens, until there are enough

  void encode_plain(std::span<const Character> text, Output& output) const;
  void encode_words(std::span<const Character> text, Output& output) const;
  void encode_word(std::string_view word, const std::vector<size_t>& origins, Output& output) const;
  const Merge* find_merge(int32_t left, int32_t right) const;

  std::array<int32_t, 256> byte_ids_;                     // of a byte within a word
  std::array<int32_t, 256> last_byte_ids_;                // of a byte that ends a word
  std::shared_ptr<const Merges> merges_;                  // which copies share
  std::map<std::u32string, std::vector<int32_t>> added_;  // by their characters
  std::set<size_t, std::greater<>> added_lengths_;
  int32_t begin_id_ = 0, end_id_ = 0, padding_id_ = 0;
  int64_t vocabulary_size_ = 0;
};

}  // namespace drypoint
