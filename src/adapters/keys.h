// Keys of adapter files: a module's name and what a tensor is there, in the words of kohya's
// scripts, LyCORIS, PEFT, diffusers and ComfyUI.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace drypoint {

struct AdapterKey {
  std::string module;  // "lora_unet_mid_block_attentions_0_proj_in", "unet.mid_block.attentions.0"
  std::string role;    // as `ModuleTensors` has them
};

/// None where the key is no adapter's.
std::optional<AdapterKey> split_key(std::string_view key);

/// "bundle_emb.NAME.string_to_param.*" -> NAME, an embedding that comes with an adapter.
std::optional<std::string> bundled_embedding(std::string_view key);

}  // namespace drypoint
