#include "diffusion/noise/noise_source.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/error.h"

namespace drypoint {
namespace {

using LatentShape = std::array<int64_t, 3>;  // C, h, w

std::vector<float> drawn(Generator& generator, const LatentShape& shape) {
  std::vector<float> values(static_cast<size_t>(shape[0] * shape[1] * shape[2]));
  generator.randn(values);
  return values;
}

/// From `low` to `high` along the arc between them, each column of each channel for itself
/// (K. Shoemake, "Animating rotation with quaternion curves", 1985), as the web UI's
/// modules/rng.py.
void go_towards(std::vector<float>& low, const std::vector<float>& high, double part,
                const LatentShape& shape) {
  const int64_t channels = shape[0], height = shape[1], width = shape[2];
  const auto at = [&](int64_t c, int64_t y, int64_t x) {
    return static_cast<size_t>((c * height + y) * width + x);
  };
  std::vector<double> angles;
  double cosines = 0;
  for (int64_t c = 0; c < channels; ++c)
    for (int64_t x = 0; x < width; ++x) {
      double a = 0, b = 0, both = 0;
      for (int64_t y = 0; y < height; ++y) {
        const double l = low[at(c, y, x)], h = high[at(c, y, x)];
        a += l * l, b += h * h, both += l * h;
      }
      const double cosine = both / std::sqrt(a * b);
      cosines += cosine;
      angles.push_back(std::acos(std::clamp(cosine, -1.0, 1.0)));
    }
  const bool same = cosines / static_cast<double>(angles.size()) > 0.9995;
  for (int64_t c = 0; c < channels; ++c)
    for (int64_t x = 0; x < width; ++x) {
      const double angle = angles[static_cast<size_t>(c * width + x)], sine = std::sin(angle);
      const double of_low = same ? part : std::sin((1 - part) * angle) / sine;
      const double of_high = same ? 1 - part : std::sin(part * angle) / sine;
      for (int64_t y = 0; y < height; ++y) {
        float& value = low[at(c, y, x)];
        value = static_cast<float>(of_low * value + of_high * high[at(c, y, x)]);
      }
    }
}

/// Half of a difference, rounded down as Python does.
int64_t half(int64_t difference) { return (difference - (difference < 0 && difference % 2)) / 2; }

/// Where one side of the smaller lies in the larger: `count` numbers of `from`, from its `begin`
/// on, at `at`.
struct Overlap {
  int64_t at, begin, count;
};
Overlap overlap(int64_t size, int64_t from) {
  const int64_t offset = half(size - from);
  return {std::max<int64_t>(offset, 0), std::max<int64_t>(-offset, 0),
          offset >= 0 ? from : from + 2 * offset};
}

void put_in_the_middle(std::span<float> values, const LatentShape& shape,
                       const std::vector<float>& inner, const LatentShape& inner_shape) {
  const Overlap rows = overlap(shape[1], inner_shape[1]),
                columns = overlap(shape[2], inner_shape[2]);
  for (int64_t c = 0; c < shape[0]; ++c)
    for (int64_t y = 0; y < rows.count && rows.at + y < shape[1]; ++y)
      for (int64_t x = 0; x < columns.count && columns.at + x < shape[2]; ++x)
        values[static_cast<size_t>((c * shape[1] + rows.at + y) * shape[2] + columns.at + x)] =
            inner[static_cast<size_t>((c * inner_shape[1] + rows.begin + y) * inner_shape[2] +
                                      columns.begin + x)];
}

/// Between which sigmas a table's noise lies.
std::pair<double, double> sigma_range(const SamplerTable& table) {
  double low = std::numeric_limits<double>::infinity(), high = 0;
  for (const auto& [from, to] : table.draws)
    low = std::min({low, from, to}), high = std::max({high, from, to});
  return {low, high};
}

/// ComfyUI draws the first noise on the CPU, that of steps where it computes, anew from the seed;
/// and a Brownian path on the CPU but for samplers that ask for the GPU by name.
RandomOptions random_of_steps(const Request& request, const SamplerTable& table) {
  if (request.compat != CompatKind::comfy) return request.random;
  RandomOptions random = request.random;
  random.kind =
      table.brownian && !request.sampler.ends_with("_gpu") ? RandomKind::cpu : RandomKind::cuda;
  return random;
}

}  // namespace

bool has_own_noise(const Request& request) {
  return request.noise == NoiseKind::per_sample || request.compat == CompatKind::a1111 ||
         request.subseed_strength != 0 || request.seed_resize != ImageSize();
}

uint64_t seed_of(const Request& request, uint64_t seed, int number) {
  const bool counts = has_own_noise(request) && request.subseed_strength == 0;
  return counts ? seed + static_cast<uint64_t>(number) : seed;
}

uint64_t subseed_of(const Request& request, int number) {
  return request.subseed + static_cast<uint64_t>(number);
}

NoiseSource::NoiseSource(const Request& request, uint64_t seed, const SamplerTable& table)
    : random_(request.random),
      of_steps_(random_of_steps(request, table)),
      ensd_(request.ensd),
      subseed_strength_(request.subseed_strength),
      seed_resize_(request.seed_resize),
      anew_(request.ensd != 0 || request.compat == CompatKind::comfy) {
  const int count = has_own_noise(request) ? request.samples : 1;
  for (int i = 0; i < count; ++i) {
    Stream& stream = streams_.emplace_back();
    stream.seed = seed_of(request, seed, i);
    stream.subseed = subseed_of(request, i);
    stream.generator = make_generator(random_, stream.seed);
    if (!table.brownian || table.draws.empty()) continue;
    const auto [low, high] = sigma_range(table);
    stream.path.emplace(of_steps_, stream.seed, low, high);
  }
}

void NoiseSource::begin(Stream& stream, std::span<float> values, const LatentShape& latent) const {
  const LatentShape inner{latent[0], seed_resize_.height / 8, seed_resize_.width / 8};
  const bool resized = seed_resize_ != ImageSize() && inner != latent;
  if (!resized && subseed_strength_ == 0) return stream.generator->randn(values);
  const LatentShape& shape = resized ? inner : latent;
  std::vector<float> noise = resized ? drawn(*make_generator(random_, stream.seed), shape)
                                     : drawn(*stream.generator, shape);
  if (subseed_strength_ != 0)
    go_towards(noise, drawn(*make_generator(random_, stream.subseed), shape), subseed_strength_,
               shape);
  if (!resized) return void(std::ranges::copy(noise, values.begin()));
  stream.generator->randn(values);
  put_in_the_middle(values, latent, noise, shape);
}

void NoiseSource::begin(std::span<float> values, const LatentShape& latent) {
  const size_t part = values.size() / streams_.size();
  for (size_t i = 0; i < streams_.size(); ++i) {
    Stream& stream = streams_[i];
    begin(stream, values.subspan(i * part, part), latent);
    if (anew_)
      stream.generator = make_generator(of_steps_, stream.seed + static_cast<uint64_t>(ensd_));
  }
}

void NoiseSource::draw_shared(std::span<float> values, int samples) {
  const size_t part = values.size() / static_cast<size_t>(samples);
  for (size_t i = 0; i < streams_.size(); ++i)
    streams_[i].generator->randn(values.subspan(i * part, part));
  for (size_t at = streams_.size() * part; at < values.size(); at += part)
    std::ranges::copy(values.first(part), values.begin() + static_cast<std::ptrdiff_t>(at));
}

void NoiseSource::draw(std::span<float> values, const SamplerTable::Draw& way) {
  const size_t part = values.size() / streams_.size();
  for (size_t i = 0; i < streams_.size(); ++i) {
    const auto own = values.subspan(i * part, part);
    if (streams_[i].path)
      streams_[i].path->noise(way.from, way.to, own);
    else
      streams_[i].generator->randn(own);
  }
}

}  // namespace drypoint
