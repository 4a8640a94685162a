#include "checkpoint/embedding_file.h"

#include <algorithm>
#include <cctype>

#include "base/error.h"
#include "base/utf8.h"
#include "checkpoint/formats.h"

namespace drypoint {
namespace {

constexpr int64_t kMostNumbers = 16 << 20;

}  // namespace

bool is_embedding_name(const std::filesystem::path& path) {
  std::string ending = path.extension().string();
  std::ranges::transform(ending, ending.begin(), [](unsigned char c) { return std::tolower(c); });
  return ending == ".pt" || ending == ".bin" || ending == ".safetensors";
}

Tensor read_embedding(const std::filesystem::path& path) {
  const NamedTensors file = read_tensor_file(path).tensors;
  const std::string source = path.string();
  if (file.has("clip_l") || file.has("clip_g"))
    fail(ErrorKind::unsupported,
         "{}: is an embedding for two text encoders (SDXL), expected one for Stable Diffusion 1.x",
         source);
  const Tensor* found = file.find("emb_params");
  if (!found && file.tensors.size() == 1) found = &file.tensors.begin()->second;
  if (!found)
    fail(ErrorKind::bad_file, "{}: holds {} tensors, expected an embedding: one, or emb_params",
         source, file.tensors.size());
  return embedding_vectors(*found, source);
}

Tensor embedding_vectors(const Tensor& given, const std::string& source) {
  const Shape& shape = given.shape();
  const bool is_vector = shape.size() == 1;
  if ((!is_vector && shape.size() != 2) || given.type().elements() == 0 ||
      given.type().elements() > kMostNumbers ||
      (given.dtype() != DType::f32 && given.dtype() != DType::f16 && given.dtype() != DType::bf16 &&
       given.dtype() != DType::f64))
    fail(ErrorKind::bad_file, "{}: holds {}, expected vectors of floating point, [count, width]",
         source, to_string(given.type()));
  Tensor vectors({DType::f32, is_vector ? Shape{1, shape[0]} : shape});
  const Tensor values = given.to_f32();
  std::ranges::copy(values.floats(), vectors.mutable_floats().begin());
  try {
    check_finite("embedding", vectors);
  } catch (const Error& error) {
    fail(error.kind(), "{}: {}", source, error.what());
  }
  return vectors;
}

}  // namespace drypoint
