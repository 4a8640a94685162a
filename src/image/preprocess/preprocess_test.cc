// Hints against those of sd-webui-controlnet's formulas (tests/golden/preprocess.py).
#include "drypoint/preprocess.h"

#include <cmath>

#include "support/test_support.h"

namespace drypoint {
namespace {

using testing::fails_with;

Image golden_hint(const std::string& name) {
  return read_image(testing::data("preprocess/" + name + ".png")).image;
}

struct HintCase {
  std::string name;
  PreprocessOptions options;
  /// Values that may be off by more than one, as a share: where OpenCV's fixed-point numbers, or
  /// thresholds that they decide, differ.
  double share = 0;
};

class Hints : public ::testing::TestWithParam<HintCase> {};

TEST_P(Hints, AreTheWebUis) {
  const auto& [name, options, share] = GetParam();
  const Image picture = golden_hint("picture"), expected = golden_hint(name);
  const Image hint = preprocess(preprocessor_named(name), picture, options);
  ASSERT_EQ(hint.width, expected.width);
  ASSERT_EQ(hint.height, expected.height);
  size_t off = 0;
  for (size_t i = 0; i < expected.pixels.size(); ++i) {
    const size_t at = hint.channels == 1 ? i / 3 : i;
    off += std::abs(hint.pixels[at] - expected.pixels[i]) > 1;
  }
  EXPECT_LE(static_cast<double>(off), share * static_cast<double>(expected.pixels.size()));
  RecordProperty("off", static_cast<int>(off));
}

INSTANTIATE_TEST_SUITE_P(
    Kinds, Hints,
    ::testing::Values(HintCase{"invert", {}}, HintCase{"threshold", {}},
                      HintCase{"scribble_xdog", {}, 0.001}, HintCase{"lineart_standard", {}},
                      HintCase{"blur_gaussian", {}},
                      HintCase{"tile_resample", {.threshold_a = 2.5}},
                      HintCase{"recolor_luminance", {.threshold_a = 1.3}, 0.01},
                      HintCase{"recolor_intensity", {}}, HintCase{"shuffle", {.seed = 7}, 0.001}),
    [](const auto& hint) { return hint.param.name; });

TEST(Preprocess, BlursToTheLastBitAsOpenCvDoes) {
  EXPECT_EQ(preprocess(preprocessor_named("blur_gaussian"), golden_hint("picture")).pixels,
            golden_hint("blur_gaussian").pixels);
}

TEST(Preprocess, KeepsThePicturesSize) {
  const Image picture{19, 16, 3, std::vector<uint8_t>(19 * 16 * 3, 200)};
  PreprocessOptions options;
  options.mask = {19, 16, 1, std::vector<uint8_t>(19 * 16)};
  for (const Preprocessor& kind : preprocessors()) {
    if (kind.is_network()) {
      EXPECT_TRUE(testing::fails_with(ErrorKind::bad_argument, {kind.name.data(), "is a network"},
                                      [&] { preprocess(kind, picture, options); }));
      continue;
    }
    const Image hint = preprocess(kind, picture, options);
    EXPECT_EQ(hint.width, 19) << kind.name;
    EXPECT_EQ(hint.height, 16) << kind.name;
    EXPECT_EQ(hint.pixels.size(), size_t{19 * 16} * hint.channels) << kind.name;
  }
}

TEST(Preprocess, RefusesWhatItDoesNotTake) {
  const Image picture{16, 16, 1, std::vector<uint8_t>(256)};
  EXPECT_TRUE(fails_with(ErrorKind::bad_argument, {"\"cany\"", "is it canny?"},
                         [] { preprocessor_named("cany"); }));
  EXPECT_TRUE(fails_with(ErrorKind::bad_argument, {"threshold_a: 300", "0 to 255"}, [&] {
    preprocess(preprocessor_named("threshold"), picture, {.threshold_a = 300});
  }));
  EXPECT_TRUE(fails_with(ErrorKind::bad_argument, {"threshold_b: 3", "takes none"}, [&] {
    preprocess(preprocessor_named("threshold"), picture, {.threshold_b = 3});
  }));
  EXPECT_TRUE(fails_with(ErrorKind::bad_argument, {"mask: none"},
                         [&] { preprocess(preprocessor_named("inpaint"), picture); }));
}

TEST(Resize, FillsWithTheBordersColour) {
  const Image filled = resize_for_control(golden_hint("picture"), {128, 128}, ResizeMode::fill);
  EXPECT_EQ(filled, golden_hint("fill"));
  const ImageSize large{200, 160};
  EXPECT_EQ(resize_for_control(golden_hint("picture"), large, ResizeMode::fill),
            golden_hint("fill_larger"));
  Image few = golden_hint("picture");
  for (uint8_t& value : few.pixels) value = static_cast<uint8_t>(value / 85 * 85);
  EXPECT_EQ(resize_for_control(few, large, ResizeMode::fill), golden_hint("fill_few_colours"));
}

TEST(Resize, StretchesOrCuts) {
  const Image picture{40, 20, 1, std::vector<uint8_t>(800, 7)};
  for (const ResizeMode mode : {ResizeMode::stretch, ResizeMode::crop, ResizeMode::fill}) {
    const Image resized = resize_for_control(picture, {16, 24}, mode);
    EXPECT_EQ(resized, (Image{16, 24, 1, std::vector<uint8_t>(16 * 24, 7)}));
  }
}

}  // namespace
}  // namespace drypoint
