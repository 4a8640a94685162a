#include "adapters/module_tensors.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "base/error.h"
#include "base/utf8.h"

namespace drypoint {

void ModuleTensors::add(const std::string& role, const std::string& key, Tensor tensor) {
  const auto [known, is_new] = tensors_.emplace(role, Keyed{key, std::move(tensor)});
  if (!is_new)
    fail(ErrorKind::bad_file, "{}: {} and {} say the same of one module", file_,
         printable(known->second.key), printable(key));
}

std::optional<Tensor> ModuleTensors::take(std::string_view role) {
  const auto found = tensors_.find(role);
  if (found == tensors_.end()) return {};
  found->second.is_taken = true;
  if (std::ranges::find(taken_, found->second.key) == taken_.end())
    taken_.push_back(found->second.key);
  return found->second.tensor;
}

Tensor ModuleTensors::take_at_least(std::string_view role, size_t dimensions) {
  const auto tensor = take(role);
  if (!tensor)
    fail(ErrorKind::bad_file, "{}: module {}: {} is missing", file_, printable(module_), role);
  const Shape& shape = tensor->shape();
  expect(shape.size() >= dimensions && shape.size() <= 5 &&
             std::ranges::all_of(shape, [](int64_t side) { return side > 0; }),
         role, fmt::format("{} to 5 dimensions, none of them 0", dimensions));
  return *tensor;
}

std::optional<double> ModuleTensors::take_number(std::string_view role) {
  const auto tensor = take(role);
  if (!tensor) return {};
  expect(tensor->type().elements() == 1, role, "one value");
  const double value = tensor->to_f32().floats()[0];
  if (!std::isfinite(value))
    fail(ErrorKind::non_finite, "{}: tensor {}: is NaN or infinite", file_,
         printable(tensors_.find(role)->second.key));
  return value;
}

std::vector<std::string> ModuleTensors::taken() { return std::exchange(taken_, {}); }

std::vector<std::string> ModuleTensors::left() const {
  std::vector<std::string> keys;
  for (const auto& [_, keyed] : tensors_)
    if (!keyed.is_taken) keys.push_back(keyed.key);
  return keys;
}

void ModuleTensors::refuse(std::string_view role, const std::string& expected) const {
  const auto found = tensors_.find(role);
  DRYPOINT_EXPECT(found != tensors_.end(), "no {}", role);
  fail(ErrorKind::bad_file, "{}: tensor {}: found {}, expected {}", file_,
       printable(found->second.key), to_string(found->second.tensor.type()), expected);
}

}  // namespace drypoint
