#include "measure/picture.h"

#include <algorithm>
#include <cmath>

#include "diffusion/model/autoencoding.h"
#include "diffusion/noise/random.h"
#include "diffusion/request/request.h"
#include "diffusion/request/sampling.h"

namespace drypoint {
namespace {

/// Rings and a frame: about as many edges as in a photograph.
Image ruled_edges(ImageSize size) {
  Image edges{size.width, size.height, 1,
              std::vector<uint8_t>(static_cast<size_t>(size.width) * size.height)};
  const double cx = size.width / 2.0, cy = size.height / 2.0;
  for (int y = 0; y < size.height; ++y)
    for (int x = 0; x < size.width; ++x) {
      const double radius = std::hypot(x - cx, y - cy);
      const bool ring = std::fmod(radius, 24) < 1;
      const bool frame = x == 8 || y == 8 || x == size.width - 9 || y == size.height - 9;
      if (ring || frame) edges.pixels[static_cast<size_t>(y) * size.width + x] = 255;
    }
  return edges;
}

Request request_for(const Workload& workload, ImageSize size) {
  Request request;
  request.prompt = "a bird";
  request.samples = workload.batch;
  request.steps = workload.steps;
  request.guidance_scale = workload.guidance_scale;
  request.seed = 1;
  check_samples(workload.batch, "batch");
  check_size(size, "size");
  request.image = ruled_edges(size);
  request.is_edges = true;
  check(request);
  return request;
}

std::vector<int32_t> tokens_for(const Stages& model, const Request& request) {
  std::vector<int32_t> ids;
  const auto add = [&](const std::string& text) {
    const auto tokens = model.tokenizer().encode(text).ids;
    ids.insert(ids.end(), tokens.begin(), tokens.end());
  };
  if (request.guidance_scale != 1) add(request.negative_prompt);
  add(full_prompt(request));
  return ids;
}

std::vector<float> noise_for(const Stages& model, const DenoiserShape& shape) {
  std::vector<float> noise(static_cast<size_t>(shape.latents * model.config().vae.latent_channels *
                                               shape.height * shape.width));
  make_generator({}, 1)->randn(noise);
  return noise;
}

}  // namespace

MeasuredPicture::MeasuredPicture(Stages& model, const Workload& workload, ImageSize size,
                                 const StopRequested& stop)
    : request(request_for(workload, size)),
      table(sampler_table(request, model.noise_schedule(), model.prediction())),
      shape(denoiser_shape(model, request, size, table)),
      chunks(workload.batch / shape.latents),
      encoder(model.text_encoder({.prompts = shape.prompts}, stop)),
      denoiser(model.denoiser(shape, stop)),
      decoder(model.vae_decoder(shape.height, shape.width, stop)),
      tokens(tokens_for(model, request)),
      noise(noise_for(model, shape)),
      loop(denoiser, shape, table) {
  if (decoder.has_input("offset")) decoder.set_input("offset", std::vector<float>{127.5f});
}

std::vector<float> MeasuredPicture::context() const {
  const auto values = encoder.output("embedding");
  return {values.begin(), values.end()};
}

void MeasuredPicture::read_image() {
  if (decoder.has_input("offset"))
    read_pixels(decoder, pixels);
  else
    decoder.output("image");
}

std::vector<float> MeasuredPicture::latent(float scaling_factor) {
  const auto values = loop.first_slot();
  std::vector<float> one(
      values.begin(), values.begin() + static_cast<std::ptrdiff_t>(values.size()) / shape.latents);
  for (float& value : one) value /= scaling_factor;
  return one;
}

}  // namespace drypoint
