#include <fmt/format.h>
#include <unistd.h>
#include <zlib.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>

#include <jpeglib.h>  // needs cstdio before it

#include "base/file.h"
#include "drypoint/image_stream.h"
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

struct FileCase {
  std::string file, expected;
  int tolerance;
  std::string notice;  // empty: none
};
void PrintTo(const FileCase& c, std::ostream* out) { *out << c.file; }

class ReadPicture : public ::testing::TestWithParam<FileCase> {};

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
        FileCase{"plain.png", "plain.png", 0, ""}, FileCase{"interlaced.png", "plain.png", 0, ""},
        FileCase{"grey.png", "grey.png", 0, ""}, FileCase{"one_bit.png", "one_bit.png", 0, ""},
        FileCase{"grey_alpha.png", "grey_alpha.png", 0, ""},
        FileCase{"rgba.png", "rgba.png", 0, ""},
        FileCase{"palette.png", "palette.png", 0, "palette"},
        FileCase{"palette_alpha.png", "palette_alpha.png", 0, "palette"},
        FileCase{"rgb16.png", "rgb16.png", 0, "16 bits"},
        FileCase{"grey16.png", "grey16.png", 0, "16 bits"},
        FileCase{"animated.png", "plain.png", 0, "animated"},
        FileCase{"orientation6.png", "plain.png", 0, ""}, FileCase{"plain.ppm", "plain.png", 0, ""},
        FileCase{"rgb16.ppm", "rgb16.png", 0, "16 bits"}, FileCase{"grey.pgm", "grey.png", 0, ""},
        FileCase{"lossless.webp", "plain.png", 0, ""}, FileCase{"rgba.webp", "rgba.png", 0, ""},
        FileCase{"lossy.webp", "lossy_webp.png", 1, ""},
        FileCase{"animated.webp", "plain.png", 0, "animated"},
        FileCase{"orientation5.webp", "plain.png", 0, ""},
        // Decoders of JPEG may round differently; the orientations are cut from lossy copies.
        FileCase{"plain.jpg", "jpg.png", 2, ""}, FileCase{"progressive.jpg", "jpg.png", 2, ""},
        FileCase{"grey.jpg", "grey_jpg.png", 2, ""}, FileCase{"cmyk.jpg", "cmyk.png", 2, "CMYK"},
        FileCase{"ycck.jpg", "ycck.png", 2, "CMYK"},
        FileCase{"orientation1.jpg", "plain.png", 8, ""},
        FileCase{"orientation2.jpg", "plain.png", 8, ""},
        FileCase{"orientation3.jpg", "plain.png", 8, ""},
        FileCase{"orientation4.jpg", "plain.png", 8, ""},
        FileCase{"orientation5.jpg", "plain.png", 8, ""},
        FileCase{"orientation6.jpg", "plain.png", 8, ""},
        FileCase{"orientation7.jpg", "plain.png", 8, ""},
        FileCase{"orientation8.jpg", "plain.png", 8, ""}));

/// How many bytes at a file's end may be lacking: a PNG's are the checksum of its last pixels'
/// chunk and the last chunk, a JPEG's its end mark.
size_t end_of(std::string_view name) {
  if (name.ends_with(".png")) return 4 + 12;
  return name == "plain.jpg" || name == "cmyk.jpg" ? 2 : 0;
}

TEST(ReadImage, RefusesEveryTruncatedFile) {
  for (const char* name :
       {"plain.png", "interlaced.png", "plain.jpg", "progressive.jpg", "cmyk.jpg", "plain.ppm",
        "lossless.webp", "lossy.webp", "rgba.webp", "animated.webp"}) {
    const std::string whole = file(name);
    for (size_t size = 0; size + end_of(name) < whole.size(); ++size)
      ASSERT_TRUE(refused({"x: "}, std::string_view(whole).substr(0, size)))
          << name << " cut to " << size;
  }
}

TEST(ReadImage, TakesPicturesThatLackNothingButTheirEnd) {
  for (const char* name : {"plain.png", "interlaced.png", "plain.jpg", "cmyk.jpg"}) {
    const std::string whole = file(name);
    const ReadImage expected = read_text(whole);
    for (size_t size = whole.size() - end_of(name); size < whole.size(); ++size) {
      const ReadImage read = read_text(std::string_view(whole).substr(0, size));
      EXPECT_EQ(read.image, expected.image) << name << " cut to " << size;
      ASSERT_EQ(read.notices.size(), expected.notices.size() + 1) << name << " cut to " << size;
      EXPECT_NE(std::ranges::find_if(
                    read.notices,
                    [](const auto& notice) { return notice.find("lacks its end") != notice.npos; }),
                read.notices.end());
    }
  }
  std::string damaged = file("plain.png");  // whole, but not what was written
  damaged[damaged.size() - 14] ^= 1;
  EXPECT_TRUE(refused({"damaged PNG"}, damaged));
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
  using std::string_view_literals::operator""sv;
  for (const auto& [bytes, what] : std::initializer_list<std::pair<std::string_view, std::string>>{
           {"\0\0\0\x0cjP  \r\n\x87\n"sv, "a JPEG 2000"},
           {"\xff\x4f\xff\x51"sv, "a JPEG 2000"},
           {"\0\0\1\0\1\0\x20\x20"sv, "an icon"},
           {"8BPS\0\1"sv, "a Photoshop"},
           {"\0\0\0\x18"
            "ftypheic"sv,
            "a HEIC"},
           {"\0\0\0\x18"
            "ftypmif1"sv,
            "a HEIF"},
           {"\0\0\0\x18"
            "ftypisom"sv,
            "a video"},
           {"MM\0*\0\0"sv, "a TIFF"},
           {"II+\0\x08"sv, "a BigTIFF"},
           {"II*\0\x10\0\0\0CR\2\0"sv, "a camera's raw picture (CR2)"},
           {"\xff\x0a\0"sv, "a JPEG XL"},
           {"\0\0\0\x0cJXL \r\n"sv, "a JPEG XL"},
           {"v/1\1\2"sv, "an OpenEXR"},
           {"#?RADIANCE\n"sv, "a Radiance HDR"},
           {"qoif\0\0"sv, "a QOI"},
           {"%PDF-1.7"sv, "a PDF"},
           {"<svg xmlns=\"http://www.w3.org/2000/svg\">"sv, "an SVG"},
           {"\xef\xbb\xbf<?xml version=\"1.0\"?>\n<!-- a -->\n<SVG>"sv, "an SVG"},
           {"<!DOCTYPE svg PUBLIC><svg>"sv, "an SVG"}})
    EXPECT_TRUE(
        refused({"is " + what, "expected PNG", "convert it to PNG"}, bytes, ErrorKind::unsupported))
        << what;
  EXPECT_TRUE(refused({"a web page", "the picture itself"}, "\n<!DocType HTML>\n<html>"));
  EXPECT_TRUE(refused({"a web page"}, "<HTML lang=en>"));
  EXPECT_TRUE(refused({"a pointer of Git LFS"}, "version https://git-lfs.github.com/spec/v1\n"));
  EXPECT_TRUE(refused({"beside a file"}, "\0\5\x16\7\0\2\0\0Mac OS X"sv));
  EXPECT_TRUE(refused({"no picture"}, "P8 16 16"));
  EXPECT_TRUE(refused({"no picture"}, "Plain text that begins with a P"));
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

/// A progressive JPEG of one grey pixel block in as many scans.
std::string many_scans(bool arithmetic, int scans, int width, int height) {
  jpeg_error_mgr errors;
  jpeg_compress_struct jpeg{};
  jpeg.err = jpeg_std_error(&errors);
  jpeg_create_compress(&jpeg);
  unsigned char* out = nullptr;
  unsigned long size = 0;  // NOLINT: libjpeg's type
  jpeg_mem_dest(&jpeg, &out, &size);
  jpeg.image_width = JDIMENSION(width), jpeg.image_height = JDIMENSION(height);
  jpeg.input_components = 1, jpeg.in_color_space = JCS_GRAYSCALE;
  jpeg_set_defaults(&jpeg);
  // The first coefficient, then each other in scans of its own, bit by bit.
  std::vector<jpeg_scan_info> script{{1, {0}, 0, 0, 0, 0}};
  for (int k = 1; k < 64 && int(script.size()) < scans; ++k)
    for (int bit = 3; bit >= 0 && int(script.size()) < scans; --bit)
      script.push_back({1, {0}, k, k, bit == 3 ? 0 : bit + 1, bit});
  jpeg.scan_info = script.data(), jpeg.num_scans = int(script.size());
  jpeg.arith_code = arithmetic;
  jpeg_start_compress(&jpeg, TRUE);
  std::vector<JSAMPLE> row(static_cast<size_t>(width));
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) row[size_t(x)] = JSAMPLE((x * 37 + y * 101 + x * y) & 0xff);
    JSAMPROW rows = row.data();
    jpeg_write_scanlines(&jpeg, &rows, 1);
  }
  jpeg_finish_compress(&jpeg);
  std::string file(reinterpret_cast<const char*>(out), size);
  jpeg_destroy_compress(&jpeg);
  std::free(out);
  return file;
}

TEST(ReadImage, ReadsArithmeticCodes) {
  EXPECT_EQ(read_text(many_scans(true, 99, 40, 48)).image,
            read_text(many_scans(false, 99, 40, 48)).image);
}

TEST(ReadImage, RefusesScansThatAreTooMuchWork) {
  // Of all but the first blocks there are no data: a kilobyte asks for 99 passes over 100
  // megapixels.
  std::string picture = many_scans(true, 99, 64, 64);
  const size_t frame = picture.find("\xff\xca");
  picture.replace(frame + 5, 4, big_endian(10000, 2) + big_endian(10000, 2));
  EXPECT_TRUE(refused({"too much work"}, picture));
}

TEST(ReadImage, NamesKindsOfJpegThatAreNotRead) {
  std::string picture = file("plain.jpg");
  picture[picture.find("\xff\xc0") + 1] = '\xc3';  // lossless
  EXPECT_TRUE(refused({"a kind that is not read", "convert it"}, picture, ErrorKind::unsupported));
}

TEST(ReadImage, PlainAndOtherNetpbm) {
  const auto pixels = [](std::string_view contents) { return read_text(contents).image.pixels; };
  std::string values, bits, packed, bytes;
  for (int i = 0; i < 16 * 17; ++i) {
    values += std::to_string(i % 256) + (i % 7 ? " " : "\n# a comment\n");
    bits += i % 3 ? '1' : '0';
    bytes += char(i % 256);
  }
  for (int i = 0; i < 16 * 17; i += 8) {
    int byte = 0;
    for (int bit = 0; bit < 8; ++bit) byte |= ((i + bit) % 3 ? 1 : 0) << (7 - bit);
    packed += char(byte);
  }
  const auto grey = pixels("P5 16 17 255\n" + bytes);
  EXPECT_EQ(grey[3 * 5], 5);
  EXPECT_EQ(pixels("P2 16 17 255\n" + values), grey);
  EXPECT_EQ(pixels("P2\n# one\n16#two\n17 255 " + values), grey);
  EXPECT_EQ(pixels("P1 16 17 " + bits), pixels("P4 16 17 " + packed));
  EXPECT_EQ(pixels("P1 16 17 " + bits)[0], 255);  // 0 is white
  EXPECT_EQ(pixels("P1 16 17 " + bits)[3], 0);
  const std::string pam = "P7\nWIDTH 16\nHEIGHT 17\n# a comment\n";
  EXPECT_EQ(pixels(pam + "DEPTH 1\nMAXVAL 255\nTUPLTYPE GRAYSCALE\nENDHDR\n" + bytes), grey);
  const Image photo = read_image(data("pictures/plain.png")).image;
  const std::string size = fmt::format(" {} {} ", photo.width, photo.height);
  std::string plain = "P3" + size + "510\n", rgb, rgba;
  for (size_t i = 0; i < photo.pixels.size(); ++i) {
    plain += std::to_string(2 * photo.pixels[i]) + "\t";
    rgb += char(photo.pixels[i]);
    rgba += char(photo.pixels[i]);
    if (i % 3 == 2) rgba += '\xff';
  }
  EXPECT_EQ(pixels(plain), photo.pixels);
  EXPECT_EQ(read_text(plain).notices.size(), 1u);
  const auto colour = [&](int depth, const std::string& contents) {
    return pixels(fmt::format("P7\nDEPTH {}\nMAXVAL 255\nWIDTH {}\nHEIGHT {}\nENDHDR\n{}", depth,
                              photo.width, photo.height, contents));
  };
  EXPECT_EQ(colour(3, rgb), photo.pixels);
  EXPECT_EQ(colour(4, rgba), photo.pixels);
  const auto alpha_of = [&](const std::string& contents) {
    return read_text(fmt::format("P7\nDEPTH 4\nMAXVAL 255\nWIDTH {}\nHEIGHT {}\nENDHDR\n{}",
                                 photo.width, photo.height, contents))
        .alpha;
  };
  EXPECT_TRUE(alpha_of(rgba).pixels.empty());  // all is opaque
  rgba[4 * 5 + 3] = 7;
  const Image alpha = alpha_of(rgba);
  EXPECT_EQ((ImageSize{alpha.width, alpha.height}), (ImageSize{photo.width, photo.height}));
  EXPECT_EQ(alpha.pixels[4], 255);
  EXPECT_EQ(alpha.pixels[5], 7);

  EXPECT_TRUE(refused({"truncated"}, "P2 16 17 255 1 2 3"));
  EXPECT_TRUE(refused({"truncated"}, "P1 16 17 " + bits.substr(1)));
  EXPECT_TRUE(refused({"truncated"}, "P4 16 17 " + packed.substr(1)));
  EXPECT_TRUE(refused({"PGM", "no number"}, "P2 16 17 255 x" + values));
  EXPECT_TRUE(refused({"PBM", "neither 0 nor 1"}, "P1 16 17 2" + bits));
  EXPECT_TRUE(refused({"100 megapixels"}, "P3 100000 100000 255 1"));
  EXPECT_TRUE(refused({"PAM", "no ENDHDR"}, pam));
  EXPECT_TRUE(
      refused({"depth 5"}, pam + "DEPTH 5\nMAXVAL 1\nENDHDR\n" + bytes, ErrorKind::unsupported));
  EXPECT_TRUE(refused({"PGM", "header"}, "P5 16 17 # " + std::string(1 << 20, '#')));
  EXPECT_TRUE(refused({"PBM", "header"}, "P4 16 17"));
}

TEST(ReadImage, RefusesMillionsOfChunks) {
  std::string picture = file("plain.png"), chunks;
  for (int i = 0; i < 1'100'000; ++i) chunks += std::string_view("\0\0\0\0teSt\0\0\0\0", 12);
  picture.insert(33, chunks);
  EXPECT_TRUE(refused({"1000000 chunks"}, picture));
}

TEST(ReadImage, OfAnAnimationReadsNoMoreThanTheFirstFrame) {
  std::string picture = file("animated.webp");
  const Image expected = read_text(picture).image;
  std::string frame = std::string("ANMF\x18\0\0\0", 8) + std::string(24, '\0'), frames;
  for (int i = 0; i < 100'000; ++i) frames += frame;
  picture += frames;
  const size_t size = picture.size() - 8;
  for (size_t i = 0; i < 4; ++i) picture[4 + i] = char(size >> (8 * i));
  EXPECT_EQ(read_text(picture).image, expected);
}

TEST(ReadImage, FromAPipe) {
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  const std::string picture = file("grey.png");  // fits into the pipe
  ASSERT_EQ(::write(ends[1], picture.data(), picture.size()), ssize_t(picture.size()));
  ::close(ends[1]);
  EXPECT_EQ(read_image(ends[0], "standard input").image, read_text(picture).image);
  EXPECT_TRUE(fails_with(ErrorKind::bad_file, {"standard input", "is empty"},
                         [&] { read_image(ends[0], "standard input"); }));
  ::close(ends[0]);
}

TEST(ReadImage, BoundsFilesBeforeItReadsThem) {
  TemporaryFolder folder;
  write_file(folder / "a.jpg", file("plain.jpg"));
  ASSERT_EQ(::truncate((folder / "a.jpg").c_str(), off_t{8} << 30), 0);  // sparse
  EXPECT_TRUE(fails_with(ErrorKind::bad_file, {"a.jpg", "has 8589934592 bytes"},
                         [&] { read_image(folder / "a.jpg"); }));
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
  // Counts entries that are not there, and many times over.
  std::string picture = file("plain.png"), chunks;
  const std::string block("MM\0*\0\0\0\x08\xff\xff", 10);
  for (int i = 0; i < 100'000; ++i) chunks += png_chunk("eXIf", block);
  picture.insert(33, chunks);
  EXPECT_EQ(read_text(picture).image, read_text(file("plain.png")).image);
}

TEST(ReadImage, SaysOnceThatAPictureIsAnimated) {
  std::string picture = file("animated.png");
  for (int i = 0; i < 1000; ++i)
    picture.insert(33, png_chunk("acTL", big_endian(1) + big_endian(0)));  // behind the header
  EXPECT_EQ(read_text(picture).notices.size(), 1u);
}

}  // namespace
}  // namespace drypoint
