#include "image/resize_floats.h"

#include <gtest/gtest.h>

#include <random>

namespace drypoint {
namespace {

std::vector<float> random_numbers(size_t count) {
  std::mt19937 engine(5);
  std::uniform_real_distribution<float> uniform(-1, 1);
  std::vector<float> all(count);
  for (float& one : all) one = uniform(engine);
  return all;
}

struct ResizeCase {
  ImageSize from, to;
  Interpolation interpolation;
};
constexpr ResizeCase resize_cases[] = {{{11, 7}, {30, 25}, Interpolation::lanczos},
                                       {{11, 7}, {30, 25}, Interpolation::cubic64},
                                       {{40, 33}, {9, 33}, Interpolation::area},
                                       {{12, 9}, {12, 9}, Interpolation::linear}};

TEST(ResizeFloats, OnePlaceAndSomePlacesAreAsInTheWhole) {
  constexpr int channels = 4;
  for (const auto& [from, to, interpolation] : resize_cases) {
    const auto values = random_numbers(size_t{channels} * from.width * from.height);
    const FloatResize resize(from, to, interpolation);
    const std::vector<float> whole = resize(values, channels);
    for (int y = 0; y < to.height; ++y)
      for (int x = 0; x < to.width; ++x)
        for (size_t c = 0; c < channels; ++c)
          ASSERT_EQ(resize.at(values, channels, c, x, y),
                    whole.at((static_cast<size_t>(y) * to.width + x) * channels + c));

    const std::span<const float> plane = std::span(values).first(values.size() / channels);
    const std::vector<float> whole_plane = resize(plane, 1);
    const std::vector<int> columns{8, 0, 3}, rows{6, 5, 8};
    const std::vector<float> some = resize.at(plane, columns, rows);
    for (size_t j = 0; j < rows.size(); ++j)
      for (size_t i = 0; i < columns.size(); ++i)
        EXPECT_EQ(some.at(j * columns.size() + i),
                  whole_plane.at(static_cast<size_t>(rows[j] * to.width + columns[i])));
  }
}

TEST(ResizeFloats, TheFirstPlacesAreAsInTheWhole) {
  const ImageSize from{11, 7}, to{30, 25}, part{20, 9};
  for (const int channels : {1, 3, 5}) {
    const auto values = random_numbers(static_cast<size_t>(channels * from.width * from.height));
    const FloatResize resize(from, to, Interpolation::lanczos);
    const auto whole = resize(values, channels), first = resize.first(values, channels, part);
    const int row = part.width * channels;
    for (int i = 0; i < part.height * row; ++i)
      ASSERT_EQ(first.at(static_cast<size_t>(i)),
                whole.at(static_cast<size_t>(i / row * to.width * channels + i % row)));
  }
}

TEST(ResizeFloats, TwiceIsOneAfterTheOther) {
  constexpr int channels = 5;
  const ImageSize from{6, 8}, large{48, 64}, to{13, 10};
  const auto values = random_numbers(size_t{channels} * from.width * from.height);
  const FloatResize enlarge(from, large, Interpolation::lanczos),
      shrink(large, to, Interpolation::area);
  EXPECT_EQ(resize_twice(values, channels, enlarge, shrink),
            shrink(enlarge(values, channels), channels));
}

}  // namespace
}  // namespace drypoint
