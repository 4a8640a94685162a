// Pictures made larger by a network such as ESRGAN's.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <string>

#include "drypoint/device.h"
#include "drypoint/error.h"
#include "drypoint/image.h"

namespace drypoint {

/// Both are called from the thread that calls `upscale`.
struct UpscaleCallbacks {
  std::function<void(int done, int of)> progress;  ///< tiles
  std::function<bool()> stop;                      ///< true: give up; asked often, must be cheap
};

/// A network from a file (.pth, .safetensors): ESRGAN's, RealESRGAN's, or of the same kinds. Not
/// for several threads at once.
class Upscaler {
 public:
  /// Throws bad_file, unsupported (for other networks, or a device that is not there),
  /// bad_argument.
  explicit Upscaler(const std::filesystem::path& file, const DeviceOptions& options = {});
  ~Upscaler();
  Upscaler(Upscaler&&) noexcept;
  Upscaler& operator=(Upscaler&&) noexcept;

  int scale() const;  ///< how many times as wide and high pictures become: 1, 2, 4, 8
  std::string device() const;

  /// -> RGB. In tiles of `tile` pixels (multiples of 4 from 64; 0: all at once), which overlap by
  /// 32 and are blended: memory is that of a tile. Throws bad_argument (a picture that would have
  /// over 100 megapixels), out_of_memory, non_finite, cancelled.
  Image upscale(const Image& image, int tile = 512, const UpscaleCallbacks& callbacks = {});

 private:
  class Implementation;
  std::unique_ptr<Implementation> implementation_;
};

}  // namespace drypoint
