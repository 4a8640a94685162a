// Where vocabularies come from: bytes of the library, or a model's tokenizer folder.
#include <zlib.h>

#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "base/utf8.h"
#include "text/tokenizer.h"
#include "text/unicode.h"

extern "C" const unsigned char drypoint_clip_merges[], drypoint_clip_merges_end[];

namespace drypoint {
namespace {

constexpr size_t kLimit = 8 << 20;       // bytes of a vocabulary file; CLIP's has 1 MB
constexpr int64_t kLargestId = 1 << 24;  // more rows than any text encoder's table

std::string inflated_merges() {
  std::string merges(1 << 20, '\0');
  z_stream stream{};
  stream.next_in = const_cast<unsigned char*>(drypoint_clip_merges);
  stream.avail_in = static_cast<uInt>(drypoint_clip_merges_end - drypoint_clip_merges);
  stream.next_out = reinterpret_cast<unsigned char*>(merges.data());
  stream.avail_out = static_cast<uInt>(merges.size());
  int status = inflateInit2(&stream, 15 + 16);  // the largest window, with a gzip header
  if (status == Z_OK) status = inflate(&stream, Z_FINISH);
  merges.erase(merges.size() - stream.avail_out);
  inflateEnd(&stream);
  DRYPOINT_EXPECT(status == Z_STREAM_END, "the embedded vocabulary does not inflate");
  return merges;
}

Tokenizer::Vocabulary read_vocabulary(std::string_view text, const std::string& source) {
  using nlohmann::json;
  json document;
  try {
    // A flat object: anything nested is refused before it can grow.
    document = json::parse(text, [&](int depth, json::parse_event_t event, const json&) {
      if (depth > 0 &&
          (event == json::parse_event_t::object_start || event == json::parse_event_t::array_start))
        fail(ErrorKind::bad_file, "{}: has nested values, expected pieces and numbers only",
             source);
      return true;
    });
  } catch (const json::exception& error) {
    fail(ErrorKind::bad_file, "{}: is not JSON: {}", source, printable(error.what()));
  }
  if (!document.is_object())
    fail(ErrorKind::bad_file, "{}: is JSON of type {}, expected an object", source,
         document.type_name());
  Tokenizer::Vocabulary vocabulary;
  vocabulary.reserve(document.size());
  for (const auto& [piece, id] : document.items()) {
    if (!id.is_number_unsigned() || id.get<uint64_t>() > uint64_t{kLargestId})
      fail(ErrorKind::bad_file, "{}: \"{}\" has the number {}, expected 0 to {}", source,
           printable(piece.substr(0, 40)), id.dump().substr(0, 40), kLargestId);
    vocabulary.emplace(piece, id.get<int32_t>());
  }
  return vocabulary;
}

// Newer folders hold both in one file, tokenizer.json.
std::filesystem::path vocabulary_file(const std::filesystem::path& folder) {
  std::error_code ignored;
  const bool whole = !std::filesystem::exists(folder / "vocab.json", ignored) &&
                     std::filesystem::exists(folder / "tokenizer.json", ignored);
  return folder / (whole ? "tokenizer.json" : "vocab.json");
}

std::pair<std::string, std::string> texts_of_whole(const nlohmann::json& whole,
                                                   const std::string& file) {
  const auto& model = whole.at("model");
  if (!model.is_object() || !model.contains("vocab") || !model.contains("merges") ||
      !model.at("merges").is_array())
    fail(ErrorKind::bad_file, "{}: its model has no vocab and merges", file);
  std::string merges;
  for (const auto& merge : model.at("merges")) {  // "a b", or ["a", "b"]
    const bool pair =
        merge.is_array() && merge.size() == 2 && merge[0].is_string() && merge[1].is_string();
    if (!pair && !merge.is_string()) fail(ErrorKind::bad_file, "{}: a merge is no text", file);
    merges += pair ? merge[0].get<std::string>() + ' ' + merge[1].get<std::string>()
                   : merge.get<std::string>();
    merges += '\n';
  }
  return {model.at("vocab").dump(-1, ' ', false, nlohmann::json::error_handler_t::replace), merges};
}

Tokenizer read_built_in() {
  const std::string merges = inflated_merges();
  // The order of the numbers: bytes in the order of their stand-ins, the same ending a word, what
  // each merge makes, the two marks.
  Tokenizer::Vocabulary vocabulary;
  vocabulary.reserve(50'000);
  const auto add = [&](std::string piece) {
    vocabulary.emplace(std::move(piece), static_cast<int32_t>(vocabulary.size()));
  };
  for (const char* ending : {"", "</w>"}) {
    const auto add_range = [&](int32_t first, int32_t last) {
      for (int32_t code = first; code <= last; ++code) {
        std::string piece;
        append_utf8(piece, code);
        add(piece + ending);
      }
    };
    add_range('!', '~');
    add_range(0xa1, 0xac);
    add_range(0xae, 0xff);
    add_range(0x100, 0x143);  // the stand-ins of the 68 others
  }
  for (size_t begin = merges.find('\n') + 1; begin < merges.size();) {
    const size_t end = merges.find('\n', begin), space = merges.find(' ', begin);
    add(merges.substr(begin, space - begin) + merges.substr(space + 1, end - space - 1));
    begin = end + 1;
  }
  add("<|startoftext|>");
  add("<|endoftext|>");
  return Tokenizer(vocabulary, merges, "the built-in vocabulary");
}

}  // namespace

Tokenizer Tokenizer::built_in() {
  static const Tokenizer tokenizer = read_built_in();  // once, as it takes 20 ms
  return tokenizer;
}

Tokenizer Tokenizer::from_folder(const std::filesystem::path& folder) {
  const auto [vocabulary, merges] = read_texts(folder);
  return Tokenizer(read_vocabulary(vocabulary, vocabulary_file(folder).string()), merges,
                   folder.string());
}

Tokenizer Tokenizer::from_texts(std::string_view vocabulary, std::string_view merges,
                                const std::string& source) {
  return Tokenizer(read_vocabulary(vocabulary, source), merges, source);
}

std::pair<std::string, std::string> Tokenizer::read_texts(const std::filesystem::path& folder) {
  const auto file = vocabulary_file(folder);
  if (file.filename() == "vocab.json")
    return {read_file(file, kLimit), read_file(folder / "merges.txt", kLimit)};
  return texts_of_whole(read_json_object(file, "a tokenizer", {"model"}), file.string());
}

}  // namespace drypoint
