// The one error type of the library.
#pragma once

#include <stdexcept>
#include <string>
#include <string_view>

namespace drypoint {

/// What went wrong, coarse enough to act upon. The command line maps each kind to an exit code.
enum class ErrorKind {
  bad_argument,    ///< an option or parameter is out of range or contradicts another
  bad_file,        ///< a file is missing, unreadable, damaged, or not what it should be
  unsupported,     ///< understood, but this build, model or device cannot do it
  out_of_memory,   ///< host or device memory does not suffice; the message has both numbers
  device_failure,  ///< the device failed or was lost
  write_failed,    ///< an output could not be written; nothing was left behind
  non_finite,      ///< weights or a computation hold NaN or infinity; the message says where
  cancelled,       ///< the caller asked to stop
  internal,        ///< a mistake of Drypoint's own; the message says where in its code
};

/// The kind's name as written in JSON output: "bad_argument", "bad_file", ...
std::string_view name(ErrorKind kind);

/// The only exception that leaves the library. `what()` is one line that names the file, tensor or
/// option, what was found and what was expected: UTF-8 without control characters, at most 480
/// bytes, of which the middle is left out where there would be more.
class Error : public std::runtime_error {
 public:
  Error(ErrorKind kind, const std::string& message);
  ErrorKind kind() const { return kind_; }

 private:
  ErrorKind kind_;
};

}  // namespace drypoint
