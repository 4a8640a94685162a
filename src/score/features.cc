#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "compile/compile.h"
#include "drypoint/score.h"
#include "models/inception.h"
#include "models/inception_weights.h"
#include "runtime/executor.h"

namespace drypoint {
namespace {

/// Two neighbours of a place between pixels, and the second one's share.
struct Place {
  int64_t first = 0, second = 0;
  float share = 0;

  Place(int64_t i, int64_t from, int64_t to) {
    const float scale = static_cast<float>(from) / static_cast<float>(to);
    const float at = std::max(scale * (static_cast<float>(i) + 0.5f) - 0.5f, 0.0f);
    first = std::min(static_cast<int64_t>(at), from - 1);
    second = std::min(first + 1, from - 1);
    share = at - static_cast<float>(first);
  }
};

/// Bytes [H, W, 1 or 3] -> [299, 299, 3], -1 to 1, as torch's interpolate(mode="bilinear",
/// align_corners=False) does it.
std::vector<float> resized(const Image& image) {
  std::vector<float> values(static_cast<size_t>(inception_side * inception_side * 3));
  float* out = values.data();
  for (int64_t y = 0; y < inception_side; ++y) {
    const Place row(y, image.height, inception_side);
    for (int64_t x = 0; x < inception_side; ++x) {
      const Place column(x, image.width, inception_side);
      for (int64_t c = 0; c < 3; ++c) {
        const auto pixel = [&](int64_t iy, int64_t ix) {
          const int64_t at = (iy * image.width + ix) * image.channels + c % image.channels;
          return static_cast<float>(image.pixels[static_cast<size_t>(at)]) / 255.0f;
        };
        const auto between = [&](int64_t iy) {
          return (1 - column.share) * pixel(iy, column.first) +
                 column.share * pixel(iy, column.second);
        };
        const float value = (1 - row.share) * between(row.first) + row.share * between(row.second);
        *out++ = 2 * value - 1;
      }
    }
  }
  return values;
}

}  // namespace

class FeatureNetwork::Implementation {
 public:
  explicit Implementation(const std::filesystem::path& weights)
      : weights_(read_inception(weights)),
        backend_(make_cpu_backend(0)),
        store_(weights_, *backend_),
        executor_(compile(build_inception(1)), *backend_, store_) {}

  std::vector<float> features(const Image& image) {
    executor_.set_input("image", resized(image));
    executor_.run(Rate::picture);
    const auto features = executor_.output("features");
    for (const float value : features)
      if (!std::isfinite(value))
        fail(ErrorKind::non_finite, "Inception network: the features hold NaN or infinity");
    return {features.begin(), features.end()};
  }

 private:
  NamedTensors weights_;
  std::unique_ptr<Backend> backend_;
  WeightStore store_;
  Executor executor_;
};

FeatureNetwork::FeatureNetwork(const std::filesystem::path& weights)
    : implementation_(
          at_border(weights.string(), [&] { return std::make_unique<Implementation>(weights); })) {}
FeatureNetwork::~FeatureNetwork() = default;
FeatureNetwork::FeatureNetwork(FeatureNetwork&&) noexcept = default;
FeatureNetwork& FeatureNetwork::operator=(FeatureNetwork&&) noexcept = default;

std::vector<float> FeatureNetwork::features(const Image& image) {
  return at_border("comparing pictures", [&] { return implementation_->features(image); });
}

double FeatureNetwork::distance(const Image& a, const Image& b) {
  const auto first = features(a), second = features(b);
  double squares = 0;
  for (size_t i = 0; i < first.size(); ++i)
    squares += (double{first[i]} - double{second[i]}) * (double{first[i]} - double{second[i]});
  return std::sqrt(squares);
}

}  // namespace drypoint
