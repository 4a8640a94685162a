// A checkpoint on a device, as the stages that the pipeline strings together.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <utility>
#include <vector>

#include "base/shared_lock.h"
#include "checkpoint/plan_file.h"
#include "diffusion/adapters.h"
#include "diffusion/annotating.h"
#include "diffusion/denoise_loop.h"
#include "diffusion/embeddings.h"
#include "diffusion/model_hash.h"
#include "diffusion/open_device.h"
#include "diffusion/schedules/noise_schedule.h"
#include "diffusion/upscaling.h"
#include "drypoint/pipeline.h"
#include "models/assemble.h"
#include "models/clip.h"
#include "models/denoiser.h"
#include "models/vae.h"
#include "runtime/executor_cache.h"
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

  /// Weights that no executor has make room within a limit of memory.
  std::unique_ptr<Executor> executor(Graph graph, const StopRequested& stop, Watched watched = {});
  /// What the executor of such a graph would hold.
  Executor::Needs needs(Graph graph);
  /// How the denoiser's products are rounded, if they are.
  const std::optional<Quantization>& quantization() const { return quantization_; }

 private:
  void choose_prediction(Prediction asked);
  void choose_quantization(const ModelFiles& files);
  Plan compiled(Graph graph, Watched watched = {}) const;
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

/// What tells encoders from one another: the size of their latents.
struct VaeEncoderShape {
  int64_t height = 0, width = 0;

  bool operator==(const VaeEncoderShape&) const = default;
};

/// The stages that a pipeline strings together, each ready to run at some sizes. Not for several
/// threads at once; those who share the model hold its `use` from `begin` on.
class Stages {
 public:
  explicit Stages(std::shared_ptr<LoadedModel> model)
      : model_(std::move(model)),
        version_(model_->version()),
        controls_(model_->config().controls) {}
  Stages(const ModelFiles& files, const DeviceOptions& options);

  const std::shared_ptr<LoadedModel>& model() const { return model_; }
  LoadedModel::Use use(const StopRequested& stop) { return model_->use(stop); }
  LoadedModel::Use use(const StopRequested& stop, const AdapterSet& adapters) {
    return model_->use(stop, adapters);
  }

  void set_control(const std::filesystem::path& path, const std::string& name);

  ModelDescription description() const { return model_->description(); }
  const std::string& name() const { return model_->name(); }
  const Checkpoint& checkpoint() const { return model_->checkpoint(); }
  const ModelConfig& config() const { return model_->config(); }
  /// Latents are the VAE's times this.
  float scaling_factor() const { return static_cast<float>(config().vae.scaling_factor); }
  const Backend& backend() const { return model_->backend(); }
  const WeightStore& store() const { return model_->store(); }
  const Tokenizer& tokenizer() const { return model_->tokenizer(); }
  const Embeddings& embeddings() const { return model_->embeddings(); }
  const NoiseSchedule& noise_schedule() const { return model_->noise_schedule(); }
  Prediction prediction() const { return model_->prediction(); }
  const std::vector<std::string>& notices() const { return model_->notices(); }

  /// More would need memory without running faster.
  int64_t most_latents_together() const { return backend().target().useful_batch; }

  /// A new picture: what others before it needed makes room where memory runs out. Weights that
  /// have changed since the last are made anew.
  void begin(const StopRequested& stop = {});

  void check_files() { model_->check_files(); }
  Executor::Needs needs(Graph graph) { return model_->needs(std::move(graph)); }

  /// From now on; null: nobody. It must live as long.
  void set_observer(const DenoiserObserver* observer) {
    observer_ = observer;
    executors_.clear();
  }
  const DenoiserObserver* observer() const { return observer_; }

  /// Each stage at a size, ready to run. A reference holds until `begin`. (8 denoisers, 4 of each
  /// other are kept for later pictures.)
  Executor& text_encoder(const TextEncoderShape& shape, const StopRequested& stop = {});
  Executor& denoiser(const DenoiserShape& shape, const StopRequested& stop = {});
  Executor& vae_decoder(int64_t height, int64_t width, const StopRequested& stop = {});
  /// Throws unsupported if the model has none.
  Executor& vae_encoder(int64_t height, int64_t width, const StopRequested& stop = {});

 private:
  void renew(const StopRequested& stop = {});

  std::shared_ptr<LoadedModel> model_;
  const DenoiserObserver* observer_ = nullptr;
  uint64_t version_;                     // of the weights that the executors have
  std::vector<ControlConfig> controls_;  // and what they were built for
  // Text encoders, denoisers, decoders by height and width, encoders.
  ExecutorCache<TextEncoderShape, DenoiserShape, std::pair<int64_t, int64_t>, VaeEncoderShape>
      executors_{{4, 8, 4, 4}};
};

struct Asked;  // see together.h
struct Outcome;

/// What the public classes hold.
struct PipelineParts {
  static const std::shared_ptr<LoadedModel>& loaded(const Model& model) { return model.loaded_; }
  static Model model(std::shared_ptr<LoadedModel> loaded) { return Model(std::move(loaded)); }
  /// For those who measure stages one by one.
  static Stages& stages(Pipeline& pipeline);
  static std::vector<Outcome> draw_together(Pipeline& pipeline, std::span<const Asked> asked);
};

}  // namespace drypoint
