#include "diffusion/model/stages.h"

#include <utility>

#include "base/error.h"
#include "base/memory.h"

namespace drypoint {

Stages::Stages(const ModelFiles& files, const DeviceOptions& options)
    : Stages(std::make_shared<LoadedModel>(files, options)) {}

void Stages::begin(const StopRequested& stop) {
  executors_.begin();
  if (version_ == model_->version()) return;
  const auto making = model_->device().making.alone(stop);
  renew(stop);
}

void Stages::set_control(const std::filesystem::path& path, const std::string& name) {
  model_->set_control(path, name, [&] { renew(); });
}

/// After the model's weights have changed.
void Stages::renew(const StopRequested& stop) {
  const uint64_t version = model_->version();
  if (std::exchange(controls_, config().controls) != config().controls)
    executors_.clear();  // other heads
  try {
    executors_.for_each([&](Executor& executor) {
      if (executor.is_bound()) executor.renew_weights(model_->store(), stop);
    });
    version_ = version;
    release_free_memory();  // weights before they were packed
  } catch (...) {
    executors_.clear();  // what is made anew has the new weights
    version_ = version;
    throw;
  }
}

std::unique_ptr<Executor> Stages::executor(const TextEncoderShape& shape,
                                           const StopRequested& stop) {
  return model_->executor(build_clip(config().text, shape), stop);
}

std::unique_ptr<Executor> Stages::executor(const DenoiserShape& shape, const StopRequested& stop) {
  return model_->executor(build_denoiser(config(), shape), stop,
                          observer_ ? observer_->watched : Watched());
}

std::unique_ptr<Executor> Stages::executor(const VaeDecoderShape& shape,
                                           const StopRequested& stop) {
  return model_->executor(
      build_vae_decoder(config().vae, 1, shape.height, shape.width, /*pixels=*/true), stop);
}

std::unique_ptr<Executor> Stages::executor(const VaeEncoderShape& shape,
                                           const StopRequested& stop) {
  return model_->executor(build_vae_encoder(config().vae, 1, 8 * shape.height, 8 * shape.width),
                          stop);
}

Executor& Stages::text_encoder(const TextEncoderShape& shape, const StopRequested& stop) {
  return ready(shape, stop);
}

Executor& Stages::denoiser(const DenoiserShape& shape, const StopRequested& stop) {
  return ready(shape, stop);
}

Executor& Stages::vae_decoder(int64_t height, int64_t width, const StopRequested& stop) {
  return ready(VaeDecoderShape{height, width}, stop);
}

Executor& Stages::vae_encoder(int64_t height, int64_t width, const StopRequested& stop) {
  if (!config().vae.has_encoder)
    fail(ErrorKind::unsupported, "{}: the VAE has no encoder, which a picture to begin with needs",
         checkpoint().sources.at(Part::vae));
  return ready(VaeEncoderShape{height, width}, stop);
}

}  // namespace drypoint
