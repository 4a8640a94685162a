#include "checkpoint/convrot.h"

namespace drypoint {
namespace {

/// H4 of four values that lie `stride` apart.
void rotate_four(float* first, int64_t stride) {
  float &a = first[0], &b = first[stride], &c = first[2 * stride], &d = first[3 * stride];
  const float w = a, x = b, y = c, z = d;
  a = (w + x + y - z) / 2;
  b = (w + x - y + z) / 2;
  c = (w - x + y + z) / 2;
  d = (-w + x + y + z) / 2;
}

}  // namespace

bool is_rotation(int64_t group, int64_t depth) {
  if (group < 4 || depth < group || depth % group != 0) return false;
  while (group % 4 == 0) group /= 4;
  return group == 1;
}

void rotate(std::span<float> values, int64_t group) {
  const auto count = static_cast<int64_t>(values.size());
  for (int64_t stride = 1; stride < group; stride *= 4)
    for (int64_t begin = 0; begin < count; begin += 4 * stride)
      for (int64_t i = 0; i < stride; ++i)
        rotate_four(&values[static_cast<size_t>(begin + i)], stride);
}

}  // namespace drypoint
