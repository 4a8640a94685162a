// Matrices of float32 as adapters multiply them, on the caller's thread.
#pragma once

#include "backend/weight_rows.h"

namespace drypoint {

/// f32 [first dimension, all others].
Tensor as_matrix(const Tensor& tensor);
int64_t rows_of(const Shape& shape);     // the first dimension
int64_t columns_of(const Shape& shape);  // the product of all others

/// a [m, k] b [k, n] -> [m, n]. The same bytes whatever the thread.
Tensor multiply(const Tensor& a, const Tensor& b);
/// The same added to a weight [m, n].
RowsChange add_product(const Tensor& a, const Tensor& b);
/// [m, n] -> [n, m]
Tensor transposed(const Tensor& matrix);
/// core [p, q, ...] with all that is behind its first two as k, a [p, m], b [q, n] ->
/// sum over p, q of core[p, q, k] a[p, m] b[q, n] as [m, n * k].
Tensor tucker(const Tensor& core, const Tensor& a, const Tensor& b);

/// The root of the sum of squares.
double norm_of(const Tensor& tensor);
/// That of a b, without more memory than the smaller of the result and the depth squared takes.
double norm_of_product(const Tensor& a, const Tensor& b);

}  // namespace drypoint
