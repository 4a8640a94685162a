#include "diffusion/preview.h"

#include "diffusion/model/autoencoding.h"

namespace drypoint {

std::vector<float> clean_latent(std::span<const float> seen, std::span<const float> prediction,
                                const SamplerTable::Row& row, Prediction kind, double guidance,
                                LatentNumber latent) {
  const auto signal = static_cast<float>(row.signal), noise = static_cast<float>(row.noise);
  const bool is_guided = prediction.size() > latent.of * seen.size();
  const auto negative = prediction.subspan(latent.number * seen.size());
  const auto positive = negative.subspan(is_guided ? latent.of * seen.size() : 0);
  std::vector<float> clean(seen.size());
  for (size_t i = 0; i < seen.size(); ++i) {
    const float output =
        is_guided ? guide(negative[i], positive[i], static_cast<float>(guidance)) : positive[i];
    if (kind == Prediction::sample)
      clean[i] = output;
    else if (kind == Prediction::v)  // signal * n - noise * clean
      clean[i] = signal * seen[i] - noise * output;
    else
      clean[i] = (seen[i] - noise * output) / signal;
  }
  return clean;
}

Image preview_of(Stages& model, std::span<const float> latent, ImageSize size,
                 const StopRequested& stop) {
  if (model.config().vae.is_tiny)
    return decode_image(model, latent, {8 * size.width, 8 * size.height}, 0, stop);
  static constexpr float shares[4][3] = {{0.298f, 0.207f, 0.208f},
                                         {0.187f, 0.286f, 0.173f},
                                         {-0.158f, 0.189f, 0.264f},
                                         {-0.184f, -0.271f, -0.473f}};
  const size_t places = latent.size() / 4;
  std::vector<float> pixels(3 * places);
  for (size_t p = 0; p < places; ++p)
    for (size_t k = 0; k < 4; ++k)
      for (size_t c = 0; c < 3; ++c) pixels[3 * p + c] += shares[k][c] * latent[k * places + p];
  return image_of(pixels, size);
}

}  // namespace drypoint
