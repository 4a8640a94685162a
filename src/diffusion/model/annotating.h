// Hints made by networks.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "annotate/hint_network.h"
#include "base/shared_lock.h"
#include "diffusion/model/open_device.h"
#include "drypoint/preprocess.h"
#include "runtime/executor.h"

namespace drypoint {

/// A network with its weights on a device, ready for one size.
class ReadyNetwork {
 public:
  ReadyNetwork(const Network& network, std::shared_ptr<OpenDevice> device);

  /// With what it gives, until it runs again.
  Executor& run(ImageSize seen, const NetworkInputs& inputs, const StopRequested& stop);

 private:
  Executor& executor(ImageSize size, const StopRequested& stop);
  void set_input(const std::string& name, const InputValues& values);

  const Network& network_;
  std::shared_ptr<OpenDevice> device_;
  WeightStore store_;
  ImageSize ready_;  // for which the executor is
  std::unique_ptr<Executor> executor_;
};

/// Networks on a device, each made ready when it first runs. For one thread at a time.
class ReadyNetworks {
 public:
  explicit ReadyNetworks(std::shared_ptr<OpenDevice> device) : device_(std::move(device)) {}

  /// Outputs throw non_finite where they are not finite. Throws out_of_memory, cancelled.
  NetworkOutputs run(const Network& network, ImageSize seen, const NetworkInputs& inputs,
                     const StopRequested& stop = {});

 private:
  std::shared_ptr<OpenDevice> device_;
  std::map<const Network*, ReadyNetwork> ready_;
};

/// The hint, of the picture's size. Throws bad_argument for sides under 16 and as `checked`,
/// non_finite, out_of_memory, cancelled.
Image hint_by(const HintMaker& maker, const Preprocessor& preprocessor, const Image& image,
              const PreprocessOptions& options, ReadyNetworks& networks,
              const StopRequested& stop = {});

/// Those whose files a folder has, or which are named, opened when they are first needed. For any
/// number of threads, which wait for one another, as preprocessors may share a network.
class AnnotatorLibrary {
 public:
  /// Throws bad_argument if it is no folder.
  AnnotatorLibrary(const std::optional<std::filesystem::path>& folder,
                   std::shared_ptr<OpenDevice> device);

  /// True for a preprocessor that needs none.
  bool has_weights(const Preprocessor& preprocessor) const;
  /// By a network or without, of the picture's size. `weights`: a file, or a folder with files, in
  /// the place of the library's; empty: none. Throws bad_argument where its weights are not there,
  /// and what `preprocess`, `read_hint_maker` and `hint_by` throw.
  Image hint(const Preprocessor& preprocessor, const std::filesystem::path& weights,
             const Image& image, const PreprocessOptions& options, const StopRequested& stop = {});

 private:
  std::vector<std::filesystem::path> own_weights(const Preprocessor& preprocessor) const;

  std::optional<std::filesystem::path> folder_;
  std::vector<std::filesystem::path> files_;
  std::shared_ptr<OpenDevice> device_;
  SharedLock running_;
  NetworkFiles network_files_;
  ReadyNetworks networks_;
};

}  // namespace drypoint
