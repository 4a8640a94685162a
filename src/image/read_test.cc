#include <zlib.h>

#include <cstdlib>

#include "base/file.h"
#include "image/exif.h"
#include "image/formats.h"
#include "support/test_support.h"

namespace drypoint {
namespace {

using testing::data;
using testing::fails_with;
using testing::TemporaryFolder;

std::string file(const std::string& name) { return read_file(data("pictures/" + name)); }

ReadImage read_text(std::string_view contents) {
  return read_image(std::as_bytes(std::span(contents)), "x");
}

::testing::AssertionResult refused(std::initializer_list<std::string> parts,
                                   std::string_view contents,
                                   ErrorKind kind = ErrorKind::bad_file) {
  return fails_with(kind, parts, [&] { read_text(contents); });
}

std::string big_endian(uint32_t value, int width = 4) {
  std::string out;
  for (int shift = 8 * (width - 1); shift >= 0; shift -= 8) out.push_back(char(value >> shift));
  return out;
}

std::string png_chunk(const std::string& type, const std::string& body) {
  const std::string checked = type + body;
  const uLong sum = crc32(0, reinterpret_cast<const Bytef*>(checked.data()), uInt(checked.size()));
  return big_endian(uint32_t(body.size())) + checked + big_endian(uint32_t(sum));
}

/// `picture` with another size in its header.
std::string png_of_size(std::string picture, uint32_t width, uint32_t height) {
  const std::string body = big_endian(width) + big_endian(height) + picture.substr(24, 5);
  return picture.replace(8, 25, png_chunk("IHDR", body));
}

std::string jpeg_of_size(std::string picture, uint32_t width, uint32_t height) {
  const size_t frame = picture.find("\xff\xc0");
  return picture.replace(frame + 5, 4, big_endian(height, 2) + big_endian(width, 2));
}

struct Case {
  std::string file, expected;
  int tolerance;
  std::string notice;  // empty: none
};
void PrintTo(const Case& c, std::ostream* out) { *out << c.file; }

class ReadPicture : public ::testing::TestWithParam<Case> {};

// The expected pictures were decoded by Pillow, and composed over white as the reference does.
TEST_P(ReadPicture, GivesTheReferencesPixels) {
  const auto& [name, expected_name, tolerance, notice] = GetParam();
  const ReadImage read = read_image(data("pictures/" + name));
  const Image expected = read_image(data("pictures/expected/" + expected_name)).image;
  ASSERT_EQ(read.image.width, expected.width);
  ASSERT_EQ(read.image.height, expected.height);
  ASSERT_EQ(read.image.channels, 3);
  ASSERT_EQ(read.image.pixels.size(), expected.pixels.size());
  int worst = 0;
  for (size_t i = 0; i < expected.pixels.size(); ++i)
    worst = std::max(worst, std::abs(read.image.pixels[i] - expected.pixels[i]));
  EXPECT_LE(worst, tolerance);
  ASSERT_EQ(read.notices.size(), notice.empty() ? 0u : 1u);
  if (!notice.empty()) {
    EXPECT_NE(read.notices[0].find(notice), std::string::npos) << read.notices[0];
    EXPECT_NE(read.notices[0].find(name), std::string::npos) << read.notices[0];
  }
}

INSTANTIATE_TEST_SUITE_P(
    All, ReadPicture,
    ::testing::Values(
        Case{"plain.png", "plain.png", 0, ""}, Case{"interlaced.png", "plain.png", 0, ""},
        Case{"grey.png", "grey.png", 0, ""}, Case{"one_bit.png", "one_bit.png", 0, ""},
        Case{"grey_alpha.png", "grey_alpha.png", 0, ""}, Case{"rgba.png", "rgba.png", 0, ""},
        Case{"palette.png", "palette.png", 0, "palette"},
        Case{"palette_alpha.png", "palette_alpha.png", 0, "palette"},
        Case{"rgb16.png", "rgb16.png", 0, "16 bits"},
        Case{"grey16.png", "grey16.png", 0, "16 bits"},
        Case{"animated.png", "plain.png", 0, "animated"},
        Case{"orientation6.png", "plain.png", 0, ""}, Case{"plain.ppm", "plain.png", 0, ""},
        Case{"rgb16.ppm", "rgb16.png", 0, "16 bits"}, Case{"grey.pgm", "grey.png", 0, ""},
        Case{"lossless.webp", "plain.png", 0, ""}, Case{"rgba.webp", "rgba.png", 0, ""},
        Case{"lossy.webp", "lossy_webp.png", 1, ""},
        Case{"animated.webp", "plain.png", 0, "animated"},
        Case{"orientation5.webp", "plain.png", 0, ""},
        // Decoders of JPEG may round differently; the orientations are cut from lossy copies.
        Case{"plain.jpg", "jpg.png", 2, ""}, Case{"progressive.jpg", "jpg.png", 2, ""},
        Case{"grey.jpg", "grey_jpg.png", 2, ""}, Case{"cmyk.jpg", "cmyk.png", 2, "CMYK"},
        Case{"ycck.jpg", "ycck.png", 2, "CMYK"}, Case{"orientation1.jpg", "plain.png", 8, ""},
        Case{"orientation2.jpg", "plain.png", 8, ""}, Case{"orientation3.jpg", "plain.png", 8, ""},
        Case{"orientation4.jpg", "plain.png", 8, ""}, Case{"orientation5.jpg", "plain.png", 8, ""},
        Case{"orientation6.jpg", "plain.png", 8, ""}, Case{"orientation7.jpg", "plain.png", 8, ""},
        Case{"orientation8.jpg", "plain.png", 8, ""}));

TEST(ReadImage, RefusesEveryTruncatedFile) {
  for (const char* name :
       {"plain.png", "interlaced.png", "plain.jpg", "progressive.jpg", "cmyk.jpg", "plain.ppm",
        "lossless.webp", "lossy.webp", "rgba.webp", "animated.webp"}) {
    const std::string whole = file(name);
    // The last two bytes of a JPEG are only its end mark.
    for (size_t size = 0; size < whole.size() - 2; ++size)
      ASSERT_TRUE(refused({"x: "}, std::string_view(whole).substr(0, size)))
          << name << " cut to " << size;
  }
}

TEST(ReadImage, NamesWhatIsWrong) {
  EXPECT_TRUE(
      fails_with(ErrorKind::bad_file, {"none.png"}, [] { read_image(data("pictures/none.png")); }));
  EXPECT_TRUE(fails_with(ErrorKind::bad_file, {"small.png", "40x15", "at least 16"},
                         [] { read_image(data("pictures/small.png")); }));
  EXPECT_TRUE(refused({"x", "empty"}, ""));
  EXPECT_TRUE(refused({"x", "no picture", "PNG"}, "hello"));
  EXPECT_TRUE(refused({"is a GIF", "expected PNG"}, file("plain.gif"), ErrorKind::unsupported));
  EXPECT_TRUE(refused({"is a BMP"}, file("plain.bmp"), ErrorKind::unsupported));
  std::string editor = file("plain.bmp");
  editor[6] = 'x';  // a program's own
  EXPECT_TRUE(refused({"is a BMP"}, editor, ErrorKind::unsupported));
  EXPECT_TRUE(refused({"is an AVIF picture"}, "----ftypavif", ErrorKind::unsupported));
  EXPECT_TRUE(refused({"is a TIFF"}, file("plain.tiff"), ErrorKind::unsupported));
  std::string damaged = file("plain.png");
  damaged[damaged.size() / 2] ^= 1;
  EXPECT_TRUE(refused({"damaged PNG"}, damaged));
  EXPECT_TRUE(refused({"damaged JPEG"}, "\xff\xd8\xff\xe0 and then nothing of the kind"));
}

TEST(ReadImage, RefusesSizesBeforeItMakesRoomForThem) {
  const std::string png = file("plain.png"), jpeg = file("plain.jpg");
  EXPECT_TRUE(refused({"20000x6000", "100 megapixels"}, png_of_size(png, 20000, 6000)));
  EXPECT_TRUE(refused({"megapixels"}, png_of_size(png, 0x7fffffff, 0x7fffffff)));
  EXPECT_TRUE(refused({"20000x6000", "100 megapixels"}, jpeg_of_size(jpeg, 20000, 6000)));
  EXPECT_TRUE(refused({"megapixels"}, "P6 4294967297 4294967297 255 "));
  EXPECT_TRUE(refused({"40x8"}, jpeg_of_size(jpeg, 40, 8)));
  std::string webp = file("lossy.webp");
  webp.replace(26, 4, "\xff\x3f\xff\x3f");
  EXPECT_TRUE(refused({"16383x16383", "megapixels"}, webp));
}

TEST(ReadImage, RefusesFilesTooSmallForTheSizeTheyClaim) {
  EXPECT_TRUE(refused({"9000x9000", "can hold"}, png_of_size(file("plain.png"), 9000, 9000)));
  EXPECT_TRUE(refused({"9000x9000", "can hold"}, jpeg_of_size(file("plain.jpg"), 9000, 9000)));
  EXPECT_TRUE(refused({"damaged"}, png_of_size(file("plain.png"), 40, 48)));
  EXPECT_TRUE(refused({"damaged"}, jpeg_of_size(file("plain.jpg"), 40, 48)));
  EXPECT_TRUE(refused({"truncated"}, "P5 9000 9000 255 abc"));
  std::string webp = file("lossy.webp");
  webp.replace(26, 4, "\x28\x20\x28\x20", 4);
  EXPECT_TRUE(refused({"damaged WebP"}, webp));
}

TEST(ReadImage, LeavesCompressedTextPacked) {
  // 64 MiB of text in 64 KiB: the picture is read, the text is not.
  std::string packed(1 << 18, '\0');
  const std::string text(64 << 20, 'a');
  uLongf size = packed.size();
  ASSERT_EQ(compress2(reinterpret_cast<Bytef*>(packed.data()), &size,
                      reinterpret_cast<const Bytef*>(text.data()), text.size(), 9),
            Z_OK);
  packed.resize(size);
  std::string picture = file("plain.png");
  picture.insert(33, png_chunk("zTXt", std::string("key\0\0", 5) + packed));
  EXPECT_EQ(read_text(picture).image, read_text(file("plain.png")).image);
}

TEST(ReadImage, RefusesProgressivePicturesOfEndlessScans) {
  std::string picture = file("progressive.jpg");
  // The second scan, again and again: from its start to the tables of the third.
  const size_t scan = picture.find("\xff\xda", picture.find("\xff\xda") + 2);
  const size_t end = picture.find("\xff\xc4", scan);
  ASSERT_NE(end, std::string::npos);
  const std::string again = picture.substr(scan, end - scan);
  picture.insert(end, again);
  EXPECT_EQ(read_text(picture).image, read_text(file("progressive.jpg")).image);
  for (int i = 0; i < 100; ++i) picture.insert(end, again);
  EXPECT_TRUE(refused({"100 scans"}, picture));
}

TEST(Exif, OrientationInBothByteOrders) {
  const std::string little("II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\0\0\0\0", 26);
  const std::string big("MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x08\0\0\0\0\0\0", 26);
  EXPECT_EQ(exif_orientation(little), 6);
  EXPECT_EQ(exif_orientation(big), 8);
  EXPECT_EQ(exif_orientation(std::string("Exif\0\0", 6) + big), 8);
}

TEST(Exif, DamagedBlocksHaveNone) {
  const std::string big("MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x09\0\0\0\0\0\0", 26);
  EXPECT_EQ(exif_orientation(big), 1);  // 9 is none
  for (size_t size = 0; size < big.size(); ++size)
    EXPECT_EQ(exif_orientation(std::string_view(big).substr(0, size)), 1);
  EXPECT_EQ(exif_orientation(std::string_view("II*\0\xff\xff\xff\xff", 8)), 1);
}

TEST(ReadImage, SaysOnceThatAPictureIsAnimated) {
  std::string picture = file("animated.png");
  for (int i = 0; i < 1000; ++i)
    picture.insert(33, png_chunk("acTL", big_endian(1) + big_endian(0)));  // behind the header
  EXPECT_EQ(read_text(picture).notices.size(), 1u);
}

}  // namespace
}  // namespace drypoint
