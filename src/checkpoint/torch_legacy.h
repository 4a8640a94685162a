// What torch.save wrote before PyTorch 1.6: five pickles (a magic number, the protocol, the system,
// the object, the storages' keys), then each storage: its number of elements in 8 bytes, its data.
#pragma once

#include "checkpoint/named_tensors.h"

namespace drypoint {

bool is_torch_legacy(std::span<const std::byte> bytes);

/// Tensors borrow from `file`. Throws bad_file, unsupported.
NamedTensors read_torch_legacy(const FileBytes& file);

}  // namespace drypoint
