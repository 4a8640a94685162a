#include <algorithm>
#include <limits>

#include "backend/reference/pool.h"

namespace drypoint::reference {

void run(const MaxPool& op, const KernelRequest& request, const Launch& launch) {
  pool(op, request, launch, [](const Window& rows, const Window& columns, const auto& at) {
    float largest = -std::numeric_limits<float>::infinity();
    for (int64_t y = rows.begin; y < rows.end; ++y)
      for (int64_t x = columns.begin; x < columns.end; ++x) largest = std::max(largest, at(y, x));
    return largest;
  });
}

}  // namespace drypoint::reference
