#include "diffusion/hires.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "base/error.h"
#include "diffusion/request/request.h"
#include "image/pillow.h"

namespace drypoint {
namespace {

/// A value along one side: shares of at most four of the old ones.
struct Sources {
  std::array<int, 4> at{};
  std::array<double, 4> shares{};
};

double cubic(double x, double a) {
  x = std::abs(x);
  if (x <= 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
  return x < 2 ? ((x - 5) * x + 8) * x * a - 4 * a : 0;
}

/// Antialiasing leaves out what is beyond the border, where else the border's value counts, and has
/// another cubic kernel. It does not widen kernels, as no side shrinks.
Sources sources_of(int i, int from, int to, HiresUpscaler upscaler) {
  using enum HiresUpscaler;
  const double scale = static_cast<double>(from) / to;
  const auto inside = [&](int k) { return std::clamp(k, 0, from - 1); };
  if (upscaler == latent_nearest) return {{inside(static_cast<int>(i * scale))}, {1}};
  if (upscaler == latent_nearest_exact) return {{inside(static_cast<int>((i + 0.5) * scale))}, {1}};
  const double x = (i + 0.5) * scale - 0.5;
  const int whole = static_cast<int>(std::floor(x));
  const bool antialiased = upscaler == latent_antialiased || upscaler == latent_bicubic_antialiased;
  const bool is_cubic = upscaler == latent_bicubic || upscaler == latent_bicubic_antialiased;
  Sources sources;
  double sum = 0;
  for (size_t k = 0; k < 4; ++k) {
    const int at = whole - 1 + static_cast<int>(k);
    const double distance = at - x;
    const double share = is_cubic ? cubic(distance, antialiased ? -0.5 : -0.75)
                                  : std::max(1 - std::abs(distance), 0.0);
    sources.at[k] = inside(at);
    sources.shares[k] = antialiased && at != inside(at) ? 0 : share;
    sum += sources.shares[k];
  }
  for (double& share : sources.shares) share /= sum;
  return sources;
}

}  // namespace

ImageSize hires_size(const Request& request, ImageSize first) {
  const auto times = [&](int side) { return static_cast<int>(side * request.hires_scale) / 8 * 8; };
  const ImageSize size{times(first.width), times(first.height)};
  check_size(size, "hires_scale");
  return size;
}

Request hires_request(const Request& request, ImageSize first, uint64_t seed) {
  Request second = request;
  second.size = hires_size(request, first);
  second.seed = seed;
  if (request.hires_steps > 0) second.steps = request.hires_steps;
  if (request.is_edges)
    second.image = pillow_resize(request.image, second.size, PillowFilter::nearest);
  return second;
}

std::string_view label(HiresUpscaler upscaler) {
  switch (upscaler) {
    case HiresUpscaler::latent: return "Latent";
    case HiresUpscaler::latent_antialiased: return "Latent (antialiased)";
    case HiresUpscaler::latent_bicubic: return "Latent (bicubic)";
    case HiresUpscaler::latent_bicubic_antialiased: return "Latent (bicubic antialiased)";
    case HiresUpscaler::latent_nearest: return "Latent (nearest)";
    case HiresUpscaler::latent_nearest_exact: return "Latent (nearest-exact)";
    case HiresUpscaler::lanczos: return "Lanczos";
    case HiresUpscaler::nearest: return "Nearest";
    case HiresUpscaler::model: return "Model";
  }
  return "unknown";
}

bool is_of_latents(HiresUpscaler upscaler) { return upscaler < HiresUpscaler::lanczos; }

std::vector<float> enlarged(std::span<const float> planes, ImageSize from, ImageSize to,
                            HiresUpscaler upscaler) {
  const auto width = static_cast<size_t>(from.width), height = static_cast<size_t>(from.height);
  std::vector<Sources> columns, rows;
  for (int x = 0; x < to.width; ++x)
    columns.push_back(sources_of(x, from.width, to.width, upscaler));
  for (int y = 0; y < to.height; ++y)
    rows.push_back(sources_of(y, from.height, to.height, upscaler));
  std::vector<float> result;
  for (size_t plane = 0; plane < planes.size(); plane += width * height)
    for (const Sources& row : rows)
      for (const Sources& column : columns) {
        double sum = 0;
        for (size_t j = 0; j < 4; ++j)
          for (size_t i = 0; i < 4; ++i)
            sum += row.shares[j] * column.shares[i] *
                   planes[plane + static_cast<size_t>(row.at[j]) * width +
                          static_cast<size_t>(column.at[i])];
        result.push_back(static_cast<float>(sum));
      }
  return result;
}

}  // namespace drypoint
