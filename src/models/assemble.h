// Checkpoints in any layout, with canonical names, and models put together from several of them.
#pragma once

#include <filesystem>

#include "checkpoint/checkpoint.h"
#include "drypoint/model_files.h"

namespace drypoint {

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

/// Checks a part that is there: all tensors are there, none is left over, and its configuration, if
/// it has one, says nothing that is not done. Throws bad_file or unsupported.
void check_part(const Checkpoint& model, Part part);

/// The ControlNets that are to take the place of the model's own. Throws bad_argument for a name
/// that is none, or that two have.
std::vector<NamedControl> named_controls(const ModelFiles& files);

/// Puts another ControlNet in place of the model's number i, which must have one. Its tensors must
/// have the same shapes. Throws bad_file or unsupported, naming the file and the tensor; the model
/// is as before then.
void replace_control(Checkpoint& model, size_t number, const std::filesystem::path& path);

}  // namespace drypoint
