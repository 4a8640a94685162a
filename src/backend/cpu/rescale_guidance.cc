#include "ops/rescale_guidance.h"

#include <cmath>

#include "backend/cpu/kernels.h"
#include "ops/sampler_update.h"

namespace drypoint::cpu {
namespace {

/// Of one latent's values, in one order whoever computes it.
float deviation_of(const float* values, int64_t count) {
  double sum = 0, squares = 0;
  for (int64_t i = 0; i < count; ++i) sum += values[i];
  const double mean = sum / static_cast<double>(count);
  for (int64_t i = 0; i < count; ++i) squares += (values[i] - mean) * (values[i] - mean);
  return static_cast<float>(std::sqrt(squares / static_cast<double>(count)));
}

}  // namespace

KernelPtr make(const RescaleGuidance&, const KernelRequest& request, const Context& context) {
  const int64_t latents = request.output.shape[0], elements = request.output.elements();
  return make_kernel([=](const Launch& launch) {
    parallel_tasks(context, latents, [&](int64_t n) {
      const int64_t one = elements / latents;
      const float *negative = launch.f32(0) + n * one, *prompt = negative + elements;
      float* guided = launch.out() + n * one;
      for (int64_t i = 0; i < one; ++i) guided[i] = guide(negative[i], prompt[i], launch.f32(1)[n]);
      const float factor =
          guidance_factor(launch.f32(2)[n], deviation_of(prompt, one), deviation_of(guided, one));
      for (int64_t i = 0; i < one; ++i) guided[i] *= factor;
    });
  });
}

}  // namespace drypoint::cpu
