#include "export/weight_files.h"

#include <fmt/format.h>
#include <zlib.h>

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "checkpoint/parts.h"

namespace drypoint {
namespace {

constexpr uint64_t page = 4096;

std::string part_of(const std::string& weight) {
  for (const auto& [part, name] : {std::pair{Part::unet, "unet"},
                                   {Part::control, "controlnet"},
                                   {Part::vae, "vae"},
                                   {Part::text, "text_encoder"}})
    if (weight.starts_with(prefix_of(part))) return name;
  fail(ErrorKind::unsupported, "internal: {} belongs to no part", weight);
}

Tensor transpose(const Tensor& matrix) {
  const int64_t rows = matrix.shape()[0], columns = matrix.shape()[1];
  Tensor result({DType::f32, {columns, rows}});
  const float* from = matrix.floats().data();
  float* to = result.mutable_floats().data();
  constexpr int64_t at_once = 16;  // columns: a cache line of each row
  for (int64_t first = 0; first < columns; first += at_once)
    for (int64_t row = 0; row < rows; ++row)
      for (int64_t c = first; c < std::min(columns, first + at_once); ++c)
        to[c * rows + row] = from[row * columns + c];
  return result;
}

/// Two of 32 bits each, of different kinds.
class Checksum {
 public:
  void add(std::span<const std::byte> bytes) {
    const auto* data = reinterpret_cast<const Bytef*>(bytes.data());
    crc_ = crc32_z(crc_, data, bytes.size());
    adler_ = adler32_z(adler_, data, bytes.size());
  }
  std::string text() const { return fmt::format("{:08x}{:08x}", crc_, adler_); }

 private:
  uLong crc_ = crc32_z(0, nullptr, 0), adler_ = adler32_z(0, nullptr, 0);
};

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
  place.part = part_of(weight);
  place.type = {dtype_, std::move(shape)};
  found->second.name = weight;
  found->second.transposed = transposed;
  File& file = files_[place.part];
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

std::vector<std::filesystem::path> WeightFiles::write(FileSet& files,
                                                      const std::filesystem::path& folder,
                                                      const std::function<bool()>& stop) {
  std::vector<std::filesystem::path> paths;
  for (auto& [part, file] : files_) {
    FileWriter& writer = files.add(folder / (part + ".weights"));
    Checksum checksum;
    const auto append = [&](std::span<const std::byte> bytes) {
      writer.append(bytes);
      checksum.add(bytes);
    };
    uint64_t written = 0;
    for (const std::string& key : file.keys) {
      if (stop && stop()) fail(ErrorKind::cancelled, "cancelled");
      const Weight& weight = weights_.at(key);
      const std::string gap(weight.place.offset - written, '\0');
      append(std::as_bytes(std::span(gap)));
      append(values(weight).bytes());
      written = weight.place.offset + weight.place.type.bytes();
      checkpoint_.release_pages(checkpoint_.at(weight.name));
    }
    file.name = fmt::format("{}-{}.weights", part, checksum.text());
    writer.set_name(file.name);
    writer.finish();
    paths.push_back(folder / file.name);
  }
  return paths;
}

}  // namespace drypoint
