// Networks that enlarge pictures, from the files that people have.
#pragma once

#include <filesystem>
#include <variant>

#include "checkpoint/named_tensors.h"
#include "models/rrdb.h"
#include "models/srvgg.h"

namespace drypoint {

using UpscalerConfig = std::variant<RrdbConfig, SrvggConfig>;

inline int64_t scale_of(const UpscalerConfig& config) {
  return std::visit([](const auto& one) { return one.scale(); }, config);
}
/// What sides must be a multiple of.
inline int64_t multiple_of(const UpscalerConfig& config) {
  const auto* rrdb = std::get_if<RrdbConfig>(&config);
  return rrdb ? rrdb->unshuffle : 1;
}

struct UpscalerFile {
  NamedTensors tensors;  // with BasicSR's names
  UpscalerConfig config;
};

/// ESRGAN's files with the names of its first code ("model.1.sub.0.RDB1.conv1.0"), of its second
/// ("RRDB_trunk.0.RDB1.conv1") or BasicSR's, and RealESRGAN's small ones; alone or as
/// "params_ema" or "params". Throws bad_file naming the tensor, unsupported for other networks.
UpscalerFile read_upscaler(const std::filesystem::path& path);

/// Every tensor of a file with such a network, with BasicSR's names.
std::vector<TensorSpec> tensors_of(const UpscalerConfig& config);

Graph build_upscaler(const UpscalerConfig& config, int64_t height, int64_t width);

}  // namespace drypoint
