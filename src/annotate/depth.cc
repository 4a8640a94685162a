#include "annotate/depth.h"

#include <algorithm>
#include <cmath>

#include "image/preprocess/pixels.h"
#include "image/resample_weights.h"
#include "image/resize_floats.h"

namespace drypoint {
namespace {

/// [from.height, from.width, channels] -> to, PyTorch's bicubic interpolation where each side's
/// scale is said: `scale` of results to one value.
std::vector<float> resize_cubic_by(std::span<const float> values, int channels, ImageSize from,
                                   ImageSize to, double across, double down) {
  const auto width = static_cast<size_t>(channels);
  std::vector<float> result;
  std::vector<float> sums(width);
  const auto place = [](int i, double scale) {
    const double at = (i + 0.5) / scale - 0.5;
    return std::pair(static_cast<int>(std::floor(at)), static_cast<float>(at - std::floor(at)));
  };
  for (int y = 0; y < to.height; ++y)
    for (int x = 0; x < to.width; ++x) {
      std::ranges::fill(sums, 0.0f);
      const auto [row, row_share] = place(y, down);
      const auto [column, column_share] = place(x, across);
      const auto rows = cubic_weights(row_share), columns = cubic_weights(column_share);
      for (int j = 0; j < 4; ++j)
        for (int i = 0; i < 4; ++i) {
          const int at_row = std::clamp(row - 1 + j, 0, from.height - 1);
          const int at_column = std::clamp(column - 1 + i, 0, from.width - 1);
          const float* own =
              &values[(static_cast<size_t>(at_row) * from.width + at_column) * width];
          const float share = rows[j] * columns[i];
          for (size_t c = 0; c < width; ++c) sums[c] += share * own[c];
        }
      result.insert(result.end(), sums.begin(), sums.end());
    }
  return result;
}

}  // namespace

NetworkInputs vit_positions(const NamedTensors& tensors, const std::string& prefix,
                            const VitConfig& config, ImageSize patches, PositionResize resize) {
  const Tensor classes = tensors.at(prefix + "cls_token").to_f32();
  const Tensor stored = tensors.at(prefix + "pos_embed").to_f32();
  const auto all = stored.floats();
  const auto width = static_cast<size_t>(config.width);
  std::vector<float> of_class(classes.floats().begin(), classes.floats().end());
  for (size_t c = 0; c < width; ++c) of_class[c] += all[c];
  const auto own = all.subspan(width);
  const ImageSize grid{static_cast<int>(config.grid), static_cast<int>(config.grid)};
  const int channels = static_cast<int>(config.width);
  std::vector<float> positions;
  if (patches == grid)
    positions.assign(own.begin(), own.end());
  else if (resize == PositionResize::bilinear)
    positions = resize_floats(own, channels, grid, patches, Interpolation::linear);
  else
    positions = resize_cubic_by(own, channels, grid, patches, (patches.width + 0.1) / grid.width,
                                (patches.height + 0.1) / grid.height);
  return {{"class_token", std::move(of_class)}, {"positions", std::move(positions)}};
}

Image depth_hint(std::span<const float> depth, ImageSize size) {
  const auto ends = std::ranges::minmax(depth);
  const float least = ends.min, range = ends.max - least;
  Image hint{size.width, size.height, 1, std::vector<uint8_t>(depth.size())};
  if (range > 0)
    std::ranges::transform(depth, hint.pixels.begin(),
                           [&](float value) { return truncated((value - least) / range * 255); });
  return hint;
}

}  // namespace drypoint
