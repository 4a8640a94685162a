#include "text/prompt_parser.h"

#include <charconv>
#include <cmath>
#include <optional>

#include "base/error.h"
#include "base/utf8.h"
#include "text/unicode.h"
#include "text/words.h"

namespace drypoint {
namespace {

constexpr double kRound = 1.1, kSquare = 1 / 1.1;

/// The number of ":1.2)", its digits in ASCII, and how long all of it is.
struct WeightEnd {
  std::string number;
  size_t length;
};

std::optional<WeightEnd> weight_end(std::string_view text) {
  std::string_view rest = without_space_before(text.substr(1));
  std::string sign, number;
  if (!rest.empty() && (rest[0] == '+' || rest[0] == '-')) sign = rest[0];
  rest.remove_prefix(sign.size());
  while (!rest.empty()) {  // Python's float() takes the digits of every script
    const auto [code, length] = first_character(rest);
    const int digit = digit_value(code);
    if (code != '.' && digit < 0) break;
    number += code == '.' ? '.' : static_cast<char>('0' + digit);
    rest.remove_prefix(length);
  }
  rest = without_space_before(rest);
  if (number.empty() || !rest.starts_with(')')) return {};
  return WeightEnd{sign + number, text.size() - rest.size() + 1};
}

double weight_of(std::string_view number) {
  const std::string_view digits = number.starts_with('+') ? number.substr(1) : number;
  double weight = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), weight);
  if (error != std::errc() || end != digits.data() + digits.size())
    fail(ErrorKind::bad_argument,
         "\":{})\" has the weight \"{}\", expected a number (the plain parser takes brackets as "
         "text)",
         printable(number.substr(0, 40)), printable(number.substr(0, 40)));
  return weight;
}

class EmphasisParser {
 public:
  explicit EmphasisParser(std::string_view text) : text_(text) {}

  std::vector<WeightedText> run() {
    while (at_ < text_.size()) take();
    for (const size_t begin : round_) multiply(begin, kRound);
    for (const size_t begin : square_) multiply(begin, kSquare);
    return joined();
  }

 private:
  void take() {
    const char c = text_[at_];
    if (c == '\\') {  // escapes brackets and itself; before anything else it vanishes
      const bool escapes =
          at_ + 1 < text_.size() && std::string_view("()[]\\").find(text_[at_ + 1]) != text_.npos;
      parts_.push_back({std::string(text_.substr(at_ + 1, escapes ? 1 : 0))});
      at_ += escapes ? 2 : 1;
    } else if (c == '(' || c == '[') {
      open(c == '(' ? round_ : square_);
    } else if (c == ':') {
      const auto end = weight_end(text_.substr(at_));
      if (end && !round_.empty()) {
        const double weight = weight_of(end->number);
        multiply(round_.back(), weight);
        round_.pop_back();
        at_ += end->length;
      } else {
        add_text(end ? end->length : 1);
      }
    } else if (c == ')' || c == ']') {
      close(c == ')' ? round_ : square_, c == ')' ? kRound : kSquare);
    } else {
      add_text(std::min(text_.find_first_of("\\()[]:", at_), text_.size()) - at_);
    }
  }

  void open(std::vector<size_t>& brackets) {
    brackets.push_back(parts_.size());
    ++at_;
    if (round_.size() + square_.size() > kMostNested)
      fail(ErrorKind::bad_argument,
           "brackets are nested more than {} deep (the plain parser takes them as text)",
           kMostNested);
  }

  void close(std::vector<size_t>& brackets, double factor) {
    if (brackets.empty()) return add_text(1);
    multiply(brackets.back(), factor);
    brackets.pop_back();
    ++at_;
  }

  void multiply(size_t begin, double factor) {
    for (size_t i = begin; i < parts_.size(); ++i) parts_[i].weight *= factor;
  }

  /// Text without brackets, whose BREAKs are parts of their own.
  void add_text(size_t length) {
    std::string_view text = text_.substr(at_, length);
    at_ += length;
    constexpr std::string_view word = "BREAK";
    for (size_t found; (found = find_word(text, word)) != text.npos;) {
      parts_.push_back({std::string(without_space_after(text.substr(0, found)))});
      parts_.push_back({std::string(word), -1});
      text = without_space_before(text.substr(found + word.size()));
    }
    parts_.push_back({std::string(text)});
  }

  std::vector<WeightedText> joined() {
    std::vector<WeightedText> result;
    for (WeightedText& part : parts_) {
      if (!std::isfinite(static_cast<float>(part.weight)))
        fail(ErrorKind::bad_argument, "\"{}\" has the weight {}, expected a finite one",
             printable(part.text.substr(0, 40)), part.weight);
      if (!result.empty() && result.back().weight == part.weight)
        result.back().text += part.text;
      else
        result.push_back(std::move(part));
    }
    if (result.empty()) result.push_back({});
    return result;
  }

  std::string_view text_;
  size_t at_ = 0;
  std::vector<WeightedText> parts_;
  std::vector<size_t> round_, square_;  // the first part after each bracket that is open
};

}  // namespace

std::vector<WeightedText> parse_emphasis(std::string_view text) {
  return EmphasisParser(text).run();
}

}  // namespace drypoint
