// What tests ask of settings that were read back.
#pragma once

#include <string>

#include "drypoint/recall.h"

namespace drypoint::testing {

/// All that was recalled, which must be complete, as a request.
inline Request request_of(const Recalled& recalled) {
  recalled.expect_complete("a.png");
  Request request;
  recalled.apply(request);
  return request;
}

/// Whether something that cannot be had is told with this word.
inline bool misses(const Recalled& recalled, const std::string& part) {
  for (const auto& missing : recalled.missing)
    if (missing.what.find(part) != std::string::npos) return true;
  return false;
}

}  // namespace drypoint::testing
