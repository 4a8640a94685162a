// The choices that decide how a prompt is read.
#pragma once

#include <cstdint>

namespace drypoint {

enum class ParserKind : uint8_t {
  automatic,  ///< `a1111` where that makes a difference, told in a notice
  a1111,      ///< as AUTOMATIC1111's web UI: weights, BREAK, AND, schedules
  plain,      ///< all is text, cut after 75 tokens
};

/// What weights do, as the web UI's setting of this name.
enum class EmphasisKind : uint8_t {
  original,  ///< multiply the text encoder's result, which keeps its mean
  no_norm,   ///< multiply it
  none,      ///< their brackets are text
  ignore,    ///< nothing
};

}  // namespace drypoint
