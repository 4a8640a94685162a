// A diffusers folder: one subfolder per part, or the folder of a single part.
#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "checkpoint/named_tensors.h"
#include "checkpoint/parts.h"

namespace drypoint {

struct DiffusersFolder {
  struct Component {
    std::filesystem::path path;  // of the subfolder
    NamedTensors tensors;        // under diffusers' names
  };
  std::vector<Component> components;
  /// JSON files by their path inside the folder: "scheduler/scheduler_config.json".
  std::map<std::string, std::string, std::less<>> metadata;
  std::optional<std::filesystem::path> tokenizer;  // a folder with vocab.json and merges.txt
};

/// Reads `unet`, `vae`, `text_encoder`, `controlnet`, as far as they are there; or the folder
/// itself if it holds weights. In each: safetensors or .bin, whole or in shards, full precision
/// before `fp16`. Throws bad_file, unsupported.
DiffusersFolder read_diffusers_folder(const std::filesystem::path& folder);

}  // namespace drypoint
