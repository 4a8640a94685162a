// The safetensors format: 8 bytes of header length (little-endian), a JSON header, the data.
// https://huggingface.co/docs/safetensors
#pragma once

#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "base/file.h"
#include "checkpoint/named_tensors.h"

namespace drypoint {

/// Whether the contents look like this format (a plausible header length, then a brace).
bool is_safetensors(std::span<const std::byte> bytes);

/// Tensors borrow from `file`. Throws bad_file for anything malformed, unsupported for dtypes that
/// the format knows and we do not.
NamedTensors read_safetensors(const FileBytes& file);

/// Writes a file of any size: the header first, then each tensor's bytes in the order announced.
class SafetensorsWriter {
 public:
  using Entry = std::pair<std::string, TensorType>;
  /// The data begin at a multiple of `alignment` bytes.
  SafetensorsWriter(const std::filesystem::path& path, const std::vector<Entry>& entries,
                    const std::map<std::string, std::string>& metadata = {}, size_t alignment = 8);
  /// All that stands before the data.
  std::span<const std::byte> header() const { return std::as_bytes(std::span(header_)); }
  /// The next bytes; tensors may be given in parts, without any padding in between.
  void append(std::span<const std::byte> bytes);
  /// Completes the file. All bytes announced must have been given.
  void commit();

 private:
  FileWriter writer_;
  std::string header_;
  uint64_t left_ = 0;
};

void write_safetensors(const std::filesystem::path& path,
                       const std::map<std::string, Tensor, std::less<>>& tensors,
                       const std::map<std::string, std::string>& metadata = {});

}  // namespace drypoint
