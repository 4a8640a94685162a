#include "tensor/shape.h"

#include <algorithm>
#include <charconv>

namespace drypoint {

bool parse_shape(std::string_view text, Shape& shape) {
  shape.clear();
  if (!text.starts_with('[') || !text.ends_with(']') || text.size() < 2) return false;
  text = text.substr(1, text.size() - 2);
  while (!text.empty()) {
    int64_t extent = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), extent);
    if (error != std::errc()) return false;
    shape.push_back(extent);
    text.remove_prefix(static_cast<size_t>(end - text.data()));
    if (text.empty()) break;
    if (!text.starts_with(", ") || text.size() == 2) return false;
    text.remove_prefix(2);
  }
  return has_sane_size(shape);
}

bool has_sane_size(const Shape& shape) {
  int64_t elements = 1;  // an empty tensor's other dimensions must be multiplied too
  for (const int64_t extent : shape) {
    if (extent < 0 || extent > most_elements_a_dimension) return false;
    if (extent > 0 && elements > most_elements / extent) return false;
    elements *= std::max<int64_t>(extent, 1);
  }
  return true;
}

}  // namespace drypoint
