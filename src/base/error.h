// Throwing `Error` with a formatted message.
#pragma once

#include <fmt/core.h>

#include <exception>
#include <functional>
#include <new>
#include <stdexcept>
#include <system_error>
#include <utility>

#include "drypoint/error.h"

namespace drypoint {

[[noreturn]] void fail_with(ErrorKind kind, fmt::string_view format, fmt::format_args args);
[[noreturn]] void promise_broken(const char* file, int line, fmt::string_view format,
                                 fmt::format_args args);

template <class... Args>
[[noreturn]] void fail(ErrorKind kind, fmt::format_string<Args...> format, Args&&... args) {
  fail_with(kind, format, fmt::make_format_args(args...));
}
template <class... Args>
[[noreturn]] void break_promise(const char* file, int line, fmt::format_string<Args...> format,
                                Args&&... args) {
  promise_broken(file, line, format, fmt::make_format_args(args...));
}

/// What a caller's own function threw, on its way to the border: nothing in between takes it for an
/// exception of ours.
struct FromCaller {
  std::exception_ptr exception;
};

/// A caller's function that throws `FromCaller`; and callbacks all of which do.
template <class Result, class... Args>
std::function<Result(Args...)> guarded(const std::function<Result(Args...)>& function) {
  if (!function) return {};
  return [&function](Args... args) -> Result {
    try {
      return function(std::forward<Args>(args)...);
    } catch (...) {
      throw FromCaller{std::current_exception()};
    }
  };
}
template <class Callbacks>
requires requires(Callbacks callbacks) {
  callbacks.progress;
  callbacks.stop;
}
Callbacks guarded(const Callbacks& callbacks) {
  Callbacks own = callbacks;
  own.progress = guarded(callbacks.progress);
  own.stop = guarded(callbacks.stop);
  return own;
}

/// Runs the body of a public function: where memory or threads run out, an `Error` leaves it too.
/// `doing` says what could not be done.
template <class Body>
decltype(auto) at_border(std::string_view doing, const Body& body) {
  try {
    return body();
  } catch (const FromCaller& thrown) {
    std::rethrow_exception(thrown.exception);
  } catch (const std::bad_alloc&) {
    fail(ErrorKind::out_of_memory, "{}: there is not enough memory", doing);
  } catch (const std::system_error& error) {
    if (error.code() != std::errc::resource_unavailable_try_again) throw;
    fail(ErrorKind::out_of_memory, "{}: there are not enough threads", doing);
  } catch (const std::length_error&) {  // a container larger than any memory
    fail(ErrorKind::out_of_memory, "{}: there is not enough memory", doing);
  }
}

/// The same for one that calls back: `body` gets the caller's functions, and what they throw leaves
/// unchanged, whatever it is.
template <class Functions, class Body>
decltype(auto) at_border(std::string_view doing, const Functions& functions, const Body& body) {
  const auto own = guarded(functions);
  return at_border(doing, [&] { return body(own); });
}

/// A broken promise between our own parts: never the user's fault, so it says where to look.
#define DRYPOINT_EXPECT(condition, ...)                                           \
  do {                                                                            \
    if (!(condition)) ::drypoint::break_promise(__FILE__, __LINE__, __VA_ARGS__); \
  } while (false)

}  // namespace drypoint
