// What a checkpoint is, and how two differ. (`inspect_graph.h`: what the compiler makes of one.)
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace drypoint {

struct InspectedTensor {
  std::string name;            ///< the last part of it: "weight"
  std::string dtype;           ///< "f16"
  std::vector<int64_t> shape;  ///< as stored, outermost first
  int64_t bytes = 0;
};

/// A module, and with it all that is below.
struct InspectedModule {
  std::string name;  ///< the last part of it, "0"; of a part's root, all of it
  int64_t tensors = 0, parameters = 0, bytes = 0;
  std::map<std::string, int64_t> dtypes;  ///< parameters by element type
  std::vector<InspectedModule> modules;   ///< by name, numbers by value
  std::vector<InspectedTensor> own;       ///< tensors in none of `modules`
};

struct InspectedPart {
  std::string name;                       ///< "UNet", "ControlNet", "VAE" or "text encoder"
  std::string source;                     ///< the file or folder it lies in
  int64_t tensors = 0;                    ///< those that belong to the part
  int64_t parameters = 0;                 ///< values in them
  int64_t bytes = 0;                      ///< as stored
  std::map<std::string, int64_t> dtypes;  ///< parameters by element type: {"f16", 859520964}
  /// What the shapes say, in a fixed order: {"channels", {320, 640, 1280, 1280}}, {"heads", {8}}.
  /// Empty if they cannot be told.
  std::vector<std::pair<std::string, std::vector<int64_t>>> sizes;
  /// Missing, misshapen or unusable tensors, one line each. Empty if the part is complete.
  std::vector<std::string> problems;
  InspectedModule modules;  ///< by canonical names, those of the original code
};

struct CheckpointInfo {
  std::string layout;      ///< "safetensors", "PyTorch zip", "PyTorch legacy" or "diffusers folder"
  std::string family;      ///< "Stable Diffusion 2", by its UNet or ControlNet; empty: none known
  std::string prediction;  ///< "epsilon", "v" or "sample", of a UNet
  bool zero_terminal_snr = false;  ///< no signal at the last timestep
  std::vector<InspectedPart> parts;
  std::vector<std::string> missing_parts;       ///< of UNet, VAE and text encoder, those not inside
  int64_t other_tensors = 0;                    ///< those that belong to no part
  bool has_schedule = false;                    ///< the schedule's own buffers are inside
  bool difference_control = false;              ///< the ControlNet holds changes to a base model
  bool has_tokenizer = false;                   ///< a folder with its own vocabulary
  std::map<std::string, std::string> metadata;  ///< as in the file, or JSON files by path
};

/// Reads a file or a diffusers folder of any layout. Throws bad_file if it is damaged or holds no
/// known part, unsupported for other model families (the message says which).
CheckpointInfo inspect(const std::filesystem::path& path);

/// What an adapter has for a weight or a bias.
struct InspectedChange {
  std::string module;  ///< as in the file
  std::string kind;    ///< "LoRA", "LoHa", "DoRA of LoRA", "difference", ...
  int64_t rank = 0;    ///< 0: it has none
  std::optional<double> alpha;
  bool of_bias = false;
  /// Of what is added at strength 1, the root of the sum of squares; where that depends on the
  /// model's weight, of what this is multiplied with, less the identity.
  double norm = 0;
};

/// A LoRA or its kin.
struct AdapterInfo {
  std::string layout;  ///< "safetensors"
  std::string family;  ///< "Stable Diffusion 1", that it is for; empty: not known
  std::vector<InspectedChange> changes;
  std::vector<std::string> embeddings;          ///< that come with it, by name
  std::vector<std::string> left;                ///< keys of tensors that no kind of adapter has
  std::map<std::string, std::string> metadata;  ///< as in the file: how it was trained
};

/// Whether a file holds an adapter; false as well for what cannot be read.
bool is_adapter(const std::filesystem::path& path);
/// Throws bad_file, unsupported; non_finite for NaN or infinity, with the tensor.
AdapterInfo inspect_adapter(const std::filesystem::path& path);

/// A tensor that is in both files, but not the same.
struct TensorDifference {
  std::string name, module;    ///< `module` is as in `ModuleDifference`
  std::string type_a, type_b;  ///< "f16[320, 4, 3, 3]"
  bool same_shape = true;      ///< what follows has a meaning only then
  int64_t values = 0;          ///< that differ; 0 if the element types alone do
  double largest = 0;          ///< max |b - a|; infinite where one of them is NaN or infinite
  double relative = 0;         ///< largest / max |a| over the tensor
};

struct ModuleDifference {
  int64_t equal = 0, different = 0, only_a = 0, only_b = 0;  ///< tensors
  double relative = 0;                                       ///< the largest of its tensors'
};

struct MetadataDifference {
  std::string key, a, b;  ///< empty where one has none
};

struct CheckpointDifference {
  int64_t equal = 0;                                ///< tensors of the same name, type and bytes
  std::vector<std::string> only_a, only_b;          ///< "name type"
  std::vector<TensorDifference> different;          ///< by name
  std::map<std::string, ModuleDifference> modules;  ///< by name up to the first number
  std::vector<MetadataDifference> metadata;

  bool same() const {
    return only_a.empty() && only_b.empty() && different.empty() && metadata.empty();
  }
};

/// Compares two checkpoints of any layouts by canonical names, two files of other tensors by their
/// own, or two plans, whose headers count as metadata. Throws bad_file, unsupported, bad_argument
/// for a plan and something else, and cancelled when `stop` says true.
CheckpointDifference difference(const std::filesystem::path& a, const std::filesystem::path& b,
                                const std::function<bool()>& stop = {});

}  // namespace drypoint
