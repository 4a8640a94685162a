#include "tensor/precision.h"

#include <array>

#include "base/error.h"
#include "base/utf8.h"

namespace drypoint {
namespace {

constexpr std::array<std::string_view, 7> names{"auto", "fp16", "bf16", "tf32",
                                                "fp32", "fp8",  "int8"};

}  // namespace

Precision::Precision(std::string_view name) : value_(automatic) {
  for (size_t i = 0; i < names.size(); ++i)
    if (names[i] == name) {
      value_ = static_cast<Value>(i);
      return;
    }
  fail(ErrorKind::bad_argument,
       "precision: \"{}\", expected auto, fp16, bf16, tf32, fp32, fp8 or int8", printable(name));
}

std::string_view Precision::name() const { return names[value_]; }

DType dtype_of(Precision precision, DType usual) {
  switch (precision.value()) {
    case Precision::automatic:
    case Precision::fp8:
    case Precision::int8: return usual;
    case Precision::fp16: return DType::f16;
    case Precision::bf16: return DType::bf16;
    case Precision::tf32:
    case Precision::fp32: return DType::f32;
  }
  return usual;
}

std::optional<DType> eight_bits_of(Precision precision) {
  if (precision == Precision::fp8) return DType::f8;
  if (precision == Precision::int8) return DType::i8;
  return std::nullopt;
}

}  // namespace drypoint
