#include "text/foreign_syntax.h"

#include <fmt/format.h>

#include <array>
#include <cctype>

#include "base/utf8.h"

namespace drypoint {
namespace {

using Text = std::string_view;

bool is_number(Text text) {
  bool digits = false;
  for (const char c : text) {
    const bool digit = std::isdigit(static_cast<unsigned char>(c)) != 0;
    if (!digit && c != '.' && c != ' ' && c != '-') return false;
    digits = digits || digit;
  }
  return digits;
}

/// Whether the character at `at` stands for itself: "\(".
bool is_escaped(Text text, size_t at) { return at > 0 && text[at - 1] == '\\'; }

/// The innermost "(...)" or "[...]" whose content ends in ":number" and has `colons` colons at
/// least.
Text weighted(Text text, char open, char close, int colons) {
  size_t begin = text.npos;
  for (size_t i = 0; i < text.size(); ++i) {
    if (is_escaped(text, i)) continue;
    if (text[i] == open) begin = i;
    if (text[i] != close || begin == text.npos) continue;
    const Text inside = text.substr(begin + 1, i - begin - 1);
    const size_t colon = inside.rfind(':');
    int found = 0;
    for (const char c : inside) found += c == ':';
    if (colon != inside.npos && found >= colons && is_number(inside.substr(colon + 1)))
      return text.substr(begin, i - begin + 1);
    begin = text.npos;
  }
  return {};
}

Text doubled(Text text) {
  for (const Text open : {"((", "[["}) {
    const size_t begin = text.find(open);
    const size_t end =
        begin == text.npos ? text.npos : text.find(open == "((" ? "))" : "]]", begin);
    if (end != text.npos && !is_escaped(text, begin)) return text.substr(begin, end + 2 - begin);
  }
  return {};
}

Text network(Text text) {
  for (const Text open : {"<lora:", "<lyco:", "<hypernet:"})
    if (const size_t begin = text.find(open); begin != text.npos) {
      const size_t end = text.find('>', begin);
      if (end != text.npos) return text.substr(begin, end + 1 - begin);
    }
  return {};
}

Text separator(Text text) {
  for (const Text word : {"BREAK", "AND"})
    for (size_t at = text.find(word); at != text.npos; at = text.find(word, at + 1)) {
      const auto is_blank = [&](size_t i) {
        return i < text.size() && (text[i] == ' ' || text[i] == '\n');
      };
      if (at > 0 && is_blank(at - 1) && is_blank(at + word.size())) return word;
    }
  return {};
}

}  // namespace

std::vector<std::string> foreign_syntax(Text text, bool as_web_ui) {
  std::vector<std::string> notices;
  const auto add = [&](Text found, Text what) {
    if (!found.empty())
      notices.push_back(fmt::format("\"{}\" is read as plain text: {}", printable(found), what));
  };
  add(network(text), "<lora:NAME:0.8> in the prompt itself is all that loads something");
  if (as_web_ui) return notices;
  const Text weight = weighted(text, '(', ')', 1);
  add(weight.empty() ? doubled(text) : weight, "words have no weights here");
  add(weighted(text, '[', ']', 1), "a prompt stays the same over all steps");
  add(separator(text), "a prompt is one part");
  return notices;
}

}  // namespace drypoint
