// Checkpoints of random weights, for benchmarks and tests.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

namespace drypoint {

struct SynthOptions {
  /// "sd15" (1.43e9 parameters), "sd15-inpainting", "sd21" (1.65e9; "sd21-base" predicts the
  /// noise), the same as "tiny" (7e6), "tiny-inpainting" and "tiny-sd21"; or a small network of the
  /// size of its public file: "inception" (2.2e7), which compares pictures, those of preprocessors
  /// ("openpose", "midas_large", ...), and "realesrgan" and "realesrgan_small", which enlarge
  std::string arch = "tiny";
  uint64_t seed = 0;          ///< the same seed gives the same bytes on any machine
  std::string dtype = "f16";  ///< "f16", "bf16" or "f32"
};

/// All that `arch` may be.
std::vector<std::string> synth_archs();

/// Writes a safetensors file with UNet, VAE, text encoder and ControlNet, or the small network,
/// under the official names.
/// Weights are uniform, scaled by their fan-in and by gains that keep the root mean square of every
/// block's output between 0.3 and 3; the zero convolutions are not zero. Gives up when `stop` says
/// true, and leaves no file then. Throws bad_argument for an unknown arch or dtype, write_failed,
/// cancelled.
void synthesize(const std::filesystem::path& path, const SynthOptions& options = {},
                const std::function<bool()>& stop = {});

}  // namespace drypoint
