#include "models/mlsd.h"

#include <algorithm>
#include <cmath>
#include <functional>

#include "annotate/lines.h"
#include "annotate/networks.h"
#include "image/pillow.h"
#include "image/preprocess/pixels.h"

namespace drypoint {
namespace {

constexpr size_t most_lines = 200;

/// In pixels.
struct StraightLine {
  int64_t x0, y0, x1, y1;
};

/// Moves an end of a line towards the other until it is inside [0, last] of one side, as OpenCV
/// does: what it moves along the other side is cut to whole pixels.
void pull_in(int64_t& along, int64_t& across, int64_t other_along, int64_t other_across,
             int64_t last) {
  const int64_t border = std::clamp<int64_t>(along, 0, last);
  if (border == along) return;
  const auto from_end = static_cast<double>(border - along);
  across += static_cast<int64_t>(from_end * static_cast<double>(other_across - across) /
                                 static_cast<double>(other_along - along));
  along = border;
}

/// False if nothing of the line is inside [0, right] x [0, bottom].
bool clip(StraightLine& line, int64_t right, int64_t bottom) {
  const auto is_beside = [](int64_t a, int64_t b, int64_t last) {
    return (a < 0 && b < 0) || (a > last && b > last);
  };
  auto& [x0, y0, x1, y1] = line;
  if (is_beside(x0, x1, right) || is_beside(y0, y1, bottom)) return false;
  pull_in(y0, x0, y1, x1, bottom);
  pull_in(y1, x1, y0, x0, bottom);
  if (is_beside(x0, x1, right)) return false;
  pull_in(x0, y0, x1, y1, right);
  pull_in(x1, y1, x0, y0, right);
  return !is_beside(y0, y1, bottom);
}

/// What the network says of each pixel of its results.
class LineMap {
 public:
  LineMap(ImageSize size, std::span<const float> values, size_t channels)
      : size_(size), values_(values), channels_(channels) {
    for (size_t i = channels; i <= values.size(); i += channels)
      scores_.push_back(sigmoid(values[i - 9]));
  }

  ImageSize size() const { return size_; }
  /// Of a line whose middle is there, where its ends are.
  const float* ends(int x, int y) const { return &values_[(pixel(x, y) + 1) * channels_ - 8]; }
  float score(int x, int y) const { return scores_[pixel(x, y)]; }
  bool is_peak(int x, int y) const {
    const float own = score(x, y);
    for (int j = std::max(y - 1, 0); j <= std::min(y + 1, size_.height - 1); ++j)
      for (int i = std::max(x - 1, 0); i <= std::min(x + 1, size_.width - 1); ++i)
        if (score(i, j) > own) return false;
    return true;
  }

 private:
  size_t pixel(int x, int y) const {
    return static_cast<size_t>(y) * static_cast<size_t>(size_.width) + static_cast<size_t>(x);
  }

  ImageSize size_;
  std::span<const float> values_;  // of each pixel the last nine: its score, its ends
  size_t channels_;
  std::vector<float> scores_;
};

/// In the picture, which is twice as large; far outside it does not matter where.
int64_t whole_pixel(int middle, float offset) {
  return static_cast<int64_t>(std::clamp(2 * (middle + double{offset}), -1e9, 1e9));
}

/// The likeliest, those at least so likely and so long, in pixels of the picture.
std::vector<StraightLine> lines_of(const LineMap& map, double least_score, double least_length) {
  struct Middle {
    int x, y;
    float score;
  };
  std::vector<Middle> middles;
  for (int y = 0; y < map.size().height; ++y)
    for (int x = 0; x < map.size().width; ++x)
      if (map.is_peak(x, y)) middles.push_back({x, y, map.score(x, y)});
  std::ranges::stable_sort(middles, std::greater(), &Middle::score);
  middles.resize(std::min(middles.size(), most_lines));
  std::vector<StraightLine> lines;
  for (const auto& [x, y, score] : middles) {
    const float* ends = map.ends(x, y);
    const double length = std::hypot(ends[0] - ends[2], ends[1] - ends[3]);
    if (score > least_score && length > least_length)
      lines.push_back({whole_pixel(x, ends[0]), whole_pixel(y, ends[1]), whole_pixel(x, ends[2]),
                       whole_pixel(y, ends[3])});
  }
  return lines;
}

void draw_line(Image& image, StraightLine line) {
  if (!clip(line, image.width - 1, image.height - 1)) return;
  const auto visit = [&](int x, int y) {
    image.pixels[static_cast<size_t>(y) * static_cast<size_t>(image.width) +
                 static_cast<size_t>(x)] = 255;
  };
  for_each_pixel_of_line(static_cast<int>(line.x0), static_cast<int>(line.y0),
                         static_cast<int>(line.x1), static_cast<int>(line.y1), visit);
}

class MlsdNetwork : public HintNetwork {
 public:
  explicit MlsdNetwork(MlsdFile file)
      : HintNetwork(std::move(file.tensors)), config_(std::move(file.config)) {}

  SizedGraph build(ImageSize seen) const override {
    return build_mlsd(config_, seen.height, seen.width);
  }
  /// With a fourth channel of ones, scaled as the others are.
  NetworkInputs inputs(const Image& picture, ImageSize /*seen*/) const override {
    const Image whole = as_rgb(picture);
    const auto scaled = [](float value) { return value * (1 / 127.5f) - 1; };
    std::vector<float> values(4 * pixels_of(whole), scaled(1));
    for (size_t i = 0; i < pixels_of(whole); ++i)
      for (size_t c = 0; c < 3; ++c) values[4 * i + c] = scaled(whole.pixels[3 * i + c]);
    return image_alone(std::move(values));
  }
  /// White on black.
  Image hint(const Image& picture, ImageSize seen, const Outputs& outputs,
             const PreprocessOptions& numbers) const override {
    const LineMap map{
        {seen.width / 2, seen.height / 2}, outputs("lines"), static_cast<size_t>(config_.results)};
    Image hint = grey_like(picture);
    for (const StraightLine& line : lines_of(map, *numbers.threshold_a, *numbers.threshold_b))
      draw_line(hint, line);
    return hint;
  }

 private:
  MlsdConfig config_;
};

}  // namespace

std::unique_ptr<HintNetwork> read_mlsd_network(const std::filesystem::path& file) {
  return std::make_unique<MlsdNetwork>(read_mlsd(file));
}

}  // namespace drypoint
