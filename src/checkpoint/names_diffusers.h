// Names that diffusers and transformers give to tensors, turned into the original ones.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "checkpoint/parts.h"

namespace drypoint {

/// Counts that the positions in the original names depend on.
struct BlockCounts {
  int res_blocks = 0;  // residual blocks per level on the way down
  int levels = 0;
  int hint_blocks = 0;      // ControlNet: convolutions between the hint's first and last
  bool attention[16] = {};  // UNet: whether the level has attention on the way up
  bool is_adapter = false;  // of T2I-Adapters
  bool is_light = false;    // of the smaller kind
};

/// Reads the counts off the names; call for every name of one part, in any order.
void count_blocks(std::string_view name, BlockCounts& counts);

/// The canonical name (with the part's prefix) of a diffusers tensor, or nothing if it has none.
/// `name` is relative to the part: "down_blocks.0.resnets.0.conv1.weight".
std::optional<std::string> canonical_name(Part part, std::string_view name,
                                          const BlockCounts& counts);

/// The other way round, for a UNet: "input_blocks.1.1.proj_in." becomes
/// "down_blocks.0.attentions.0.proj_in.". Names are relative to the part and end in a dot, or in
/// the tensor's last word. `res_blocks`: per level on the way down.
std::optional<std::string> diffusers_name(std::string_view name, int res_blocks);

}  // namespace drypoint
