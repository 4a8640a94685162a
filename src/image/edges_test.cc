#include "drypoint/edges.h"

#include <cmath>
#include <cstdlib>
#include <limits>
#include <nlohmann/json.hpp>

#include "base/file.h"
#include "image/edge_checks.h"
#include "support/test_support.h"

namespace drypoint {
namespace {

using testing::data;
using testing::fails_with;

/// One run of the reference, made with OpenCV 5.0.
struct EdgeCase {
  std::string picture;
  int resolution = 0;
  double low = 0, high = 0;
  std::string edges, resized;
};

std::vector<EdgeCase> cases() {
  std::vector<EdgeCase> cases;
  for (const auto& c : nlohmann::json::parse(read_file(data("canny/cases.json")))) {
    const std::string picture = c.at("image");
    const int resolution = c.at("resolution");
    cases.push_back(
        {picture, resolution, c.at("low"), c.at("high"), c.at("edges"),
         picture.substr(0, picture.find('.')) + "_" + std::to_string(resolution) + "_resized.png"});
  }
  return cases;
}

Image picture(const std::string& relative) { return read_image(data(relative)).image; }

struct Count {
  size_t edges = 0, different = 0;
};

/// `actual` has one channel, the golden edges were read as three.
Count compare(const Image& actual, const Image& golden) {
  Count count;
  EXPECT_EQ(actual.channels, 1);
  if (actual.width != golden.width || actual.height != golden.height) return {1, 1'000'000};
  for (size_t i = 0; i < actual.pixels.size(); ++i) {
    count.edges += golden.pixels[3 * i] > 0;
    count.different += actual.pixels[i] != golden.pixels[3 * i];
  }
  return count;
}

TEST(Resize, IsWithinOneOfTheReference) {
  int compared = 0;
  for (const EdgeCase& c : cases()) {
    if (!std::filesystem::exists(data("canny/" + c.resized))) continue;  // at 512 only two are kept
    const Image actual = resize_for_control(picture("images/" + c.picture), c.resolution);
    const Image golden = picture("canny/" + c.resized);
    ASSERT_EQ(actual.width, golden.width) << c.resized;
    ASSERT_EQ(actual.height, golden.height) << c.resized;
    int worst = 0;
    for (size_t i = 0; i < golden.pixels.size(); ++i)
      worst = std::max(worst, std::abs(actual.pixels[i] - golden.pixels[i]));
    EXPECT_LE(worst, 1) << c.resized;
    ++compared;
  }
  EXPECT_EQ(compared, 14);
}

TEST(Canny, IsExactOnTheReferencesResizedPicture) {
  int compared = 0;
  for (const EdgeCase& c : cases()) {
    if (!std::filesystem::exists(data("canny/" + c.resized))) continue;
    const Count count = compare(canny_edges(picture("canny/" + c.resized), c.low, c.high),
                                picture("canny/" + c.edges));
    EXPECT_GT(count.edges, 1000u);
    EXPECT_EQ(count.different, 0u) << c.edges;
    ++compared;
  }
  EXPECT_EQ(compared, 14);
}

TEST(Edges, AgreeEndToEnd) {
  for (const EdgeCase& c : cases()) {
    const Image actual =
        control_edges(picture("images/" + c.picture), {c.resolution, c.low, c.high});
    const Count count = compare(actual, picture("canny/" + c.edges));
    EXPECT_LE(double(count.different), 0.005 * double(count.edges)) << c.edges;
  }
}

TEST(ControlSize, RoundsToMultiplesOf64WithTiesToEven) {
  EXPECT_EQ(control_size({512, 512}, 512), (ImageSize{512, 512}));
  EXPECT_EQ(control_size({744, 1052}, 256), (ImageSize{256, 384}));  // 361.98 / 64 = 5.66
  EXPECT_EQ(control_size({160, 100}, 100), (ImageSize{128, 128}));   // 2.5 and 1.56
  EXPECT_EQ(control_size({224, 100}, 100), (ImageSize{256, 128}));   // 3.5
  EXPECT_EQ(control_size({16, 16}, 64), (ImageSize{64, 64}));
  EXPECT_EQ(control_size({100, 1000}, 64), (ImageSize{64, 640}));
}

TEST(ControlSize, RefusesWhatIsOutOfRange) {
  for (const int resolution : {63, 4097, -1})
    EXPECT_TRUE(
        fails_with(ErrorKind::bad_argument, {"resolution", std::to_string(resolution)}, [&] {
          control_size({512, 512}, resolution);
        }));
  EXPECT_TRUE(fails_with(ErrorKind::bad_argument, {"6000000", "megapixels"}, [] {
    control_size({16, 6'000'000}, 64);
  }));
  EXPECT_TRUE(fails_with(ErrorKind::bad_argument, {"0x5"}, [] { control_size({0, 5}, 64); }));
}

TEST(Canny, RefusesThresholdsOutOfRange) {
  const Image image = picture("pictures/plain.png");
  const auto refused = [&](double low, double high, const std::string& part) {
    return fails_with(ErrorKind::bad_argument, {"threshold", part},
                      [&] { canny_edges(image, low, high); });
  };
  EXPECT_TRUE(refused(-1, 100, "low_threshold: -1"));
  EXPECT_TRUE(refused(0, 1001, "high_threshold: 1001"));
  EXPECT_TRUE(refused(200, 100, "at most high_threshold, 100"));
  EXPECT_TRUE(refused(std::numeric_limits<double>::quiet_NaN(), 100, "low"));
  EXPECT_TRUE(fails_with(ErrorKind::bad_argument, {"image"}, [] { canny_edges({}, 1, 2); }));
}

TEST(EdgeMap, PhotosAndInvertedMapsAreNoticed) {
  const Image photo = read_image(data("images/cat.png")).image;
  ASSERT_TRUE(edge_map_notice(photo));
  EXPECT_NE(edge_map_notice(photo)->find("as in a photo"), std::string::npos);
  Image edges = canny_edges(photo, 100, 200);
  EXPECT_FALSE(edge_map_notice(edges));
  // A lossy copy is one still.
  const std::string lossy = encode_image(edges, ImageFormat::jpeg);
  EXPECT_FALSE(edge_map_notice(read_image(std::as_bytes(std::span(lossy)), "x").image));
  for (uint8_t& value : edges.pixels) value = uint8_t(255 - value);
  ASSERT_TRUE(edge_map_notice(edges));
  EXPECT_NE(edge_map_notice(edges)->find("are white"), std::string::npos);
  EXPECT_FALSE(edge_map_notice({16, 16, 1, std::vector<uint8_t>(256)}));
}

TEST(Resize, ToASizeCutsTheMiddle) {
  Image image{12, 4, 1, std::vector<uint8_t>(48)};
  for (size_t i = 0; i < 48; ++i) image.pixels[i] = static_cast<uint8_t>(i % 12 * 10);
  const Image middle = resize_for_control(image, ImageSize{4, 4});
  EXPECT_EQ(middle.pixels,
            (std::vector<uint8_t>{40, 50, 60, 70, 40, 50, 60, 70, 40, 50, 60, 70, 40, 50, 60, 70}));
  const Image all = resize_for_control(image, ImageSize{6, 2});
  EXPECT_EQ(all.pixels, (std::vector<uint8_t>{5, 25, 45, 65, 85, 105, 5, 25, 45, 65, 85, 105}));
  EXPECT_EQ(resize_for_control(image, ImageSize{8, 64}).pixels.size(), 512u);
}

}  // namespace
}  // namespace drypoint
