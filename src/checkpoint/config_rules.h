// What each key of a configuration may say, as read by diffusers 0.42 and transformers 5.
#pragma once

#include <span>
#include <string_view>

namespace drypoint {

struct KeyRule {
  std::string_view key;
  /// A JSON array of all values that are the same computation as ours; empty: any value, since it
  /// has no effect here, or is obeyed or compared with the tensors elsewhere.
  std::string_view values = {};
};

/// The rules for a configuration's place in a folder ("unet/config.json"); empty for other places.
/// Keys that begin with an underscore are notes, but for `_class_name`.
std::span<const KeyRule> rules_of(std::string_view place);

}  // namespace drypoint
