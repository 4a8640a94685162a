// Throwing `Error` with a formatted message.
#pragma once

#include <fmt/format.h>

#include <utility>

#include "drypoint/error.h"

namespace drypoint {

template <class... Args>
[[noreturn]] void fail(ErrorKind kind, fmt::format_string<Args...> format, Args&&... args) {
  throw Error(kind, fmt::format(format, std::forward<Args>(args)...));
}

/// A broken promise between our own parts: never the user's fault, so it says where to look.
#define DRYPOINT_EXPECT(condition, ...)                                            \
  do {                                                                             \
    if (!(condition))                                                              \
      ::drypoint::fail(::drypoint::ErrorKind::unsupported, "internal: {} ({}:{})", \
                       ::fmt::format(__VA_ARGS__), __FILE__, __LINE__);            \
  } while (false)

}  // namespace drypoint
