#include "base/error.h"

#include <fmt/format.h>

#include "base/utf8.h"

namespace drypoint {

// Both ends of a message matter: it begins with the file's name and ends with what was expected.
Error::Error(ErrorKind kind, const std::string& message)
    : std::runtime_error(shortened(message, 480)), kind_(kind) {}

std::string_view name(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::bad_argument: return "bad_argument";
    case ErrorKind::bad_file: return "bad_file";
    case ErrorKind::unsupported: return "unsupported";
    case ErrorKind::out_of_memory: return "out_of_memory";
    case ErrorKind::device_failure: return "device_failure";
    case ErrorKind::write_failed: return "write_failed";
    case ErrorKind::non_finite: return "non_finite";
    case ErrorKind::cancelled: return "cancelled";
    case ErrorKind::internal: return "internal";
  }
  return "unknown";
}

void fail_with(ErrorKind kind, fmt::string_view format, fmt::format_args args) {
  throw Error(kind, fmt::vformat(format, args));
}

void promise_broken(const char* file, int line, fmt::string_view format, fmt::format_args args) {
  fail(ErrorKind::internal, "internal: {} ({}:{})", fmt::vformat(format, args), file, line);
}

}  // namespace drypoint
