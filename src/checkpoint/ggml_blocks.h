// The block formats of ggml, in which few bits a number share scales.
// https://github.com/ggml-org/ggml/blob/master/src/ggml-common.h
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace drypoint {

/// One of ggml's types: `elements` numbers in `bytes`.
struct GgmlType {
  uint32_t number;
  std::string_view name;
  int64_t elements;
  size_t bytes;
  /// A block as float32; null for types that are elements of ours.
  void (*decode)(const std::byte* block, float* values);
};

/// Those of blocks that are read: Q4_0, Q4_1, Q5_0, Q5_1, Q8_0, Q4_K, Q5_K, Q6_K; null for others.
const GgmlType* ggml_block_type(uint32_t number);

/// What ggml calls a type, "type 99" where that is not known.
std::string_view ggml_name(uint32_t number);

}  // namespace drypoint
