// Any text is a prompt of the web UI's syntax or an `Error`.
#include <algorithm>
#include <string_view>

#include "drypoint/error.h"
#include "text/chunks.h"
#include "text/lora_tags.h"
#include "text/prompt_schedule.h"
#include "text/unicode.h"

namespace {

void expect(bool holds) {
  if (!holds) __builtin_trap();
}

void read(const drypoint::Tokenizer& tokenizer, std::string_view text) {
  drypoint::decode_utf8(text);  // as requests are checked
  expect(drypoint::take_lora_tags(text).text.size() <= text.size());
  constexpr int steps = 7;
  for (const auto& part : drypoint::prompt_parts(text)) {
    int before = 0;
    for (const auto& [last, of_step] : drypoint::prompt_schedule(part.text, steps)) {
      expect(last > before && last <= steps && of_step.size() <= part.text.size());
      before = last;
      const auto weighted = drypoint::parse_emphasis(of_step);
      const auto chunks = drypoint::chunks_of(weighted, tokenizer, {.most_chunks = 4});
      expect(!chunks.chunks.empty() && chunks.chunks.size() <= 4);
      for (const auto& chunk : chunks.chunks)
        expect(chunk.ids.size() == 77 && chunk.multipliers.size() == 77);
      if (chunks.cut) expect(chunks.cut_byte < weighted.at(chunks.cut_part).text.size());
    }
    expect(before == steps);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const drypoint::Tokenizer tokenizer = drypoint::Tokenizer::built_in();
  try {
    read(tokenizer, {reinterpret_cast<const char*>(data), size});
  } catch (const drypoint::Error&) {
  }
  return 0;
}
