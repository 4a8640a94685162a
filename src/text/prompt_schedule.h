// Prompts that change over the steps, and prompts of several parts, in the syntax of
// AUTOMATIC1111's web UI (its wiki, "Prompt editing" and "Composable Diffusion").
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace drypoint {

struct ScheduledText {
  int last_step = 0;  // from 1; the next text counts from the step behind it
  std::string text;
  bool operator==(const ScheduledText&) const = default;
};

/// What the prompt says at which steps: "[a:b:0.4]" becomes b after 0.4 of the steps, "[a:b:12]"
/// after 12, "[a:12]" appears and "[a::12]" vanishes then; "[a|b]" is each in turn. Weights stay as
/// they are. Of a second pass numbers go on from the `before` steps of the first: 1.4 is 0.4 of it,
/// and what changes in the first has changed. Throws bad_argument for brackets nested too deep and
/// for more text than 16 MB in all.
std::vector<ScheduledText> prompt_schedule(std::string_view text, int steps, int before = 0);

struct PromptPart {
  std::string text;
  double weight = 1;
  bool operator==(const PromptPart&) const = default;
};

/// "a :1.2 AND b" -> a with 1.2, b with 1. Throws bad_argument for a weight that is not finite.
std::vector<PromptPart> prompt_parts(std::string_view text);

/// Puts text behind each part, after a comma, and before the part's weight.
std::string with_added(std::string_view text, std::string_view added);

}  // namespace drypoint
