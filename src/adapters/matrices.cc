#include "adapters/matrices.h"

#include <algorithm>
#include <cmath>

#include "backend/backend.h"
#include "base/error.h"

namespace drypoint {
namespace {

/// Of one thread: those who multiply have a thread each.
const Backend& multiplier() {
  static const std::unique_ptr<Backend> backend = make_cpu_backend(1);
  return *backend;
}

/// [p, q, k] -> [p, k, q]
Tensor swap_last(const Tensor& core, int64_t p, int64_t q, int64_t k) {
  Tensor result({DType::f32, {p * k, q}});
  const auto from = core.floats();
  const auto to = result.mutable_floats();
  for (int64_t i = 0; i < p; ++i)
    for (int64_t j = 0; j < q; ++j)
      for (int64_t l = 0; l < k; ++l)
        to[static_cast<size_t>((i * k + l) * q + j)] =
            from[static_cast<size_t>((i * q + j) * k + l)];
  return result;
}

}  // namespace

int64_t rows_of(const Shape& shape) { return shape.empty() ? 1 : shape[0]; }
int64_t columns_of(const Shape& shape) {
  return shape.empty() ? 1 : element_count({shape.begin() + 1, shape.end()});
}

Tensor as_matrix(const Tensor& tensor) {
  return tensor.to_f32().reshaped({rows_of(tensor.shape()), columns_of(tensor.shape())});
}

Tensor transposed(const Tensor& matrix) {
  const int64_t rows = matrix.shape()[0], columns = matrix.shape()[1];
  return swap_last(matrix, 1, rows, columns).reshaped({columns, rows});
}

Tensor multiply(const Tensor& a, const Tensor& b) {
  DRYPOINT_EXPECT(a.shape().at(1) == b.shape().at(0), "{} times {}", to_string(a.type()),
                  to_string(b.type()));
  const Tensor weight = transposed(b);
  Tensor result({DType::f32, {a.shape()[0], b.shape()[1]}});
  if (result.bytes().empty()) return result;
  const Op op = Linear{.epilogue = {.bias = false}};
  const auto kernel = multiplier().kernel(
      {op, {a.type(), weight.type()}, result.type(), {false, false}, "adapter"});
  const DeviceMemory workspace = multiplier().allocate(kernel->workspace());
  const void* inputs[] = {a.bytes().data(), weight.bytes().data()};
  kernel->run({inputs, result.mutable_bytes().data(), workspace.get()});
  return result;
}

Tensor tucker(const Tensor& core, const Tensor& a, const Tensor& b) {
  const int64_t p = a.shape().at(0), q = b.shape().at(0), n = b.shape().at(1);
  const int64_t k = core.type().elements() / (p * q);
  const Tensor inner = multiply(swap_last(core.to_f32(), p, q, k), as_matrix(b));  // [p * k, n]
  const Tensor columns = swap_last(inner, p, k, n).reshaped({p, n * k});
  return multiply(transposed(as_matrix(a)), columns);
}

double norm_of(const Tensor& tensor) {
  double sum = 0;
  for (const float value : tensor.to_f32().floats()) sum += double{value} * double{value};
  return std::sqrt(sum);
}

double norm_of_product(const Tensor& a, const Tensor& b) {
  const int64_t m = a.shape()[0], k = a.shape()[1], n = b.shape()[1];
  if (static_cast<double>(m) * static_cast<double>(n) <=
      static_cast<double>(k) * static_cast<double>(k))
    return norm_of(multiply(a, b));
  // |a b|^2 = sum of the elements of (a^T a) times those of (b b^T).
  const Tensor of_a = multiply(transposed(a), a), of_b = multiply(b, transposed(b));
  double sum = 0;
  for (size_t i = 0; i < of_a.floats().size(); ++i)
    sum += double{of_a.floats()[i]} * double{of_b.floats()[i]};
  return std::sqrt(std::max(sum, 0.0));
}

}  // namespace drypoint
