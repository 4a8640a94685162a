// A checkpoint on a device, as the stages that the pipeline strings together.
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "checkpoint/plan_file.h"
#include "diffusion/embeddings.h"
#include "diffusion/schedules/noise_schedule.h"
#include "drypoint/pipeline.h"
#include "models/assemble.h"
#include "models/clip.h"
#include "models/denoiser.h"
#include "models/vae.h"
#include "runtime/executor_cache.h"
#include "text/tokenizer.h"

namespace drypoint {

class Model {
 public:
  Model(const ModelFiles& files, const PipelineOptions& options);

  /// Another ControlNet in the place of the one there is, with tensors of the same shapes. What
  /// does not depend on it stays as it is. Throws what `Pipeline::set_control` throws.
  void set_control(const std::filesystem::path& path);

  const ModelDescription& description() const { return description_; }
  /// What messages call it: a path.
  const std::string& name() const { return name_; }
  const Checkpoint& checkpoint() const { return checkpoint_; }
  const ModelConfig& config() const { return config_; }
  /// Latents are the VAE's times this.
  float scaling_factor() const { return static_cast<float>(config_.vae.scaling_factor); }
  const Backend& backend() const { return *backend_; }
  const WeightStore& store() const { return *store_; }
  const Tokenizer& tokenizer() const { return tokenizer_; }
  const Embeddings& embeddings() const { return embeddings_; }
  const NoiseSchedule& noise_schedule() const { return noise_schedule_; }
  Prediction prediction() const { return config_.prediction; }
  /// What was taken for granted about the model.
  const std::vector<std::string>& notices() const { return notices_; }

  /// More would need memory without running faster.
  int64_t most_latents_together() const { return backend_->target().useful_batch; }

  /// A new picture: what others before it needed makes room where memory runs out.
  void begin() { executors_.begin(); }

  /// After a picture: throws bad_file if a file was written to while its bytes were used, since
  /// what was drawn is then of no known model.
  void check_files();

  /// Each stage at a size, ready to run. A reference holds until `begin`, as long as no more sizes
  /// of the same stage are asked for than are kept (8 denoisers, 4 decoders, 4 text encoders).
  Executor& text_encoder(const TextEncoderShape& shape, const StopRequested& stop = {});
  Executor& denoiser(const DenoiserShape& shape, const StopRequested& stop = {});
  Executor& vae_decoder(int64_t height, int64_t width, const StopRequested& stop = {});

 private:
  std::unique_ptr<Executor> executor(Graph graph, const StopRequested& stop);
  void choose_prediction(Prediction asked);

  std::string name_;
  bool read_since_check_ = true;
  std::unique_ptr<const PlanFile> file_;  // if it came from a plan
  Checkpoint checkpoint_;
  ModelConfig config_;
  std::unique_ptr<Backend> backend_;
  std::unique_ptr<WeightStore> store_;
  Tokenizer tokenizer_;
  Embeddings embeddings_;
  NoiseSchedule noise_schedule_;
  std::vector<std::string> notices_;
  ModelDescription description_;
  // Text encoders, denoisers, decoders by height and width.
  ExecutorCache<TextEncoderShape, DenoiserShape, std::pair<int64_t, int64_t>> executors_{{4, 8, 4}};
};

/// What a pipeline runs, for those who measure its stages one by one.
Model& model_of(Pipeline& pipeline);

}  // namespace drypoint
