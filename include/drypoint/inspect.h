// What a checkpoint is, without loading its numbers.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace drypoint {

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
};

struct CheckpointInfo {
  std::string layout;  ///< "safetensors", "PyTorch zip", "PyTorch legacy" or "diffusers folder"
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

}  // namespace drypoint
