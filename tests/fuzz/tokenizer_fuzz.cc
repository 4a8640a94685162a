// Any bytes are a prompt or an `Error`; after a zero byte, so are any two halves a tokenizer
// folder.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string_view>

#include "base/file.h"
#include "drypoint/error.h"
#include "text/tokenizer.h"

namespace {

void encode(const drypoint::Tokenizer& tokenizer, std::string_view text) {
  const drypoint::Tokens tokens = tokenizer.encode(text);
  const bool in_range = std::all_of(tokens.ids.begin(), tokens.ids.end(), [&](int64_t id) {
    return id >= 0 && id < tokenizer.vocabulary_size();
  });
  if (!in_range || tokens.ids.size() != drypoint::kTokenCount || tokens.count < 2 ||
      tokens.count > drypoint::kTokenCount || tokens.ids[0] != tokenizer.begin_id() ||
      tokens.ids[static_cast<size_t>(tokens.count) - 1] != tokenizer.end_id() ||
      (tokens.cut && tokens.cut_at_byte >= text.size()))
    __builtin_trap();
}

/// `vocabulary`, a zero byte, `merges`, a zero byte, `text`.
void read_folder(std::string_view input) {
  const size_t first = std::min(input.find('\0'), input.size());
  const size_t second = std::min(input.find('\0', first + 1), input.size());
  static const std::filesystem::path folder = [] {
    std::string pattern =
        (std::filesystem::temp_directory_path() / "tokenizer_fuzz_XXXXXX").string();
    static const std::string made = mkdtemp(pattern.data());
    std::atexit([] { std::filesystem::remove_all(made); });
    return std::filesystem::path(made);
  }();
  const auto write = [](const std::filesystem::path& path, std::string_view contents) {
    FILE* file = std::fopen(path.c_str(), "wb");
    if (!file || std::fwrite(contents.data(), 1, contents.size(), file) != contents.size() ||
        std::fclose(file) != 0)
      std::abort();
  };
  write(folder / "vocab.json", input.substr(0, first));
  write(folder / "merges.txt",
        first < input.size() ? input.substr(first + 1, second - first - 1) : std::string_view());
  encode(drypoint::Tokenizer::from_folder(folder),
         second < input.size() ? input.substr(second + 1) : std::string_view());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const drypoint::Tokenizer tokenizer = drypoint::Tokenizer::built_in();
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  try {
    if (input.starts_with('\0'))
      read_folder(input.substr(1));
    else
      encode(tokenizer, input);
  } catch (const drypoint::Error&) {
  }
  return 0;
}
