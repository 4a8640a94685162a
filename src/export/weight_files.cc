#include "export/weight_files.h"

#include <cmath>

#include "base/error.h"
#include "checkpoint/parts.h"

namespace drypoint {
namespace {

constexpr uint64_t page = 4096;

std::string file_for(const std::string& weight) {
  for (const auto& [part, file] : {std::pair{Part::unet, "unet.weights"},
                                   {Part::control, "controlnet.weights"},
                                   {Part::vae, "vae.weights"},
                                   {Part::text, "text_encoder.weights"}})
    if (weight.starts_with(prefix_of(part))) return file;
  fail(ErrorKind::unsupported, "internal: {} belongs to no part", weight);
}

Tensor transpose(const Tensor& matrix) {
  const int64_t rows = matrix.shape()[0], columns = matrix.shape()[1];
  Tensor result({DType::f32, {columns, rows}});
  const float* from = matrix.floats().data();
  float* to = result.mutable_floats().data();
#pragma omp parallel for
  for (int64_t column = 0; column < columns; ++column)
    for (int64_t row = 0; row < rows; ++row) to[column * rows + row] = from[row * columns + column];
  return result;
}

Tensor to_half(const std::string& name, const Tensor& tensor) {
  Tensor result({DType::f16, tensor.shape()});
  const auto from = tensor.floats();
  auto* to = reinterpret_cast<uint16_t*>(result.mutable_bytes().data());
  for (size_t i = 0; i < from.size(); ++i) {
    to[i] = float_to_half(from[i]);
    if (!std::isfinite(half_to_float(to[i])))
      fail(ErrorKind::non_finite, "tensor {}: {} at {} is too large for half precision", name,
           from[i], i);
  }
  return result;
}

}  // namespace

const WeightFiles::Place& WeightFiles::place(const std::string& weight, bool transposed) {
  const std::string key = weight + (transposed ? ".T" : "");
  const auto [found, is_new] = weights_.try_emplace(key);
  Place& place = found->second.place;
  if (!is_new) return place;
  Shape shape = checkpoint_.at(weight).shape();
  if (transposed) std::swap(shape.at(0), shape.at(1));
  place.file = file_for(weight);
  place.type = {dtype_, std::move(shape)};
  found->second.name = weight;
  found->second.transposed = transposed;
  File& file = files_[place.file];
  place.offset = (file.bytes + page - 1) / page * page;
  file.bytes = place.offset + place.type.bytes();
  file.keys.push_back(key);
  return place;
}

Tensor WeightFiles::values(const Weight& weight) const {
  const Tensor& stored = checkpoint_.at(weight.name);
  Tensor values = stored.to_f32();
  try {
    check_finite(weight.name, stored.dtype() == DType::f64 ? values : stored);
    if (weight.transposed) values = transpose(values);
    return dtype_ == DType::f16 ? to_half(weight.name, values) : values;
  } catch (const Error& error) {
    const std::string file = checkpoint_.file_of(stored);
    fail(error.kind(), "{}{}{}", file, file.empty() ? "" : ": ", error.what());
  }
}

void WeightFiles::write(const std::filesystem::path& folder, const std::function<bool()>& stop) {
  for (auto& [name, file] : files_) {
    file.path = folder / name;
    file.writer = std::make_unique<FileWriter>(file.path);
    uint64_t written = 0;
    for (const std::string& key : file.keys) {
      if (stop && stop()) fail(ErrorKind::cancelled, "cancelled");
      const Weight& weight = weights_.at(key);
      file.writer->append(std::string(weight.place.offset - written, '\0'));
      file.writer->append(values(weight).bytes());
      written = weight.place.offset + weight.place.type.bytes();
      checkpoint_.release_pages(checkpoint_.at(weight.name));
    }
  }
}

std::vector<std::filesystem::path> WeightFiles::commit() {
  std::vector<std::filesystem::path> paths;
  for (auto& [_, file] : files_) {
    file.writer->commit();
    paths.push_back(file.path);
  }
  return paths;
}

}  // namespace drypoint
