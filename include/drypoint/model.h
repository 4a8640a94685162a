// A checkpoint on a device: what pipelines share.
#pragma once

#include <cstddef>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "drypoint/device.h"
#include "drypoint/model_files.h"
#include "drypoint/preprocess.h"

namespace drypoint {

/// What is loaded.
struct ModelDescription {
  std::string model, control;          ///< file names; the first ControlNet's, empty without one
  std::vector<NamedControl> controls;  ///< the ControlNets' names, and their files'
  std::string device;
  int threads = 0;
  /// Of each ControlNet's own file, as the web UI's extension writes it; empty where there is none.
  std::vector<std::string> control_hashes;
};

class LoadedModel;  // the library's own
struct Request;     // see pipeline.h

/// A model with its weights. A copy is the same model; it ends with the last copy and the last
/// pipeline that draws with it. For any number of threads.
class Model {
 public:
  /// Opens the files, checks that every tensor is there with the right shape. Weights are read
  /// when first needed, and then kept. Throws bad_file, unsupported; bad_argument for a plan that
  /// was built for another kind of device or another precision.
  Model(const ModelFiles& files, const Device& device);
  /// On a device of its own: with "auto", for a plan the one it was built for. Throws what that
  /// throws.
  explicit Model(const ModelFiles& files, const DeviceOptions& options = {});

  ModelDescription description() const;
  /// The first ten digits of the SHA-256 of the model's file, as the web UI writes it; empty for a
  /// folder, a plan and random weights. Of a large file it is kept in the user's cache folder; the
  /// first time it takes as long as reading all of the file.
  std::string hash() const;
  Device device() const;

  /// A request with this model's own defaults.
  Request defaults() const;

  /// Bytes on the device that all pipelines of this model share. They grow as stages and sizes
  /// that need other weights are first used.
  size_t weight_bytes() const;

  /// Whether a preprocessor needs no weights, or they are in `ModelFiles::annotators`.
  bool can_preprocess(const Preprocessor& preprocessor) const;
  /// What `preprocess` gives, by networks too, which run on the model's device. Throws what that
  /// and `Annotator` throw; bad_argument where the weights are not there.
  Image preprocess(const Preprocessor& preprocessor, const Image& image,
                   const PreprocessOptions& options = {},
                   const std::function<bool()>& stop = {}) const;

  /// Puts another ControlNet in place of the one of this name, or of the first: a checkpoint file
  /// or a diffusers folder whose ControlNet has the same shapes. All else stays as it was made, so
  /// this is fast; the pictures are those of a model loaded with that ControlNet. It waits until
  /// the pictures that are being drawn are done, so it must not be called from a callback of one.
  /// Throws bad_file, unsupported, non_finite (each with the file and the tensor), and nothing has
  /// changed then.
  void set_control(const std::filesystem::path& path, const std::string& name = {});

 private:
  friend struct PipelineParts;  // the library's own
  std::shared_ptr<LoadedModel> loaded_;
};

}  // namespace drypoint
