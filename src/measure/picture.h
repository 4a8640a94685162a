// A picture to measure: its stages, ready to run, and all that goes into them.
#pragma once

#include "diffusion/denoiser_inputs.h"
#include "diffusion/model/denoise_loop.h"
#include "drypoint/workload.h"

namespace drypoint {

/// Holds until the model begins another picture.
struct MeasuredPicture {
  /// Makes the executors. Throws what `Pipeline::generate` throws before it draws.
  MeasuredPicture(Stages& model, const Workload& workload, ImageSize size,
                  const StopRequested& stop);

  MeasuredPicture(const MeasuredPicture&) = delete;
  MeasuredPicture& operator=(const MeasuredPicture&) = delete;

  Request request;
  SamplerTable table;
  DenoiserShape shape;
  int64_t chunks = 1;  // of latents denoised together
  Executor& encoder;
  Executor& denoiser;
  Executor& decoder;
  std::vector<int32_t> tokens;  // [prompts, 77]
  std::vector<float> noise;     // [latents, 4, h, w]
  std::vector<uint8_t> pixels;  // of the last image
  DenoiseLoop loop;

  void set_tokens() const { encoder.set_input("ids", tokens); }
  /// -> [prompts, 77, D]
  std::vector<float> context() const;
  void set_picture(std::span<const float> context) const {
    set_picture_inputs(denoiser, shape, table, context, request.image, request);
  }
  void set_first_step() { loop.begin(noise); }
  /// The denoiser's latents, as one picture's for the decoder.
  std::vector<float> latent(float scaling_factor);
  /// What the decoder made of it, on the host.
  void read_image();
};

}  // namespace drypoint
