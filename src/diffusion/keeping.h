// What a mask keeps of a known latent, at each row of a sampler's table.
#pragma once

#include <vector>

#include "diffusion/samplers/table.h"
#include "drypoint/pipeline.h"
#include "models/denoiser.h"
#include "runtime/executor.h"

namespace drypoint {

/// Rows of `Blend`, [rows of the table, 3] each.
struct KeptRows {
  std::vector<float> output;  // shares of the known latent and of slot 0 in the model's output
  std::vector<float> latent;  // of the known latent and of its noise in slot 0 after the row
};

/// By a rule that is not `automatic`: a1111 has the model predict the known latent, diffusers puts
/// it with the noise of the walk's next level in the place of what a row made. In the end it is
/// there in both.
KeptRows kept_rows(const SamplerTable& table, Prediction prediction, PaintingRule rule);

/// Rows of `SoftBlend`, [rows of the table, 6].
std::vector<float> soft_rows(const SamplerTable& table, Prediction prediction,
                             const Request& request);

/// Sets a denoiser's inputs of these.
void set_kept_rows(Executor& denoiser, const DenoiserShape& shape, const SamplerTable& table,
                   Prediction prediction, const Request& request);

}  // namespace drypoint
