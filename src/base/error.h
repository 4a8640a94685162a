// Throwing `Error` with a formatted message.
#pragma once

#include <fmt/format.h>

#include <new>
#include <stdexcept>
#include <system_error>
#include <utility>

#include "drypoint/error.h"

namespace drypoint {

template <class... Args>
[[noreturn]] void fail(ErrorKind kind, fmt::format_string<Args...> format, Args&&... args) {
  throw Error(kind, fmt::format(format, std::forward<Args>(args)...));
}

/// Runs the body of a public function: where memory runs out, an `Error` leaves it too. `doing`
/// says what could not be done.
template <class Body>
decltype(auto) at_border(std::string_view doing, const Body& body) {
  try {
    return body();
  } catch (const std::bad_alloc&) {
    fail(ErrorKind::out_of_memory, "{}: there is not enough memory", doing);
  } catch (const std::system_error& error) {
    if (error.code() != std::errc::resource_unavailable_try_again) throw;
    fail(ErrorKind::out_of_memory, "{}: there are not enough threads", doing);
  } catch (const std::length_error&) {  // a container larger than any memory
    fail(ErrorKind::out_of_memory, "{}: there is not enough memory", doing);
  }
}

/// A broken promise between our own parts: never the user's fault, so it says where to look.
#define DRYPOINT_EXPECT(condition, ...)                                         \
  do {                                                                          \
    if (!(condition))                                                           \
      ::drypoint::fail(::drypoint::ErrorKind::internal, "internal: {} ({}:{})", \
                       ::fmt::format(__VA_ARGS__), __FILE__, __LINE__);         \
  } while (false)

}  // namespace drypoint
