// What torch.save writes since PyTorch 1.6: a zip archive with a pickle and one entry per storage.
#pragma once

#include "checkpoint/named_tensors.h"

namespace drypoint {

/// Tensors borrow from `file` where their entry is stored, which PyTorch always does. Throws
/// bad_file, unsupported.
NamedTensors read_torch_zip(const FileBytes& file);

}  // namespace drypoint
