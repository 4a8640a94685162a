// Pictures made larger by a network.
#pragma once

#include <functional>
#include <memory>
#include <mutex>

#include "diffusion/model/open_device.h"
#include "drypoint/image.h"
#include "models/upscaler.h"
#include "runtime/executor.h"

namespace drypoint {

/// A network with its weights on a device. For any number of threads, which wait for one another.
class UpscalerNetwork {
 public:
  /// Throws what `read_upscaler` throws.
  UpscalerNetwork(const std::filesystem::path& path, std::shared_ptr<OpenDevice> device);

  const std::string& name() const { return name_; }
  int scale() const { return static_cast<int>(scale_of(file_.config)); }

  /// `scale` times as wide and high, RGB. In tiles of so many pixels (0: all at once), which
  /// overlap by 32 and are blended. The device is the caller's (`OpenDevice::turn`). `done` is told
  /// how many tiles of how many. Throws non_finite, out_of_memory, cancelled.
  Image run(const Image& image, int tile, const StopRequested& stop = {},
            const std::function<void(int done, int of)>& done = {});

 private:
  Executor& executor(ImageSize size, const StopRequested& stop);

  std::string name_;  // the file's
  UpscalerFile file_;
  std::shared_ptr<OpenDevice> device_;
  WeightStore store_;
  std::mutex running_;
  ImageSize ready_;  // for which the executor is
  std::unique_ptr<Executor> executor_;
};

}  // namespace drypoint
