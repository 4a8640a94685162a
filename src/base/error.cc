#include "base/error.h"

namespace drypoint {

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

}  // namespace drypoint
