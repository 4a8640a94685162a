#include "text/prompt_schedule.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <optional>
#include <set>

#include "base/error.h"
#include "base/utf8.h"
#include "text/prompt_parser.h"
#include "text/unicode.h"
#include "text/words.h"

namespace drypoint {
namespace {

constexpr size_t kMostText = 16 << 20;

bool is_digit(char c) { return c >= '0' && c <= '9'; }

std::string_view without_digits(std::string_view text) {
  while (!text.empty() && is_digit(text[0])) text.remove_prefix(1);
  return text;
}

/// "12", "-0.4", "5.", ".5", "1e2"; the exponent is the schedule's grammar only.
bool is_number(std::string_view text, bool exponent) {
  if (text.starts_with('+') || text.starts_with('-')) text.remove_prefix(1);
  std::string_view rest = without_digits(text);
  bool digits = rest.size() < text.size();
  if (rest.starts_with('.')) {
    const std::string_view after = without_digits(rest.substr(1));
    digits = digits || after.size() + 1 < rest.size();
    rest = after;
  }
  if (!digits) return false;
  if (exponent && (rest.starts_with('e') || rest.starts_with('E'))) {
    rest.remove_prefix(1);
    if (rest.starts_with('+') || rest.starts_with('-')) rest.remove_prefix(1);
    return !rest.empty() && without_digits(rest).empty();
  }
  return rest.empty();
}

/// As Python's float() reads it: digits of every script.
std::string in_ascii(std::string_view number) {
  std::string result;
  while (!number.empty()) {
    const auto [code, length] = first_character(number);
    const int digit = digit_value(code);
    if (digit < 0)
      result += number.substr(0, length);
    else
      result += static_cast<char>('0' + digit);
    number.remove_prefix(length);
  }
  return result;
}

/// Too large a number is infinity, too small a one 0.
double to_number(std::string_view text) {
  const bool negative = text.starts_with('-');
  if (negative || text.starts_with('+')) text.remove_prefix(1);
  double value = 0;
  if (std::from_chars(text.data(), text.data() + text.size(), value).ec != std::errc())
    value = text.find("e-") != text.npos || text.find("E-") != text.npos ? 0 : HUGE_VAL;
  return negative ? -value : value;
}

/// The text as a list of pieces, of which a node of the tree stands for those between it and its
/// end. So nothing is moved when brackets turn out to be no syntax, and nothing is recursive.
struct Piece {
  enum class Kind : uint8_t { text, colon, bar, open, close } kind;
  std::string_view text;
  // Of an `open` that turned out to be one of these:
  enum class Node : uint8_t { none, scheduled, alternate } node = Node::none;
  size_t end = 0;                  // its `close`
  std::vector<size_t> separators;  // its colons or bars
  int when = 0;
};

class ScheduleParser {
 public:
  ScheduleParser(std::string_view text, int steps, int before)
      : text_(text), steps_(steps), before_(before) {}

  /// False: the whole text is plain.
  bool parse() {
    for (size_t at = 0; at < text_.size();) {
      const size_t length = piece_length(at);
      if (length == 0) return false;
      using enum Piece::Kind;
      const char c = text_[at];
      const Piece::Kind kind = c == '(' || c == '['   ? open
                               : c == ')' || c == ']' ? close
                               : c == ':'             ? colon
                               : c == '|'             ? bar
                                                      : Piece::Kind::text;
      pieces_.push_back({kind, text_.substr(at, length)});
      at += length;
      if (!take(pieces_.size() - 1)) return false;
    }
    return none_has_bars();
  }

  std::vector<int> last_steps() const {
    std::set<int> found{steps_};
    for (const Piece& piece : pieces_) {
      if (piece.node == Piece::Node::scheduled && piece.when >= 1) found.insert(piece.when);
      if (piece.node != Piece::Node::alternate) continue;
      for (int step = 1; step <= steps_; ++step) found.insert(step);
      break;  // there are no more
    }
    return {found.begin(), found.end()};
  }

  std::string text_at(int step) const {
    std::string result;
    std::vector<size_t> ends{pieces_.size()};  // of what is being written, the innermost last
    std::vector<size_t> next;                  // where to go on behind it
    size_t at = 0;
    for (;;) {
      if (at == ends.back()) {
        if (next.empty()) return result;
        at = next.back();
        next.pop_back();
        ends.pop_back();
        continue;
      }
      const Piece& piece = pieces_[at];
      if (piece.node == Piece::Node::none) {
        result += piece.text;
        ++at;
        continue;
      }
      const auto [begin, end] = choice(at, step);
      next.push_back(piece.end + 1);
      ends.push_back(end);
      at = begin;
    }
  }

 private:
  /// 0: no piece begins so.
  size_t piece_length(size_t at) const {
    constexpr std::string_view marks = "()[]:|";
    if (marks.find(text_[at]) != marks.npos) return 1;
    size_t end = at;
    while (end < text_.size() && marks.find(text_[end]) == marks.npos) {
      const bool escape = text_[end] == '\\';
      if (escape && (end + 1 == text_.size() || text_[end + 1] == '\n')) return 0;
      end += escape ? 2 : 1;
    }
    return end - at;
  }

  bool take(size_t i) {
    switch (pieces_[i].kind) {
      case Piece::Kind::text: return true;
      case Piece::Kind::open:
        open_.push_back(i);
        if (open_.size() > kMostNested)
          fail(ErrorKind::bad_argument,
               "brackets are nested more than {} deep (the plain parser takes them as text)",
               kMostNested);
        return true;
      case Piece::Kind::colon:
        if (!open_.empty()) pieces_[open_.back()].separators.push_back(i);
        return true;
      case Piece::Kind::bar:  // nowhere but in "[a|b]"
        if (open_.empty() || pieces_[open_.back()].text == "(") return false;
        pieces_[open_.back()].separators.push_back(i);
        return true;
      case Piece::Kind::close: break;
    }
    if (open_.empty()) return true;
    Piece& begin = pieces_[open_.back()];
    const bool fits = (begin.text == "(") == (pieces_[i].text == ")");
    if (fits && finish(begin, i)) return open_.pop_back(), true;
    return give_up();
  }

  /// Whether "(...)" or "[...]" means something.
  bool finish(Piece& begin, size_t close) {
    begin.end = close;
    const auto& separators = begin.separators;
    if (begin.text == "(") return separators.size() <= 1;
    if (separators.empty()) return true;
    const auto is_bar = [&](size_t i) { return pieces_[i].kind == Piece::Kind::bar; };
    const auto bars = std::count_if(separators.begin(), separators.end(), is_bar);
    if (bars > 0) {
      if (static_cast<size_t>(bars) < separators.size()) return false;
      begin.node = Piece::Node::alternate;
      return true;
    }
    const size_t last = separators.back();
    if (separators.size() > 2 || last + 2 != close) return false;
    const std::string_view number =
        without_space_before(without_space_after(pieces_[last + 1].text));
    if (!is_number(number, true)) return false;
    double when = to_number(number);
    if (number.find('.') == number.npos)
      when -= before_;
    else
      when = (when - (before_ > 0 ? 1 : 0)) * steps_;
    begin.when = static_cast<int>(std::clamp<double>(when, -1, steps_));
    begin.node = Piece::Node::scheduled;
    return true;
  }

  /// All that is open stays text.
  bool give_up() {
    const bool possible = none_has_bars();
    open_.clear();
    return possible;
  }

  bool none_has_bars() const {
    for (const size_t begin : open_)
      for (const size_t i : pieces_[begin].separators)
        if (pieces_[i].kind == Piece::Kind::bar) return false;
    return true;
  }

  /// The pieces that stand for a node at a step.
  std::pair<size_t, size_t> choice(size_t at, int step) const {
    const Piece& piece = pieces_[at];
    const auto& separators = piece.separators;
    const auto part = [&](size_t i) {
      const size_t begin = i == 0 ? at + 1 : separators[i - 1] + 1;
      return std::pair(begin, i == separators.size() ? piece.end : separators[i]);
    };
    if (piece.node == Piece::Node::alternate)
      return part(static_cast<size_t>(step - 1) % (separators.size() + 1));
    const bool before = step <= piece.when;
    if (separators.size() == 2) return part(before ? 0 : 1);
    return before ? std::pair(at, at) : part(0);
  }

  std::string_view text_;
  int steps_, before_;
  std::vector<Piece> pieces_;
  std::vector<size_t> open_;  // brackets
};

/// Calls `visit` with each part between ANDs, and the number behind its last colon.
template <class Visit>
void for_each_part(std::string_view text, const Visit& visit) {
  constexpr std::string_view word = "AND";
  for (size_t begin = 0; begin != text.npos;) {
    const size_t end = find_word(text, word, begin);
    std::string_view part =
        without_space_after(text.substr(begin, end == text.npos ? end : end - begin));
    begin = end == text.npos ? end : end + word.size();
    std::string_view number;
    if (const size_t colon = part.rfind(':'); colon != part.npos) {
      number = without_space_before(part.substr(colon + 1));
      if (is_number(in_ascii(number), false))
        part = without_space_after(part.substr(0, colon));
      else
        number = {};
    }
    visit(part, number);
  }
}

}  // namespace

std::vector<ScheduledText> prompt_schedule(std::string_view text, int steps, int before) {
  ScheduleParser parser(text, steps, before);
  if (!parser.parse()) return {{steps, std::string(text)}};
  const std::vector<int> last_steps = parser.last_steps();
  if (last_steps.size() > 1 && last_steps.size() * text.size() > kMostText)
    fail(ErrorKind::bad_argument, "{} bytes that change at {} steps, expected at most {} MB in all",
         text.size(), last_steps.size(), kMostText >> 20);
  std::vector<ScheduledText> schedule;
  for (const int last : last_steps) schedule.push_back({last, parser.text_at(last)});
  return schedule;
}

std::vector<PromptPart> prompt_parts(std::string_view text) {
  std::vector<PromptPart> parts;
  for_each_part(text, [&](std::string_view part, std::string_view number) {
    const double weight = number.empty() ? 1 : to_number(in_ascii(number));
    if (!std::isfinite(static_cast<float>(weight)))
      fail(ErrorKind::bad_argument, "a part has the weight {}, expected a finite one",
           printable(number.substr(0, 40)));
    parts.push_back({std::string(part), weight});
  });
  return parts;
}

std::string with_added(std::string_view text, std::string_view added) {
  std::string result;
  for_each_part(text, [&](std::string_view part, std::string_view number) {
    if (!result.empty()) result += " AND";
    (result += part) += ", ";
    result += added;
    if (!number.empty()) (result += ':') += number;
  });
  return result;
}

}  // namespace drypoint
