#include "ops/rescale_guidance.h"

#include "backend/reference/kernels.h"
#include "ops/sampler_update.h"

namespace drypoint::reference {
void run(const RescaleGuidance&, const KernelRequest& request, const Launch& launch) {
  const int64_t latents = request.output.shape[0], elements = request.output.elements();
  const auto one = static_cast<size_t>(elements / latents);
  for (int64_t n = 0; n < latents; ++n) {
    const auto at = n * static_cast<int64_t>(one);
    const std::span<const float> prompt(launch.f32(0) + elements + at, one);
    const std::span<float> guided(launch.out() + at, one);
    for (size_t i = 0; i < one; ++i)
      guided[i] = guide(launch.f32(0)[at + static_cast<int64_t>(i)], prompt[i], launch.f32(1)[n]);
    const float factor = guidance_factor(launch.f32(2)[n], static_cast<float>(deviation(prompt)),
                                         static_cast<float>(deviation(guided)));
    for (float& value : guided) value *= factor;
  }
}

}  // namespace drypoint::reference
