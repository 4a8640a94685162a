#include <sys/resource.h>

#include <csignal>
#include <cstdlib>

#include "base/file.h"
#include "image/formats.h"
#include "support/test_support.h"

namespace drypoint {
namespace {

using testing::data;
using testing::fails_with;
using testing::TemporaryFolder;

Image photograph() { return read_image(data("pictures/plain.png")).image; }

Image read_back(const std::string& contents) {
  return read_image(std::as_bytes(std::span(contents)), "x").image;
}

/// The body of the first chunk of this type in a PNG, or "none".
std::string chunk_in(const std::string& file, const std::string& type) {
  const size_t at = file.find(type);
  if (at == std::string::npos) return "none";
  size_t length = 0;
  for (size_t i = at - 4; i < at; ++i) length = length << 8 | uint8_t(file[i]);
  return file.substr(at + 4, length);
}

double mean_difference(const Image& a, const Image& b) {
  double sum = 0;
  for (size_t i = 0; i < a.pixels.size(); ++i) sum += std::abs(a.pixels[i] - b.pixels[i]);
  return sum / double(a.pixels.size());
}

TEST(WritePng, ComesBackByteForByte) {
  const Image picture = photograph();
  EXPECT_EQ(read_back(encode_png(picture)), picture);
  const Image grey{16, 17, 1, std::vector<uint8_t>(16 * 17, 77)};
  EXPECT_EQ(read_back(encode_png(grey)).pixels, std::vector<uint8_t>(3 * 16 * 17, 77));
  EXPECT_EQ(encode_png(picture, {{"a", "b"}}), encode_png(picture, {{"a", "b"}}));
}

TEST(WritePng, TextIsLatin1WhereItCanBe) {
  const Image picture = photograph();
  EXPECT_EQ(chunk_in(encode_png(picture, {{"parameters", "caf\u00e9\nSteps: 1"}}), "tEXt"),
            std::string("parameters\0caf\xe9\nSteps: 1", 24));
  const std::string international = encode_png(picture, {{"parameters", "\u9ce5"}});
  EXPECT_EQ(chunk_in(international, "tEXt"), "none");
  EXPECT_EQ(chunk_in(international, "iTXt"), std::string("parameters\0\0\0\0\0", 15) + "\u9ce5");
  EXPECT_EQ(read_back(international), picture);
}

TEST(WritePng, RefusesTextThatPngCannotHold) {
  const auto refused = [](const std::string& keyword, const std::string& text) {
    return fails_with(ErrorKind::bad_argument, {"PNG text"}, [&] {
      encode_png(photograph(), {{keyword, text}});
    });
  };
  EXPECT_TRUE(refused("", "x"));
  EXPECT_TRUE(refused(std::string(80, 'k'), "x"));
  EXPECT_TRUE(refused("\u9ce5", "x"));
  EXPECT_TRUE(refused("key", "\xff\xfe"));
  EXPECT_TRUE(refused("key", std::string("a\0b", 3)));
}

TEST(WriteImage, TheExtensionChoosesTheFormat) {
  TemporaryFolder folder;
  const Image picture = photograph();
  const std::string settings = "a \u9ce5 \U0001f426\nSteps: 1";
  // "a 鳥 🐦" in UTF-16, big-endian
  const std::string comment("UNICODE\0\0a\0 \x9c\xe5\0 \xd8\x3d\xdc\x26\0\n", 22);
  for (const char* name : {"a.png", "a.jpg", "a.JPEG", "a.webp"}) {
    write_image(folder / name, picture, settings);
    const Image back = read_image(folder / name).image;
    ASSERT_EQ(back.width, picture.width) << name;
    EXPECT_LT(mean_difference(back, picture), 6) << name;
    const std::string file = read_file(folder / name);
    EXPECT_NE(file.find(name == std::string("a.png") ? settings : comment), std::string::npos)
        << name;
  }
  EXPECT_TRUE(read_file(folder / "a.JPEG").starts_with("\xff\xd8\xff"));
  EXPECT_EQ(read_file(folder / "a.webp").substr(8, 4), "WEBP");
  for (const char* name : {"a.gif", "a", "png", ".png", "a.png.txt"})
    EXPECT_TRUE(fails_with(ErrorKind::bad_argument, {name, "expected"},
                           [&] { write_image(folder / name, picture); }));
}

TEST(WriteImage, EveryFormatTakesGreyAndNoSettings) {
  const Image grey{16, 17, 1, std::vector<uint8_t>(16 * 17, 77)};
  for (const auto format : {ImageFormat::png, ImageFormat::jpeg, ImageFormat::webp}) {
    const Image back = read_back(encode_image(grey, format));
    ASSERT_EQ(back.height, 17);
    for (const uint8_t value : back.pixels) ASSERT_NEAR(value, 77, 1);
  }
}

TEST(WriteImage, SettingsTooLongForJpegAreCut) {
  const std::string settings(100'000, 's');
  for (const auto format : {ImageFormat::png, ImageFormat::jpeg, ImageFormat::webp})
    EXPECT_EQ(read_back(encode_image(photograph(), format, settings)).width, 40);
}

TEST(WriteImage, RefusesPicturesThatAreNone) {
  const auto refused = [](const Image& image) {
    return fails_with(ErrorKind::bad_argument, {"image", "expected"},
                      [&] { encode_image(image, ImageFormat::png); });
  };
  EXPECT_TRUE(refused({}));
  EXPECT_TRUE(refused({16, 16, 2, std::vector<uint8_t>(512)}));
  EXPECT_TRUE(refused({16, 16, 3, std::vector<uint8_t>(767)}));
  EXPECT_TRUE(refused({-16, -16, 3, std::vector<uint8_t>(768)}));
  EXPECT_TRUE(fails_with(ErrorKind::bad_argument, {"16383"}, [] {
    encode_image({20000, 1, 1, std::vector<uint8_t>(20000)}, ImageFormat::webp);
  }));
}

TEST(WriteImage, AFullDiskLeavesTheOldFile) {
  TemporaryFolder folder;
  write_image(folder / "a.png", photograph());
  const std::string before = read_file(folder / "a.png");
  rlimit old{};
  ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &old), 0);
  const rlimit small{1000, old.rlim_max};
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &small), 0);
  const auto result = fails_with(ErrorKind::write_failed, {"a.png"}, [&] {
    write_image(folder / "a.png", read_image(data("images/cat.png")).image);
  });
  setrlimit(RLIMIT_FSIZE, &old);
  std::signal(SIGXFSZ, handler);
  EXPECT_TRUE(result);
  EXPECT_EQ(read_file(folder / "a.png"), before);
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder.path()), {}), 1);
}

}  // namespace
}  // namespace drypoint
