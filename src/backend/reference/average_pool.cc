#include "backend/reference/pool.h"

namespace drypoint::reference {

void run(const AveragePool& op, const KernelRequest& request, const Launch& launch) {
  pool(op, request, launch, [](const Window& rows, const Window& columns, const auto& at) {
    double sum = 0;
    for (int64_t y = rows.begin; y < rows.end; ++y)
      for (int64_t x = columns.begin; x < columns.end; ++x) sum += at(y, x);
    const int64_t count = (rows.end - rows.begin) * (columns.end - columns.begin);
    return static_cast<float>(sum / static_cast<double>(count));
  });
}

}  // namespace drypoint::reference
