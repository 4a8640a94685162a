// What other tools understand in a prompt, and CLIP's tokenizer reads as plain words.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace drypoint {

/// One line for each kind that occurs: weights, "(word:1.2)" and "((word))"; mixes over time,
/// "[a:b:0.5]"; networks to load, "<lora:name:1>"; "BREAK" and "AND" between parts of a prompt.
/// With the first place where it does, and what comes of it. For a text that is read as the web UI
/// reads it, only networks are told.
std::vector<std::string> foreign_syntax(std::string_view text, bool as_web_ui = false);

}  // namespace drypoint
