// What of a model is ready to run, by its sizes.
#pragma once

#include <memory>
#include <utility>
#include <vector>

#include "diffusion/model/denoise_loop.h"
#include "diffusion/model/model.h"
#include "models/clip.h"
#include "models/denoiser.h"
#include "models/vae.h"
#include "runtime/executor_cache.h"

namespace drypoint {

/// What tells decoders and encoders from one another: the size of their latents.
struct VaeDecoderShape {
  int64_t height = 0, width = 0;

  bool operator==(const VaeDecoderShape&) const = default;
};
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
  /// What one of these takes, by its shape, which need not be there.
  template <class Shape>
  Executor::Needs needs(const Shape& shape) {
    return executors_.known(shape, [&] { return executor(shape, {}); }).needs();
  }

 private:
  std::unique_ptr<Executor> executor(const TextEncoderShape& shape, const StopRequested& stop);
  std::unique_ptr<Executor> executor(const DenoiserShape& shape, const StopRequested& stop);
  std::unique_ptr<Executor> executor(const VaeDecoderShape& shape, const StopRequested& stop);
  std::unique_ptr<Executor> executor(const VaeEncoderShape& shape, const StopRequested& stop);
  template <class Shape>
  Executor& ready(const Shape& shape, const StopRequested& stop) {
    return executors_.get(
        shape, [&] { return executor(shape, stop); },
        [&](Executor& executor) { model_->bind(executor, stop); });
  }
  void renew(const StopRequested& stop = {});

  std::shared_ptr<LoadedModel> model_;
  const DenoiserObserver* observer_ = nullptr;
  uint64_t version_;                     // of the weights that the executors have
  std::vector<ControlConfig> controls_;  // and what they were built for
  ExecutorCache<TextEncoderShape, DenoiserShape, VaeDecoderShape, VaeEncoderShape> executors_{
      {4, 8, 4, 4}};
};

}  // namespace drypoint
