// Whether a diffusers folder's configurations say the sizes that its tensors have.
#pragma once

#include <string>

#include "checkpoint/named_tensors.h"
#include "models/configs.h"

namespace drypoint {

/// Each compares with a part's configuration, if `metadata` have it. `file` is for messages. Throws
/// bad_file naming the key and both values.
void check_sizes(const Metadata& metadata, const UnetConfig& config, const std::string& file);
void check_sizes(const Metadata& metadata, const ControlnetConfig& config, const std::string& file);
/// Of a T2I-Adapter everything shows in the tensors.
void check_sizes(const Metadata& metadata, const ControlConfig& config, const std::string& file);
void check_sizes(const Metadata& metadata, const VaeConfig& config, const std::string& file);
void check_sizes(const Metadata& metadata, const ClipConfig& config, const std::string& file);

}  // namespace drypoint
