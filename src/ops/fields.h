// Operations list their attributes once; printing, saving and comparing all use that list.
#pragma once

#include <fmt/core.h>

#include <string>
#include <type_traits>

#include "base/error.h"
#include "ops/traits.h"

namespace drypoint {

[[noreturn]] void refuse_input(std::string_view op, fmt::string_view format, fmt::format_args args);

/// Throws when an operation's inputs do not fit it: "[linear] input 1: found ..., expected ...".
template <class... Args>
void expect_input(bool fits, std::string_view op, fmt::format_string<Args...> format,
                  Args&&... args) {
  if (!fits) refuse_input(op, format, fmt::make_format_args(args...));
}

}  // namespace drypoint
