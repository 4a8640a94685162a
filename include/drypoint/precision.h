// How exactly a device computes.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace drypoint {

/// What the factors of products are, and what is between operations: fp16, bf16, or float32, whose
/// factors tf32 cuts to 11 bits. On a CPU what is between operations is float32 in any case.
/// `automatic`: fp16 on a GPU, fp32 on a CPU. fp8 (e4m3) and int8: of the denoiser's larger
/// products, whose scales `ModelFiles::calibration` says; all else is as with `automatic`.
class Precision {
 public:
  enum Value : uint8_t { automatic, fp16, bf16, tf32, fp32, fp8, int8 };

  constexpr Precision(Value value = automatic) : value_(value) {}
  /// By name: "auto", "fp16", "bf16", "tf32", "fp32", "fp8" or "int8". Throws bad_argument.
  Precision(std::string_view name);
  Precision(const char* name) : Precision(std::string_view(name)) {}
  Precision(const std::string& name) : Precision(std::string_view(name)) {}

  constexpr Value value() const { return value_; }
  std::string_view name() const;
  bool operator==(const Precision&) const = default;

 private:
  Value value_;
};

}  // namespace drypoint
