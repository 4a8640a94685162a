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
  DType dtype = DType::f32;
  std::string_view key;
  uint64_t elements = 0;
  uint64_t view_offset = 0;  // in elements, into the storage under `key`
  uint64_t bytes() const { return elements * size_of(dtype); }
};

/// Nothing if the value is not an id of a storage whose type we know.
std::optional<StorageId> storage_id(const pickle::Value& persistent);

struct StorageBytes {
  std::span<const std::byte> bytes;
  std::shared_ptr<const void> keeper;
};

/// Finds a storage's numbers; throws bad_file if the file does not hold that many.
using FindStorage = std::function<StorageBytes(const StorageId&)>;

/// Collects the tensors of a flat dictionary, or of the one under `state_dict`. What stands under a
/// name and is no tensor is noted in `unusable`. Tensors that are not contiguous are copied, as
/// much as `file_bytes` altogether. Throws bad_file.
NamedTensors read_state(const pickle::Value& root, const FindStorage& find, size_t file_bytes,
                        const std::string& file);

}  // namespace drypoint
