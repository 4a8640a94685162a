#include "text/tokenizer.h"

#include <fmt/format.h>

#include <algorithm>
#include <queue>
#include <tuple>

#include "base/error.h"
#include "text/unicode.h"

namespace drypoint {
namespace {

constexpr std::string_view kBeginMark = "<|startoftext|>", kEndMark = "<|endoftext|>";
constexpr size_t kRoom = kTokenCount - 2;  // between the begin and end marks

uint64_t pair_key(int32_t left, int32_t right) {
  return uint64_t{static_cast<uint32_t>(left)} << 32 | static_cast<uint32_t>(right);
}

/// Vocabularies are text, so every byte has a printable stand-in: itself where it is printable in
/// Latin-1, else the next unused character from U+0100 on (GPT-2's bytes_to_unicode).
std::array<std::string, 256> byte_names() {
  std::array<std::string, 256> names;
  int32_t next = 256;
  for (int32_t byte = 0; byte < 256; ++byte) {
    const bool printable = (byte >= '!' && byte <= '~') || (byte >= 0xa1 && byte != 0xad);
    append_utf8(names[static_cast<size_t>(byte)], printable ? byte : next++);
  }
  return names;
}

/// The end of the word that begins at `begin`, by CLIP's pattern on lower-case text:
/// 's|'t|'re|'ve|'m|'ll|'d|\p{L}+|\p{N}|[^\s\p{L}\p{N}]+
size_t end_of_word(std::span<const Character> text, size_t begin) {
  const auto code = [&](size_t i) { return i < text.size() ? text[i].code : 0; };
  if (code(begin) == '\'') {
    const int32_t a = code(begin + 1), b = code(begin + 2);
    if (a == 's' || a == 't' || a == 'm' || a == 'd') return begin + 2;
    if ((a == 'r' && b == 'e') || (a == 'v' && b == 'e') || (a == 'l' && b == 'l'))
      return begin + 3;
  }
  const CharacterClass kind = character_class(text[begin].code);
  size_t end = begin + 1;
  if (kind == CharacterClass::number) return end;
  while (end < text.size() && character_class(text[end].code) == kind) ++end;
  return end;
}

/// Of a mark's text that begins here, 0 if none does.
size_t length_of_mark(std::span<const Character> text) {
  for (const std::string_view mark : {kBeginMark, kEndMark})
    if (std::ranges::equal(text.first(std::min(mark.size(), text.size())), mark, {},
                           &Character::code))
      return mark.size();
  return 0;
}

}  // namespace

struct Tokenizer::Output {
  TextTokens tokens;
  size_t most;

  bool full() const { return tokens.ids.size() >= most; }
  void push(int32_t id, size_t byte) {
    if (full()) return;
    tokens.ids.push_back(id);
    tokens.bytes.push_back(byte);
  }
};

Tokenizer::Tokenizer(const Vocabulary& vocabulary, std::string_view merges,
                     const std::string& source) {
  const auto mark = [&](std::string_view name) {
    const auto found = vocabulary.find(std::string(name));
    if (found == vocabulary.end())
      fail(ErrorKind::bad_file, "{}: the vocabulary of {} pieces has no \"{}\"", source,
           vocabulary.size(), name);
    return found->second;
  };
  begin_id_ = mark(kBeginMark);
  end_id_ = padding_id_ = mark(kEndMark);
  vocabulary_size_ = int64_t{std::max(begin_id_, end_id_)} + 1;
  const auto find = [&](const std::string& piece) {
    const auto found = vocabulary.find(piece);
    if (found == vocabulary.end()) return -1;
    vocabulary_size_ = std::max(vocabulary_size_, int64_t{found->second} + 1);
    return found->second;
  };

  const auto names = byte_names();
  for (size_t byte = 0; byte < 256; ++byte) {
    // What a vocabulary lacks becomes the end mark, CLIP's token for the unknown.
    const int32_t id = find(names[byte]), last = find(names[byte] + "</w>");
    byte_ids_[byte] = id < 0 ? end_id_ : id;
    last_byte_ids_[byte] = last < 0 ? end_id_ : last;
  }

  Merges known;
  known.reserve(static_cast<size_t>(std::count(merges.begin(), merges.end(), '\n')) + 1);
  int32_t rank = 0;
  for (size_t line = 1; !merges.empty(); ++line) {
    std::string_view text = merges.substr(0, merges.find('\n'));
    merges.remove_prefix(std::min(merges.size(), text.size() + 1));
    if (text.ends_with('\r')) text.remove_suffix(1);  // Windows' line ends
    if (text.empty() || text.starts_with("#version")) continue;
    const size_t space = text.find(' ');
    if (space == 0 || space >= text.size() - 1 || text.find(' ', space + 1) != text.npos)
      fail(ErrorKind::bad_file, "{}: line {} of the merges is no pair of pieces", source, line);
    const std::string left(text.substr(0, space)), right(text.substr(space + 1));
    const int32_t left_id = find(left), right_id = find(right), id = find(left + right);
    if (left_id < 0 || right_id < 0 || id < 0)
      fail(ErrorKind::bad_file, "{}: line {} of the merges names pieces that the vocabulary lacks",
           source, line);
    known.insert_or_assign(pair_key(left_id, right_id), Merge{rank++, id});
  }
  merges_ = std::make_shared<const Merges>(std::move(known));
}

const Tokenizer::Merge* Tokenizer::find_merge(int32_t left, int32_t right) const {
  const auto found = merges_->find(pair_key(left, right));
  return found == merges_->end() ? nullptr : &found->second;
}

Tokens Tokenizer::encode(std::string_view text) const {
  TextTokens all = encode_text(text, kRoom + 1);
  Tokens tokens;
  tokens.cut = all.ids.size() > kRoom;
  if (tokens.cut) tokens.cut_at_byte = all.bytes[kRoom];
  all.ids.resize(std::min(all.ids.size(), kRoom));
  tokens.ids.reserve(kTokenCount);
  tokens.ids.push_back(begin_id_);
  tokens.ids.insert(tokens.ids.end(), all.ids.begin(), all.ids.end());
  tokens.ids.push_back(end_id_);
  tokens.count = static_cast<int64_t>(tokens.ids.size());
  tokens.ids.resize(kTokenCount, padding_id_);
  return tokens;
}

TextTokens Tokenizer::encode_text(std::string_view text, size_t most) const {
  Output output{{}, most};
  const std::vector<Character> characters = decode_utf8(text);
  const auto at_byte = [&](size_t byte) {
    return std::lower_bound(characters.begin(), characters.end(), byte,
                            [](const Character& c, size_t b) { return c.byte < b; });
  };
  for (size_t at = 0; at < text.size() && !output.full();) {
    const size_t begin = text.find(kBeginMark, at), end = text.find(kEndMark, at);
    const size_t next = std::min({begin, end, text.size()});
    encode_plain({at_byte(at), at_byte(next)}, output);
    if (next == text.size()) break;
    output.push(next == begin ? begin_id_ : end_id_, next);
    at = next + (next == begin ? kBeginMark : kEndMark).size();
  }
  return std::move(output.tokens);
}

void Tokenizer::add_words(const std::map<std::string, int64_t>& words) {
  constexpr size_t longest = 256;
  for (const auto& [word, id] : words) {
    const std::vector<Character> characters = lower_case(compose(decode_utf8(word)));
    if (characters.empty() || characters.size() > longest)
      fail(ErrorKind::bad_argument, "an added token of {} characters, expected 1 to {}",
           characters.size(), longest);
    std::vector<int32_t> ids{static_cast<int32_t>(id)};
    for (auto next = words.find(word + "_1"); next != words.end();
         next = words.find(fmt::format("{}_{}", word, ids.size())))
      ids.push_back(static_cast<int32_t>(next->second));
    std::u32string codes;
    for (const Character& character : characters) codes += static_cast<char32_t>(character.code);
    vocabulary_size_ = std::max(vocabulary_size_, id + 1);
    added_lengths_.insert(codes.size());
    added_.insert_or_assign(std::move(codes), std::move(ids));
  }
}

void Tokenizer::encode_plain(std::span<const Character> text, Output& output) const {
  // White space only separates words, so that it need not be collapsed first.
  const std::vector<Character> characters = lower_case(compose(text));
  if (added_.empty()) return encode_words(characters, output);
  std::u32string codes;
  for (const Character& character : characters) codes += static_cast<char32_t>(character.code);
  size_t done = 0;
  const auto added_at = [&](size_t at) {
    for (const size_t length : added_lengths_)
      if (const auto found = added_.find(codes.substr(at, length));
          found != added_.end() && at + length <= codes.size())
        return found;
    return added_.end();
  };
  for (size_t at = 0; at < codes.size() && !output.full();) {
    const auto found = added_at(at);
    if (found == added_.end()) {
      ++at;
      continue;
    }
    encode_words(std::span(characters).subspan(done, at - done), output);
    for (const int32_t id : found->second) output.push(id, characters[at].byte);
    done = at += found->first.size();
  }
  encode_words(std::span(characters).subspan(done), output);
}

void Tokenizer::encode_words(std::span<const Character> characters, Output& output) const {
  std::string word;
  std::vector<size_t> origins;  // of each byte of the word
  // A mark that stood there in capitals is text, and none of its words goes on behind it.
  size_t end_of_mark = 0;
  for (size_t begin = 0; begin < characters.size() && !output.full();) {
    if (begin >= end_of_mark) end_of_mark = begin + length_of_mark(characters.subspan(begin));
    const size_t end =
        end_of_word(begin < end_of_mark ? characters.first(end_of_mark) : characters, begin);
    if (character_class(characters[begin].code) != CharacterClass::space) {
      word.clear();
      origins.clear();
      for (size_t i = begin; i < end; ++i) {
        append_utf8(word, characters[i].code);
        origins.resize(word.size(), characters[i].byte);
      }
      encode_word(word, origins, output);
    }
    begin = end;
  }
}

void Tokenizer::encode_word(std::string_view word, const std::vector<size_t>& origins,
                            Output& output) const {
  // A linked list of pieces, one per byte at first, and a queue of the merges that are possible:
  // the lowest rank first, the leftmost first among equals. n log n, since words may be long.
  constexpr size_t kNone = ~size_t{0};
  struct Piece {
    int32_t id;  // -1 once merged into the piece before it
    size_t previous, next;
  };
  const size_t count = word.size();
  std::vector<Piece> pieces(count);
  for (size_t i = 0; i < count; ++i) {
    const auto byte = static_cast<unsigned char>(word[i]);
    pieces[i] = {i + 1 < count ? byte_ids_[byte] : last_byte_ids_[byte], i - 1,
                 i + 1 < count ? i + 1 : kNone};
  }
  using Candidate = std::tuple<int32_t, size_t, int32_t>;  // rank, left piece, merged id
  std::priority_queue<Candidate, std::vector<Candidate>, std::greater<>> candidates;
  const auto consider = [&](size_t left) {
    if (left == kNone || pieces[left].next == kNone) return;
    if (const Merge* merge = find_merge(pieces[left].id, pieces[pieces[left].next].id))
      candidates.emplace(merge->rank, left, merge->id);
  };
  for (size_t i = 0; i + 1 < count; ++i) consider(i);
  while (!candidates.empty()) {
    const auto [rank, left, id] = candidates.top();
    candidates.pop();
    Piece& piece = pieces[left];
    if (piece.id < 0 || piece.next == kNone) continue;
    // Stale if either piece has changed since.
    const Merge* merge = find_merge(piece.id, pieces[piece.next].id);
    if (!merge || merge->rank != rank) continue;
    Piece& right = pieces[piece.next];
    piece.id = id;
    piece.next = right.next;
    right.id = -1;
    if (piece.next != kNone) pieces[piece.next].previous = left;
    consider(piece.previous);
    consider(left);
  }
  for (size_t i = 0; i != kNone && !output.full(); i = pieces[i].next)
    output.push(pieces[i].id, origins[i]);
}

}  // namespace drypoint
