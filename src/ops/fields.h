// Operations list their attributes once; printing, saving and comparing all use that list.
#pragma once

#include <fmt/core.h>

#include <string>
#include <type_traits>
#include <utility>

#include "base/error.h"
#include "ops/traits.h"

namespace drypoint {

[[noreturn]] void refuse_input(std::string_view op, fmt::string_view format, fmt::format_args args);

/// What a message has of a value: of types and shapes their text, made for the message alone.
inline std::string in_message(const Shape& shape) { return to_string(shape); }
inline std::string in_message(const TensorType& type) { return to_string(type); }
template <class T>
const T& in_message(const T& value) {
  return value;
}

/// Throws when an operation's inputs do not fit it: "[linear] input 1: found ..., expected ...".
template <class... Args>
void expect_input(bool fits, std::string_view op,
                  fmt::format_string<decltype(in_message(std::declval<const Args&>()))...> format,
                  const Args&... args) {
  if (fits) return;
  const auto refuse = [&](const auto&... all) {
    refuse_input(op, format, fmt::make_format_args(all...));
  };
  refuse(in_message(args)...);
}

}  // namespace drypoint
