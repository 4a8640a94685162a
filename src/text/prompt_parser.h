// The weights of a prompt in the syntax of AUTOMATIC1111's web UI (its wiki, "Attention/emphasis").
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace drypoint {

/// How deep brackets may be nested in a prompt.
constexpr size_t kMostNested = 500;

struct WeightedText {
  std::string text;
  double weight = 1;

  /// A break between chunks; within brackets it is the word.
  bool is_break() const { return text == "BREAK" && weight == -1; }
  bool operator==(const WeightedText&) const = default;
};

/// "(a)" weighs 1.1, "[a]" 1 / 1.1, "(a:1.3)" 1.3, nested ones the product; "\(" is a bracket as
/// text; neighbours of equal weight are one. Never empty. Throws bad_argument for a weight that is
/// no finite number, and for brackets nested too deep.
std::vector<WeightedText> parse_emphasis(std::string_view text);

}  // namespace drypoint
