#include "ops/soft_blend.h"

#include <cmath>
#include <vector>

#include "backend/reference/kernels.h"
#include "ops/sampler_update.h"

namespace drypoint::reference {
namespace {

double length_of(const std::vector<double>& vector) {
  double squares = 0;
  for (const double value : vector) squares += value * value;
  return std::sqrt(squares);
}

}  // namespace

void run(const SoftBlend& op, const KernelRequest& request, const Launch& launch) {
  const Shape& known = request.inputs[3].shape;
  const int64_t latents = known[0], channels = known[1], pixels = known[2] * known[3];
  const SoftRow row = SoftRow::at(launch.f32(4) + int64_t{launch.i32(5)[0]} * SoftRow::size);
  std::vector<double> kept(static_cast<size_t>(channels)), drawn(kept), mixed(kept), seen(kept);
  for (int64_t n = 0; n < latents; ++n)
    for (int64_t p = 0; p < pixels; ++p) {
      const int64_t at = (n * pixels + p) * channels;
      const double t = std::pow(launch.f32(2)[n * pixels + p], row.exponent);
      for (int64_t c = 0; c < channels; ++c) {
        const auto i = static_cast<size_t>(c);
        double output = launch.f32(0)[at + c];
        if (op.guided) {
          const double prompt = launch.f32(0)[at + c + latents * pixels * channels];
          output += launch.f32(6)[n] * (prompt - output);
        }
        kept[i] = launch.f32(3)[(n * channels + c) * pixels + p];
        seen[i] = launch.f32(1)[(n * channels + c) * pixels + p];
        drawn[i] = row.clean_of_seen * seen[i] + row.clean_of_output * output;
        mixed[i] = (1 - t) * kept[i] + t * drawn[i];
      }
      const double length = std::pow((1 - t) * std::pow(length_of(kept), row.contrast) +
                                         t * std::pow(length_of(drawn), row.contrast),
                                     1.0 / row.contrast);
      const double stretch = length / (length_of(mixed) + 1e-5);
      for (int64_t c = 0; c < channels; ++c) {
        const auto i = static_cast<size_t>(c);
        launch.out()[at + c] = static_cast<float>(row.output_of_clean * stretch * mixed[i] +
                                                  row.output_of_seen * seen[i]);
      }
    }
}

}  // namespace drypoint::reference
