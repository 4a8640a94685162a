// A checkpoint on a device.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "base/shared_lock.h"
#include "checkpoint/plan_file.h"
#include "compile/passes.h"
#include "diffusion/model/adapters.h"
#include "diffusion/model/annotating.h"
#include "diffusion/model/embeddings.h"
#include "diffusion/model/model_hash.h"
#include "diffusion/model/open_device.h"
#include "diffusion/model/upscaling.h"
#include "diffusion/schedules/noise_schedule.h"
#include "drypoint/pipeline.h"
#include "models/assemble.h"
#include "runtime/executor.h"
#include "text/tokenizer.h"

namespace drypoint {

/// What pipelines of a model share: the checkpoint and its weights on a device. For any number of
/// threads; what `set_control` changes is read under `use`.
class LoadedModel {
 public:
  /// On `device`, or on one of its own.
  LoadedModel(const ModelFiles& files, const DeviceOptions& options,
              std::shared_ptr<OpenDevice> device = nullptr);

  /// Another ControlNet in the place of the one of this name (empty: the first), with tensors of
  /// the same shapes. What does not depend on it stays as it is. Calls `then` while still nobody
  /// uses the model. Throws what `Model::set_control` throws.
  void set_control(const std::filesystem::path& path, const std::string& name = {},
                   const std::function<void()>& then = {});
  /// Another after each change of the weights.
  uint64_t version() const { return version_; }

  /// While it is held, the model does not change, and the device is the holder's as far as it takes
  /// turns.
  struct Use {
    SharedLock::Hold model, device;
  };
  Use use(const StopRequested& stop);
  /// With these adapters and no others: puts them on first if there are others, when the pictures
  /// that are being drawn are done. Throws non_finite with the file and the tensor, unsupported for
  /// a plan that does not hold what they change; nothing has changed then.
  Use use(const StopRequested& stop, const AdapterSet& adapters);

  ModelDescription description() const;
  ModelHash& hash() { return hash_; }
  /// What messages call it: a path.
  const std::string& name() const { return name_; }
  const Request& defaults() const { return defaults_; }
  const Checkpoint& checkpoint() const { return checkpoint_; }
  const ModelConfig& config() const { return config_; }
  OpenDevice& device() { return *device_; }
  std::shared_ptr<OpenDevice> shared_device() const { return device_; }
  const Backend& backend() const { return std::as_const(*device_).backend(); }
  /// Under the device's `making`.
  WeightStore& store() { return *store_; }
  size_t weight_bytes() const;
  const Tokenizer& tokenizer() const { return tokenizer_; }
  const Embeddings& embeddings() const { return embeddings_; }
  const AdapterLibrary& adapters() const { return *adapters_; }
  AnnotatorLibrary& annotators() const { return *annotators_; }
  /// Null if there is none.
  UpscalerNetwork* upscaler() { return upscaler_.get(); }
  const NoiseSchedule& noise_schedule() const { return noise_schedule_; }
  Prediction prediction() const { return config_.prediction; }
  /// What was taken for granted about the model.
  const std::vector<std::string>& notices() const { return notices_; }

  /// After a picture: throws bad_file if a file was written to while its bytes were used, since
  /// what was drawn is then of no known model.
  void check_files();

  /// With its kernels alone.
  std::unique_ptr<Executor> executor(Graph graph, const StopRequested& stop, Watched watched = {});
  /// Weights that no executor has make room within a limit of memory.
  void bind(Executor& executor, const StopRequested& stop);
  /// How the denoiser's products are rounded, if they are.
  const std::optional<Quantization>& quantization() const { return quantization_; }

 private:
  void choose_prediction(Prediction asked);
  void choose_quantization(const ModelFiles& files);
  void put_on(const AdapterSet& adapters);
  void set_own_layers();
  void check_holds(const FittedAdapter& adapter) const;
  size_t controlnet_named(const std::string& wanted) const;

  std::string name_;
  std::atomic<bool> read_since_check_ = true;
  std::unique_ptr<const PlanFile> file_;  // if it came from a plan
  Checkpoint checkpoint_;
  ModelConfig config_;
  std::shared_ptr<OpenDevice> device_;
  std::unique_ptr<WeightStore> store_;
  Tokenizer tokenizer_;
  Embeddings embeddings_;
  std::unique_ptr<const AdapterLibrary> adapters_;
  std::unique_ptr<UpscalerNetwork> upscaler_;
  std::unique_ptr<AnnotatorLibrary> annotators_;
  AdapterSet put_on_;  // that the weights have, under `in_use_`
  NoiseSchedule noise_schedule_;
  std::optional<Quantization> quantization_;
  std::vector<std::string> notices_;
  Request defaults_;
  ModelDescription description_;
  mutable std::mutex telling_;  // for the description
  SharedLock in_use_;
  std::atomic<uint64_t> version_ = 0;
  ModelHash hash_;
};

}  // namespace drypoint
