#include "checkpoint/safetensors.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>

#include "checkpoint/formats.h"
#include "support/test_support.h"

namespace drypoint {
namespace {

using testing::fails_with;
using testing::TemporaryFolder;

std::string with_header(const std::string& header, size_t data) {
  std::string file;
  for (int i = 0; i < 8; ++i) file += static_cast<char>(header.size() >> 8 * i);
  return file + header + std::string(data, '\1');
}

NamedTensors read(const std::string& contents) {
  return read_safetensors({"x.safetensors", std::as_bytes(std::span(contents)), nullptr});
}

std::string entry(const std::string& dtype, const std::string& shape, const std::string& offsets) {
  return R"({"t":{"dtype":")" + dtype + R"(","shape":)" + shape + R"(,"data_offsets":)" + offsets +
         "}}";
}

TEST(Safetensors, WritesAndReadsBack) {
  TemporaryFolder folder;
  const auto path = folder / "a.safetensors";
  const Tensor a = make_tensor({2, 3}, std::vector<float>{1, 2, 3, 4, 5, 6});
  Tensor b({DType::i64, {1}});
  std::memset(b.mutable_bytes().data(), 7, 8);
  write_safetensors(path, {{"a", a}, {"b", b}, {"empty", Tensor({DType::f16, {0, 4}})}},
                    {{"who", "test"}});
  const auto file = read_tensor_file(path);
  EXPECT_EQ(file.format, "safetensors");
  EXPECT_EQ(file.tensors.metadata.at("who"), "test");
  ASSERT_EQ(file.tensors.tensors.size(), 3u);
  EXPECT_EQ(file.tensors.at("empty").shape(), (Shape{0, 4}));
  const Tensor& read_a = file.tensors.at("a");
  EXPECT_EQ(read_a.shape(), (Shape{2, 3}));
  EXPECT_TRUE(std::ranges::equal(read_a.to_f32().floats(), a.floats()));
  EXPECT_TRUE(std::ranges::equal(file.tensors.at("b").bytes(), b.bytes()));
  EXPECT_EQ(file.tensors.file_of(read_a), path.string());
  file.tensors.release_pages(read_a);  // the values are read again
  EXPECT_TRUE(std::ranges::equal(read_a.to_f32().floats(), a.floats()));
}

TEST(Safetensors, ReadsAGenuineFile) {
  const auto file = read_tensor_file(testing::tiny_control_path());
  EXPECT_EQ(file.tensors.tensors.size(), 338u);
  const Tensor& hint = file.tensors.at("control_model.input_hint_block.0.weight");
  EXPECT_EQ(hint.type(), (TensorType{DType::f16, {16, 3, 3, 3}}));
}

TEST(Safetensors, RefusesWhatIsMalformed) {
  const struct {
    std::string contents;
    std::vector<std::string> message;
  } cases[] = {
      {"abc", {"x.safetensors", "3 bytes"}},
      {with_header("{}", 0).substr(0, 8), {"2 bytes", "only 0"}},
      {std::string(8, '\xff') + "{}", {"18446744073709551615"}},
      {with_header("{\"a\":", 0), {"not JSON"}},
      {with_header("[1]", 0), {"not a JSON object"}},
      {with_header("{\"a\":" + std::string(1000, '[') + std::string(1000, ']') + "}", 0), {"deep"}},
      {with_header(R"({"t":3})", 0), {"tensor t", "not an object"}},
      {with_header(R"({"t":{"shape":[1],"data_offsets":[0,4]}})", 4), {"tensor t", "no dtype"}},
      {with_header(entry("F33", "[1]", "[0,4]"), 4), {"tensor t", "unknown dtype 'F33'"}},
      {with_header(entry("F32", "[-1]", "[0,4]"), 4), {"shape", "-1"}},
      {with_header(entry("F32", "[1.5]", "[0,4]"), 4), {"shape", "1.5"}},
      {with_header(entry("F32", "7", "[0,4]"), 4), {"shape", "not a list"}},
      {with_header(entry("F32", "[2]", "[0,4]"), 4), {"f32[2] needs 8 bytes", "hold 4"}},
      {with_header(entry("F32", "[1]", "[0,8]"), 4), {"data_offsets [0, 8]", "4 bytes"}},
      {with_header(entry("F32", "[1]", "[4,0]"), 4), {"data_offsets [4, 0]"}},
      {with_header(entry("F32", "[1]", "[-4,0]"), 4), {"data_offsets", "-4"}},
      {with_header(entry("F32", "[1]", "[0]"), 4), {"data_offsets [0]"}},
      {with_header(entry("F32", "[4294967296,4294967296]", "[0,0]"), 4), {"too large"}},
      {with_header(entry("F32", "[0,4294967296,4294967296]", "[0,0]"), 4), {"too large"}},
      {with_header(R"({"t":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},)"
                   R"("t":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}})",
                   2),
       {"tensor t appears twice"}},
      {with_header(R"({"a":{"dtype":"U8","shape":[3],"data_offsets":[0,3]},)"
                   R"("b":{"dtype":"U8","shape":[2],"data_offsets":[2,4]}})",
                   4),
       {"a and b overlap"}},
  };
  for (const auto& [contents, message] : cases) {
    for (const auto& part : message)
      EXPECT_TRUE(fails_with(ErrorKind::bad_file, {part}, [&] { read(contents); })) << contents;
  }
}

TEST(Safetensors, ForeignElementTypesMatterWhereTheyAreNeeded) {
  for (const char* type :
       {"F8_E5M2", "F8_E8M0", "F8_E4M3FNUZ", "F8_E5M2FNUZ", "F4", "U16", "U32", "U64"}) {
    const auto file = read(with_header(entry(type, "[1, 2]", "[0,2]"), 2));
    EXPECT_FALSE(file.has("t"));
    EXPECT_TRUE(fails_with(ErrorKind::unsupported, {"tensor t", std::string(type) + "[1, 2]"},
                           [&] { file.at("t"); }));
  }
}

TEST(Safetensors, FloatsOfEightBitsAreRead) {
  std::string text = with_header(entry("F8_E4M3", "[1, 3]", "[0,3]"), 0);
  text += {'\x38', '\xc4', '\x7e'};
  const Tensor values = read(text).at("t").to_f32();
  EXPECT_EQ(values.floats()[0], 1);
  EXPECT_EQ(values.floats()[1], -3);
  EXPECT_EQ(values.floats()[2], 448);
}

TEST(Safetensors, MetadataMayBeNull) {
  const auto file = read(with_header(
      R"({"__metadata__":null,"t":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}})", 1));
  EXPECT_TRUE(file.has("t"));
  EXPECT_TRUE(file.metadata.empty());
}

TEST(Safetensors, AFileCutShortIsToldAsSuch) {
  const std::string whole = with_header(entry("F32", "[2]", "[0,8]"), 8);
  EXPECT_TRUE(fails_with(ErrorKind::bad_file, {"cut short", "tensor t", "only 5 bytes", "download"},
                         [&] { read(whole.substr(0, whole.size() - 3)); }));
  EXPECT_TRUE(fails_with(ErrorKind::bad_file, {"only 12 follow", "download"},
                         [&] { read(whole.substr(0, 20)); }));
}

// Quadratic work would take hours here.
TEST(Safetensors, ManyTensors) {
  constexpr size_t count = 250'000;
  std::string header = "{";
  for (size_t i = 0; i < count; ++i)
    header += fmt::format(R"({}"t.{}":{{"dtype":"U8","shape":[1],"data_offsets":[{},{}]}})",
                          i ? "," : "", i, i, i + 1);
  EXPECT_EQ(read(with_header(header + "}", count)).tensors.size(), count);
}

TEST(Safetensors, ShapesOfMillionsOfNumbers) {
  std::string shape = "[1";
  for (int i = 0; i < 1'000'000; ++i) shape += ",1";
  EXPECT_TRUE(fails_with(ErrorKind::bad_file, {"tensor t", "shape has over 64 numbers"},
                         [&] { read(with_header(entry("F32", shape + "]", "[0,4]"), 4)); }));
}

// Whatever is in the header, what is said of it is short and can be shown.
TEST(Safetensors, MessagesHoldNoRawBytes) {
  const std::string name(100'000, 'a');
  for (const std::string& header :
       {"{\"" + name + "\xff\":3}", std::string("{\"t\xb4\":3}"), "{\"" + name + "\":3}"})
    try {
      read(with_header(header, 0));
      ADD_FAILURE() << "not refused";
    } catch (const Error& error) {
      const std::string message = error.what();
      EXPECT_LT(message.size(), 300u);
      EXPECT_TRUE(std::ranges::all_of(message, [](char c) { return c >= 0x20; })) << message;
    }
}

TEST(Safetensors, EveryTruncationIsRefused) {
  const std::string whole = with_header(entry("F32", "[2]", "[0,8]"), 8);
  EXPECT_EQ(read(whole).tensors.size(), 1u);
  for (size_t length = 0; length < whole.size(); ++length)
    EXPECT_TRUE(fails_with(ErrorKind::bad_file, {}, [&] { read(whole.substr(0, length)); }))
        << length;
}

TEST(Formats, SayWhatAFileIs) {
  TemporaryFolder folder;
  const auto refuses = [&](const std::string& contents, const std::string& message) {
    write_file(folder / "f", contents);
    return fails_with(ErrorKind::bad_file, {"/f", message},
                      [&] { read_tensor_file(folder / "f"); });
  };
  EXPECT_TRUE(refuses("", "is empty"));
  EXPECT_TRUE(refuses("version https://git-lfs.github.com/spec/v1\noid sha256:0", "Git LFS"));
  EXPECT_TRUE(refuses("<!DOCTYPE html>", "web page"));
  EXPECT_TRUE(refuses("GGML....", "GGML"));
  EXPECT_TRUE(refuses(std::string(5000, 'x'), "neither"));
}

TEST(CheckFinite, FindsTheFirstBadValue) {
  Tensor halves({DType::f16, {5000}});
  std::memset(halves.mutable_bytes().data(), 0x3c, 10000);
  check_finite("w", halves);
  halves.mutable_bytes()[2 * 4999 + 1] = std::byte{0x7c};
  EXPECT_TRUE(fails_with(ErrorKind::non_finite, {"tensor w", "4999", "f16[5000]"},
                         [&] { check_finite("w", halves); }));
  const Tensor floats = make_tensor({3}, std::vector<float>{1, -INFINITY, 3});
  EXPECT_TRUE(fails_with(ErrorKind::non_finite, {"value 1"}, [&] { check_finite("w", floats); }));
  Tensor brain({DType::bf16, {1}});
  brain.mutable_bytes()[0] = std::byte{0xc0}, brain.mutable_bytes()[1] = std::byte{0x7f};
  EXPECT_TRUE(fails_with(ErrorKind::non_finite, {"value 0"}, [&] { check_finite("w", brain); }));
}

}  // namespace
}  // namespace drypoint
