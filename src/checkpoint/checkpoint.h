// Checkpoints in any layout, with canonical names, and models put together from several of them.
#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>

#include "checkpoint/named_tensors.h"
#include "checkpoint/parts.h"
#include "drypoint/model_files.h"

namespace drypoint {

struct Checkpoint {
  /// Canonical names (see `Part`); the schedule's buffers (`alphas_cumprod`, ...) keep theirs.
  NamedTensors tensors;
  std::string layout;                   // "safetensors", "PyTorch zip", "diffusers folder", ...
  std::map<Part, std::string> sources;  // the parts there are, and the path each came from
  std::optional<std::filesystem::path> tokenizer;  // a folder with vocab.json and merges.txt

  bool has(Part part) const { return sources.contains(part); }
};

/// Reads a file or a diffusers folder. Tensors stay in the mapped files. Whether the model is
/// complete is not checked. "random:sd15" and "random:tiny" give random weights (see synth.h).
/// Throws bad_file if it is damaged or holds no known part, unsupported for other model families.
Checkpoint load_checkpoint(const std::filesystem::path& path);

/// Whether its ControlNet holds changes to a base model's weights instead of weights; files that do
/// carry a tensor named `difference` as a mark.
bool holds_differences(const Checkpoint& checkpoint);

/// A model that can run: UNet, VAE and text encoder, and a ControlNet if there is one, each
/// complete and fitting the others. Any file may hold more than the part that is wanted from it.
/// Throws bad_file or unsupported, naming the file and the tensor.
Checkpoint assemble(const ModelFiles& files);

/// The same check for a model that was put together before.
void check_fit(const Checkpoint& model);

/// Puts another ControlNet in place of the model's, which must have one. Its tensors must have the
/// same shapes. Throws bad_file or unsupported, naming the file and the tensor; the model is as
/// before then.
void replace_control(Checkpoint& model, const std::filesystem::path& path);

}  // namespace drypoint
