// A picture to measure: its stages, ready to run, and all that goes into them.
#pragma once

#include "diffusion/denoiser_inputs.h"
#include "drypoint/workload.h"

namespace drypoint {

/// Holds until the model begins another picture.
struct MeasuredPicture {
  /// Makes the executors. Throws what `Pipeline::generate` throws before it draws.
  MeasuredPicture(Model& model, const Workload& workload, ImageSize size,
                  const StopRequested& stop);

  Request request;
  DenoiserShape shape;
  std::vector<DdimStep> steps;
  int64_t chunks = 1;  // of latents denoised together
  Executor& encoder;
  Executor& denoiser;
  Executor& decoder;
  std::vector<int32_t> tokens;  // [prompts, 77]
  std::vector<float> noise;     // [latents, 4, h, w]

  void set_tokens() const { encoder.set_input("ids", tokens); }
  /// -> [prompts, 77, D]
  std::vector<float> context() const;
  void set_picture(std::span<const float> context) const {
    set_picture_inputs(denoiser, shape, steps, context, request.image, request);
  }
  void set_first_step() const;
  /// The denoiser's latents, as one picture's for the decoder.
  std::vector<float> latent(float scaling_factor) const;
};

}  // namespace drypoint
