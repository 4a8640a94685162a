// What PyTorch's two file formats share: tensors described in a pickle, their numbers elsewhere.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "checkpoint/named_tensors.h"
#include "checkpoint/pickle.h"

namespace drypoint {

/// A persistent id: ("storage", type, key, location, elements[, view]).
struct StorageId {
  std::optional<DType> dtype;  // nothing for types that we do not compute with
  size_t element_bytes = 4;
  std::string_view key;
  uint64_t elements = 0;
  uint64_t view_offset = 0;  // in elements, into the storage under `key`
  uint64_t bytes() const { return elements * element_bytes; }
};

/// Nothing if the value is not an id of a storage whose elements have a known size.
std::optional<StorageId> storage_id(const pickle::Value& persistent);

struct StorageBytes {
  std::span<const std::byte> bytes;
  std::shared_ptr<const void> keeper;
};

/// Finds a storage's numbers; throws bad_file if the file does not hold that many.
using FindStorage = std::function<StorageBytes(const StorageId&)>;

/// Collects the tensors of a flat dictionary, or of the one under `state_dict`, `model_state_dict`,
/// `module` or `model`, or of textual inversion's `string_to_param`. What stands under a name and
/// is no tensor is noted in `unusable`, tensors of element types that are not ours in `foreign`.
/// Tensors that are not contiguous are copied, as much as `file_bytes` altogether. Throws bad_file.
NamedTensors read_state(const pickle::Value& root, const FindStorage& find, size_t file_bytes,
                        const std::string& file);

}  // namespace drypoint
