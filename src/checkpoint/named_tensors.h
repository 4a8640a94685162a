// What every checkpoint reader gives: tensors by name, borrowed from mapped files.
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/file.h"
#include "tensor/tensor.h"

namespace drypoint {

/// The contents of a file, wherever they lie. `keeper` keeps `bytes` alive.
struct FileBytes {
  std::string name;  // for messages
  std::span<const std::byte> bytes;
  std::shared_ptr<const void> keeper;
};

using Metadata = std::map<std::string, std::string, std::less<>>;

struct NamedTensors {
  std::map<std::string, Tensor, std::less<>> tensors;
  /// A safetensors file's `__metadata__`; a folder's JSON files under their relative paths.
  Metadata metadata;
  /// Names behind which no usable tensor stands, and what was found there instead. Training
  /// checkpoints hold many; they matter only where the tensor is needed.
  std::map<std::string, std::string, std::less<>> unusable;
  /// Tensors of element types that nothing here computes with, and their types in the file's own
  /// words: "F8_E4M3[2, 3]".
  std::map<std::string, std::string, std::less<>> foreign;
  /// The files that tensors are borrowed from.
  std::vector<std::shared_ptr<const MappedFile>> files;

  bool has(std::string_view name) const { return tensors.contains(name); }
  /// The tensor of that name, or nullptr.
  const Tensor* find(std::string_view name) const;
  /// Throws bad_file if there is none, unsupported if it is `foreign`.
  const Tensor& at(std::string_view name) const;
  /// True if some tensor's name starts with `prefix`, whether it can be used or not.
  bool has_prefix(std::string_view prefix) const;
  /// Gives back the memory that holds a tensor's file pages, once it has been consumed. It stays
  /// usable: its pages are read again when touched.
  void release_pages(const Tensor& tensor) const;
  /// Throws bad_file if one of the files was written to since it was mapped.
  void check_files_unchanged() const;
  /// The path of the file that holds the tensor; empty for a tensor made in memory.
  std::string file_of(const Tensor& tensor) const;
};

/// Whether the tensor's bytes lie in this file.
bool contains(const MappedFile& file, const Tensor& tensor);

/// Throws non_finite naming the tensor, the first NaN or infinity and its index.
void check_finite(std::string_view name, const Tensor& tensor);
/// The same of some of its values, from number `first` on.
void check_finite(std::string_view name, const TensorType& type, std::span<const std::byte> values,
                  size_t first);

/// Sets `bytes` to the product of `shape` times the size of `dtype`; false if a dimension is
/// negative or the product does not fit.
bool checked_bytes(const Shape& shape, DType dtype, uint64_t& bytes);

}  // namespace drypoint
