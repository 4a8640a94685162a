#include "ops/soft_blend.h"

#include <cmath>

#include "backend/cpu/kernels.h"
#include "ops/sampler_update.h"

namespace drypoint::cpu {

KernelPtr make(const SoftBlend& op, const KernelRequest& request, const Context& context) {
  const Shape& shape = request.inputs[3].shape;
  const int64_t latents = shape[0], channels = shape[1], height = shape[2], width = shape[3];
  const int64_t pixels = height * width;
  return make_kernel([=](const Launch& launch) {
    const SoftRow row = SoftRow::at(launch.f32(4) + int64_t{launch.i32(5)[0]} * SoftRow::size);
    const auto power = [](double x, double exponent) { return std::pow(x, exponent); };
    parallel_tasks(context, latents * height, [&](int64_t line) {
      const int64_t n = line / height, first = line % height * width;
      for (int64_t p = first; p < first + width; ++p) {
        const int64_t at = (n * pixels + p) * channels;
        const float *output = launch.f32(0) + at, *prompt = output + latents * pixels * channels;
        const float *seen = launch.f32(1) + n * channels * pixels + p,
                    *known = launch.f32(3) + n * channels * pixels + p;
        float* out = launch.out() + at;
        const double share = power(launch.f32(2)[n * pixels + p], row.exponent);
        const auto t = static_cast<float>(share);
        float of_known = 0, of_drawn = 0, of_mixed = 0;
        for (int64_t c = 0; c < channels; ++c) {
          const float said = op.guided ? guide(output[c], prompt[c], launch.f32(6)[n]) : output[c];
          const float drawn = row.clean_of_seen * seen[c * pixels] + row.clean_of_output * said;
          const float mixed = (1 - t) * known[c * pixels] + t * drawn;
          of_known += known[c * pixels] * known[c * pixels];
          of_drawn += drawn * drawn;
          of_mixed += mixed * mixed;
          out[c] = mixed;
        }
        const float stretch = soft_stretch(std::sqrt(of_known), std::sqrt(of_drawn),
                                           std::sqrt(of_mixed), share, row.contrast, power);
        for (int64_t c = 0; c < channels; ++c)
          out[c] = row.output_of_clean * stretch * out[c] + row.output_of_seen * seen[c * pixels];
      }
    });
  });
}

}  // namespace drypoint::cpu
