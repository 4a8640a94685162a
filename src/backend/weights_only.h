// Operations that have no kernel on a device, as only weights go through them: the reference
// backend evaluates these when they are loaded.
#pragma once

#include <string_view>

#include "backend/backend.h"
#include "base/error.h"

namespace drypoint {

template <class WeightOp>
[[noreturn]] void refuse_at_run_time(const WeightOp& op, const KernelRequest& request,
                                     std::string_view device) {
  fail(ErrorKind::unsupported, "{}: {} of values that are not weights on device {}", request.module,
       op.name, device);
}

}  // namespace drypoint
