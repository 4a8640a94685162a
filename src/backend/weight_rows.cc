#include "backend/weight_rows.h"

#include <algorithm>

#include "base/error.h"

namespace drypoint {

WeightRows::WeightRows(const Tensor& values) : shape_(values.shape()), values_(values.to_f32()) {
  read_ = [floats = *values_, size = row_size()](int64_t first, std::span<float>) {
    return floats.floats().data() + static_cast<size_t>(first) * size;
  };
}

size_t WeightRows::row_size() const {
  return shape_.empty() ? 1
                        : static_cast<size_t>(element_count({shape_.begin() + 1, shape_.end()}));
}

void WeightRows::read_into(int64_t first, std::span<float> rows) const {
  const float* from = read(first, rows);
  if (from != rows.data()) std::copy_n(from, rows.size(), rows.begin());
}

Tensor WeightRows::whole() const {
  if (values_) return *values_;
  Tensor result({DType::f32, shape_});
  const size_t size = row_size();
  if (size == 0) return result;
  constexpr size_t in_cache = 1 << 16;
  const size_t step = std::max<size_t>(1, in_cache / size) * size;
  const auto to = result.mutable_floats();
  for (size_t at = 0; at < to.size(); at += step)
    read_into(static_cast<int64_t>(at / size), to.subspan(at, std::min(step, to.size() - at)));
  return result;
}

WeightRows WeightRows::reshaped(Shape shape) const {
  DRYPOINT_EXPECT(element_count(shape) == element_count(shape_), "{} reshaped to {}",
                  to_string(shape_), to_string(shape));
  WeightRows result(std::move(shape), read_);
  if (values_ || result.row_size() != row_size()) return whole().reshaped(result.shape_);
  return result;
}

WeightRows joined(Shape shape, std::vector<WeightRows> parts) {
  return {std::move(shape), [parts = std::move(parts)](int64_t first, std::span<float> room) {
            auto part = parts.begin();
            for (; first >= part->count(); ++part) first -= part->count();
            const auto left = [&] {
              return static_cast<size_t>(part->count() - first) * part->row_size();
            };
            if (room.size() <= left()) return part->read(first, room);
            for (auto rest = room; !rest.empty(); ++part, first = 0) {
              const auto own = rest.first(std::min(rest.size(), left()));
              part->read_into(first, own);
              rest = rest.subspan(own.size());
            }
            return static_cast<const float*>(room.data());
          }};
}

}  // namespace drypoint
