// Hints made by networks.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "annotate/hint_network.h"
#include "diffusion/model/open_device.h"
#include "drypoint/preprocess.h"
#include "runtime/executor.h"

namespace drypoint {

/// A network with its weights on a device. For any number of threads, which wait for one another.
class AnnotatorNetwork {
 public:
  /// Throws what `read_hint_network` throws.
  AnnotatorNetwork(const Preprocessor& preprocessor, const std::filesystem::path& file,
                   std::shared_ptr<OpenDevice> device);

  /// The hint, of the picture's size. The device is the caller's (`OpenDevice::turn`). Throws
  /// bad_argument for sides under 16 and as `checked`, non_finite, out_of_memory, cancelled.
  Image run(const Image& image, const PreprocessOptions& options, const StopRequested& stop = {});

 private:
  Executor& executor(ImageSize size, const StopRequested& stop);
  void set_input(const std::string& name, const InputValues& values);

  const Preprocessor& preprocessor_;
  std::unique_ptr<HintNetwork> network_;
  std::shared_ptr<OpenDevice> device_;
  WeightStore store_;
  std::mutex running_;
  ImageSize ready_;  // for which the executor is
  std::unique_ptr<Executor> executor_;
};

/// Those whose files a folder has, opened when they are first needed. For any number of threads.
class AnnotatorLibrary {
 public:
  /// Throws bad_argument if it is no folder.
  AnnotatorLibrary(const std::optional<std::filesystem::path>& folder,
                   std::shared_ptr<OpenDevice> device);

  /// True for a preprocessor that needs none.
  bool has_weights(const Preprocessor& preprocessor) const;
  /// By a network or without, of the picture's size. Throws bad_argument where its weights are not
  /// there, and what `preprocess` and `AnnotatorNetwork` throw.
  Image hint(const Preprocessor& preprocessor, const Image& image, const PreprocessOptions& options,
             const StopRequested& stop = {});

 private:
  AnnotatorNetwork& open(const Preprocessor& preprocessor);

  std::optional<std::filesystem::path> folder_;
  std::map<std::string_view, std::filesystem::path> files_;  // by the preprocessor
  std::shared_ptr<OpenDevice> device_;
  std::mutex opening_;
  std::map<std::string_view, std::unique_ptr<AnnotatorNetwork>> opened_;
};

}  // namespace drypoint
