#include "adapters/matrices.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <memory>

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

/// b [k, n] -> [n, k], some rows at a time.
WeightRows transposed_rows(const Tensor& b) {
  const auto k = static_cast<size_t>(b.shape().at(0)), n = static_cast<size_t>(b.shape().at(1));
  return {{b.shape()[1], b.shape()[0]}, [=](int64_t first, std::span<float> room) {
            const size_t count = room.size() / k;
            for (size_t i = 0; i < k; ++i) {
              const float* from = &b.floats()[i * n + static_cast<size_t>(first)];
              for (size_t j = 0; j < count; ++j) room[j * k + i] = from[j];
            }
            return static_cast<const float*>(room.data());
          }};
}

/// a [m, k] b [k, n], some rows at a time; b is packed once.
class ProductRows {
 public:
  ProductRows(const Tensor& a, const Tensor& b, bool add) : a_(a), b_(b), add_(add) {
    DRYPOINT_EXPECT(a.shape().at(1) == b.shape().at(0), "{} times {}", to_string(a.type()),
                    to_string(b.type()));
  }

  void compute(int64_t first, std::span<float> rows) {
    const int64_t k = b_.shape()[0], n = b_.shape()[1];
    if (rows.empty()) return;
    const Kernel& kernel = kernel_for(static_cast<int64_t>(rows.size()) / n);
    if (!packed_) {
      const auto packing = kernel.packing(1);
      packed_ = multiplier().allocate(packing->bytes);
      packing->pack(transposed_rows(b_), packed_.get());
    }
    const DeviceMemory workspace = multiplier().allocate(kernel.workspace());
    const void* inputs[] = {&a_.floats()[static_cast<size_t>(first * k)], packed_.get(),
                            rows.data()};
    kernel.run({std::span(inputs).first(add_ ? 3 : 2), rows.data(), workspace.get()});
  }

 private:
  const Kernel& kernel_for(int64_t rows) {
    auto& kernel = kernels_[rows];
    if (kernel) return *kernel;
    const Op op = Linear{.epilogue = {.bias = false, .residual = add_}};
    const int64_t k = b_.shape()[0], n = b_.shape()[1];
    const TensorType result{DType::f32, {rows, n}};
    KernelRequest request{
        op, {{DType::f32, {rows, k}}, {DType::f32, {n, k}}}, result, {false, true}, "adapter"};
    if (add_) request.inputs.push_back(result), request.constant.push_back(false);
    kernel = multiplier().kernel(request);
    return *kernel;
  }

  Tensor a_, b_;
  bool add_;
  DeviceMemory packed_;
  std::map<int64_t, std::unique_ptr<Kernel>> kernels_;  // by rows
};

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
  Tensor result({DType::f32, {a.shape().at(0), b.shape().at(1)}});
  ProductRows(a, b, false).compute(0, result.mutable_floats());
  return result;
}

RowsChange add_product(const Tensor& a, const Tensor& b) {
  return
      [rows = std::make_shared<ProductRows>(a, b, true)](
          int64_t first, std::span<float> to, std::span<const float>) { rows->compute(first, to); };
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
