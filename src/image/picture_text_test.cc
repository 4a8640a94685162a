#include "drypoint/picture_text.h"

#include <zlib.h>

#include <nlohmann/json.hpp>

#include "base/file.h"
#include "drypoint/image.h"
#include "image/exif.h"
#include "support/test_support.h"

namespace drypoint {
namespace {

using testing::fails_with;

std::string recall_data(const char* name) {
  return read_file(testing::data(std::string("recall/") + name));
}
PictureText text_in(std::string_view file) {
  return read_picture_text(std::as_bytes(std::span(file)), "a.png");
}
const Image grey{16, 16, 1, std::vector<uint8_t>(256)};

TEST(PictureText, OfOtherToolsIsRead) {
  const std::string text = recall_data("web_ui.txt"), unicode = recall_data("unicode.txt");
  const std::pair<const char*, const std::string*> cases[] = {
      {"a1111.png", &text},         {"a1111_unicode.png", &unicode}, {"a1111_ztxt.png", &text},
      {"a1111_itxt.png", &unicode}, {"a1111.jpg", &unicode},         {"a1111.webp", &unicode}};
  for (const auto& [name, expected] : cases) {
    const PictureText found = read_picture_text(testing::data(std::string("recall/") + name));
    EXPECT_EQ(found.parameters, *expected) << name;
    EXPECT_EQ(found.graph, "") << name;
  }
  using nlohmann::json;
  for (const char* name : {"comfy.png", "comfy.webp"}) {
    const PictureText found = read_picture_text(testing::data(std::string("recall/") + name));
    EXPECT_EQ(found.parameters, "") << name;
    EXPECT_EQ(json::parse(found.graph), json::parse(recall_data("comfy.json"))) << name;
  }
}

TEST(PictureText, ComesBackAsItWasWritten) {
  for (const std::string text : {"a cat\nSteps: 1", "\u00fcber \u9ce5 \U0001F426", ""})
    for (const ImageFormat format : {ImageFormat::png, ImageFormat::jpeg, ImageFormat::webp})
      EXPECT_EQ(text_in(encode_image(grey, format, text)), (PictureText{text, ""})) << text;
  EXPECT_EQ(text_in(encode_png(grey, {{"prompt", "{}"}, {"parameters", "a"}, {"else", "b"}})),
            (PictureText{"a", "{}"}));
  EXPECT_EQ(text_in("P5 16 16 255 "), PictureText());
}

TEST(PictureText, InEitherOrderOfBytes) {
  std::string big = exif_comment("a b");
  EXPECT_EQ(exif_text(big).comment, "a b");
  for (size_t i = 52; i + 1 < big.size(); i += 2) std::swap(big[i], big[i + 1]);
  EXPECT_EQ(exif_text(big).comment, "a b");  // of a big-endian block, as some tools write it
  for (size_t size = 0; size < big.size(); ++size)
    exif_text(std::string_view(big).substr(0, size));  // damaged ones are no harm
}

std::string chunk(std::string_view type, const std::string& body) {
  std::string all(4, '\0');
  for (size_t i = 0; i < 4; ++i) all[i] = static_cast<char>(body.size() >> (24 - 8 * i));
  const std::string checked = std::string(type) + body;
  const uLong crc =
      crc32(0, reinterpret_cast<const Bytef*>(checked.data()), static_cast<uInt>(checked.size()));
  all += checked;
  for (size_t i = 0; i < 4; ++i) all += static_cast<char>(crc >> (24 - 8 * i));
  return all;
}

TEST(PictureText, OfHostileFilesIsRefused) {
  const std::string signature = "\x89PNG\r\n\x1a\n";
  const auto refused = [&](const std::string& chunks, const char* part) {
    return fails_with(ErrorKind::bad_file, {"a.png", part}, [&] { text_in(signature + chunks); });
  };
  std::string packed(1 << 20, '\0');
  const std::string zeros(100 << 20, '\0');
  uLongf size = packed.size();
  compress(reinterpret_cast<Bytef*>(packed.data()), &size,
           reinterpret_cast<const Bytef*>(zeros.data()), zeros.size());
  packed.resize(size);
  const std::string key("parameters\0", 11);
  EXPECT_TRUE(refused(chunk("zTXt", key + std::string(1, '\0') + packed), "over 16 MiB"));
  EXPECT_TRUE(refused(chunk("zTXt", key + std::string(1, '\0') + "xx"), "damaged"));
  EXPECT_TRUE(
      refused(chunk("zTXt", key + std::string(1, '\0') + packed.substr(0, 100)), "damaged"));
  EXPECT_TRUE(refused(chunk("zTXt", key), "damaged"));
  EXPECT_TRUE(refused(chunk("iTXt", key + "\1"), "damaged"));
  EXPECT_TRUE(refused(chunk("iTXt", key + std::string(2, '\0') + "en"), "damaged"));
  EXPECT_TRUE(refused(chunk("tEXt", key + std::string(17 << 20, 'a')), "over 16 MiB"));
  std::string wrong = chunk("tEXt", key + "a cat");
  wrong[20] = 'b';
  EXPECT_TRUE(refused(wrong, "damaged"));
  EXPECT_EQ(text_in(signature + "\xff\xff\xff\xfftEXt"), PictureText());
  EXPECT_EQ(text_in(signature), PictureText());
  EXPECT_TRUE(fails_with(ErrorKind::unsupported, {"a.png", "GIF"}, [] { text_in("GIF89a"); }));
  EXPECT_TRUE(fails_with(ErrorKind::bad_file, {"none.png"},
                         [] { read_picture_text(std::filesystem::path("none.png")); }));
}

}  // namespace
}  // namespace drypoint
