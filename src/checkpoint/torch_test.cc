#include <algorithm>
#include <cstring>
#include <numeric>

#include "checkpoint/formats.h"
#include "checkpoint/torch_legacy.h"
#include "checkpoint/torch_zip.h"
#include "checkpoint/zip.h"
#include "support/test_support.h"

namespace drypoint {
namespace {

using testing::fails_with;

std::string contents(const std::string& name) {
  return read_file(testing::data("checkpoint/" + name));
}

NamedTensors read_torch(const std::string& bytes) {
  const FileBytes file{"f.pt", std::as_bytes(std::span(bytes)), nullptr};
  return is_zip(file.bytes) ? read_torch_zip(file) : read_torch_legacy(file);
}

std::vector<float> values(const NamedTensors& file, const std::string& name) {
  const Tensor f32 = file.at(name).to_f32();
  return {f32.floats().begin(), f32.floats().end()};
}

class TorchFile : public ::testing::TestWithParam<std::string> {};

TEST_P(TorchFile, HoldsWhatPyTorchSaved) {
  const auto file = read_tensor_file(testing::data("checkpoint/" + GetParam())).tensors;
  std::vector<float> range(24);
  std::iota(range.begin(), range.end(), 0.f);
  EXPECT_EQ(values(file, "same"), range);
  EXPECT_EQ(values(file, "row"), std::vector<float>(range.begin() + 12, range.end()));
  EXPECT_EQ(values(file, "strided"), (std::vector<float>{4, 6, 8, 10, 16, 18, 20, 22}));
  EXPECT_EQ(file.at("strided").shape(), (Shape{2, 2, 2}));
  const auto transposed = values(file, "transposed");  // [4, 2, 3]
  EXPECT_EQ(file.at("transposed").shape(), (Shape{4, 2, 3}));
  for (int i = 0; i < 4; ++i)
    for (int j = 0; j < 2; ++j)
      for (int k = 0; k < 3; ++k)
        EXPECT_EQ(transposed[(i * 2 + j) * 3 + k], range[(j * 3 + k) * 4 + i]);
  EXPECT_EQ(values(file, "parameter"), (std::vector<float>{1.5, -2.5}));
  EXPECT_EQ(values(file, "expanded"), (std::vector<float>{3, 3, 3, 3}));
  EXPECT_EQ(values(file, "scalar"), (std::vector<float>{2.25}));
  EXPECT_EQ(file.at("scalar").shape(), Shape{});
  EXPECT_EQ(file.at("empty").shape(), (Shape{0, 5}));
  EXPECT_EQ(values(file, "input_hint_block.0.bias"), (std::vector<float>{0, .125, .25, .375}));
  const struct {
    std::string name;
    DType dtype;
    std::vector<float> values;
  } dtypes[] = {{"bfloat16", DType::bf16, {1, -3}}, {"half", DType::f16, {.5, 65504}},
                {"double", DType::f64, {.1f}},      {"long", DType::i64, {-1099511627776.f}},
                {"int", DType::i32, {-5}},          {"short", DType::i16, {-300}},
                {"char", DType::i8, {-7}},          {"byte", DType::u8, {200}},
                {"bool", DType::boolean, {1, 0}},   {"count", DType::i64, {7}}};
  for (const auto& expected : dtypes) {
    EXPECT_EQ(file.at(expected.name).dtype(), expected.dtype) << expected.name;
    EXPECT_EQ(values(file, expected.name), expected.values) << expected.name;
  }
  EXPECT_TRUE(
      fails_with(ErrorKind::bad_file, {"tensor note", "found a text"}, [&] { file.at("note"); }));
}

INSTANTIATE_TEST_SUITE_P(All, TorchFile,
                         ::testing::Values("odd_protocol2.pt", "odd_protocol4.pt", "odd_legacy.pt",
                                           "odd_deflated.pt"));

/// Saved by training code: wrapped, with Python's attributes, and with element types of their own.
class WrappedTorchFile : public ::testing::TestWithParam<std::string> {};

TEST_P(WrappedTorchFile, HoldsTheTensorsInside) {
  const auto file = read_tensor_file(testing::data("checkpoint/" + GetParam())).tensors;
  EXPECT_EQ(values(file, "plain"), (std::vector<float>{0, 1, 2, 3, 4, 5}));
  EXPECT_EQ(values(file, "marked"), (std::vector<float>{1.5, -2.5}));
  EXPECT_EQ(values(file, "parameter"), (std::vector<float>{4, 5}));
  EXPECT_EQ(file.at("float8").type(), (TensorType{DType::f8, {2, 3}}));
  EXPECT_TRUE(file.unusable.contains("complex"));
}

INSTANTIATE_TEST_SUITE_P(All, WrappedTorchFile,
                         ::testing::Values("wrapped_legacy3.pt", "wrapped_legacy4.pt",
                                           "wrapped_legacy5.pt", "wrapped_zip.pt"));

TEST(Torch, FloatsOfEightBits) {
  const auto file = read_tensor_file(testing::data("checkpoint/float8_zip.pt")).tensors;
  EXPECT_EQ(file.at("e4m3").dtype(), DType::f8);
  EXPECT_EQ(values(file, "e4m3"), (std::vector<float>{0, 1, -2, 448, 0x1p-9f, 3.5}));
  EXPECT_EQ(values(file, "turned"), (std::vector<float>{0, 3, 1, 4, 2, 5}));
  EXPECT_TRUE(fails_with(ErrorKind::unsupported, {"e5m2", "torch.float8_e5m2[2]"},
                         [&] { file.at("e5m2"); }));
}

TEST(Torch, UnknownElementTypesAreLeftOut) {
  const auto file = read_tensor_file(testing::data("checkpoint/odd_protocol2.pt")).tensors;
  EXPECT_FALSE(file.has("complex"));
  EXPECT_NE(file.unusable.at("complex").find("torch._utils._rebuild_tensor_v2"), std::string::npos);
}

TEST(Torch, ContiguousTensorsStayInTheFile) {
  for (const std::string name : {"odd_protocol2.pt", "odd_legacy.pt"}) {
    const auto file = read_tensor_file(testing::data("checkpoint/" + name)).tensors;
    EXPECT_NE(file.file_of(file.at("row")), "");
    EXPECT_EQ(file.file_of(file.at("transposed")), "");
  }
}

TEST(Torch, EveryTruncationIsRefused) {
  for (const std::string name : {"odd_protocol4.pt", "odd_deflated.pt", "odd_legacy.pt"}) {
    const std::string whole = contents(name);
    for (size_t length = 16; length < whole.size(); ++length)
      EXPECT_TRUE(
          fails_with(ErrorKind::bad_file, {"f.pt"}, [&] { read_torch(whole.substr(0, length)); }))
          << name << " " << length;
  }
}

// Damage anywhere is noticed or harmless: every tensor that comes out can be read.
TEST(Torch, EveryDamagedByteIsSurvived) {
  for (const std::string name : {"odd_protocol4.pt", "odd_deflated.pt", "odd_legacy.pt"}) {
    const std::string whole = contents(name);
    int refused = 0;
    for (size_t at = 16; at < whole.size(); ++at)
      for (const unsigned char flip : {0x01, 0x80, 0xff}) {
        std::string damaged = whole;
        damaged[at] = static_cast<char>(damaged[at] ^ flip);
        try {
          for (const auto& [_, tensor] : read_torch(damaged).tensors) tensor.to_f32();
        } catch (const Error& error) {
          ++refused;
          EXPECT_TRUE(error.kind() == ErrorKind::bad_file || error.kind() == ErrorKind::unsupported)
              << error.what();
          const std::string_view message = error.what();
          EXPECT_TRUE(std::ranges::all_of(message, [](char c) { return c >= 0x20; })) << message;
        }
      }
    EXPECT_GT(refused, 0);
  }
}

// ---- archives and pickles made by hand

std::string number(uint64_t value, int size) {
  std::string text;
  for (int i = 0; i < size; ++i, value >>= 8) text += static_cast<char>(value);
  return text;
}

// One stored or "deflated" entry with the sizes that it claims to have.
std::string archive(const std::string& name, const std::string& data, int method, uint64_t packed,
                    uint64_t unpacked, uint64_t offset = 0, int flags = 0) {
  const std::string shared = number(20, 2) + number(flags, 2) + number(method, 2) + number(0, 8) +
                             number(packed, 4) + number(unpacked, 4) + number(name.size(), 2) +
                             number(0, 2);
  const std::string local = "PK\3\4" + shared + name + data;
  const std::string entry =
      "PK\1\2" + number(20, 2) + shared + number(0, 10) + number(offset, 4) + name;
  return local + entry + "PK\5\6" + number(0, 4) + number(1, 2) + number(1, 2) +
         number(entry.size(), 4) + number(local.size(), 4) + number(0, 2);
}

auto refuses(const std::string& bytes, const std::string& message,
             ErrorKind kind = ErrorKind::bad_file) {
  return fails_with(kind, {"f.pt", message}, [&] { read_torch(bytes); });
}

TEST(Zip, RefusesAbsurdEntries) {
  const std::string pickle = "}.";
  EXPECT_TRUE(read_torch(archive("a/data.pkl", pickle, 0, 2, 2)).tensors.empty());
  EXPECT_TRUE(refuses(archive("a/data.pkl", pickle, 0, 2, 3), "cannot have 3 bytes"));
  EXPECT_TRUE(refuses(archive("a/data.pkl", pickle, 0, 0xfffffff0, 0xfffffff0), "cannot have"));
  EXPECT_TRUE(refuses(archive("a/data.pkl", pickle, 8, 2, 0xfffffff0), "cannot have"));
  EXPECT_TRUE(refuses(archive("a/data.pkl", pickle, 8, 2, 900), "does not unpack"));
  EXPECT_TRUE(refuses(archive("a/data.pkl", pickle, 0, 100, 100), "outside"));
  EXPECT_TRUE(refuses(archive("a/data.pkl", pickle, 0, 2, 2, 5), "not where it should be"));
  EXPECT_TRUE(refuses(archive("a/data.pkl", pickle, 0, 2, 2, 0xfffffff0), "cut off"));
  EXPECT_TRUE(refuses(archive("a/other", pickle, 0, 2, 2), "without data.pkl"));
  EXPECT_TRUE(
      refuses(archive("a/data.pkl", pickle, 12, 2, 2), "method 12", ErrorKind::unsupported));
  EXPECT_TRUE(
      refuses(archive("a/data.pkl", pickle, 0, 2, 2, 0, 1), "encrypted", ErrorKind::unsupported));
  std::string many = archive("a/data.pkl", pickle, 0, 2, 2);
  many.replace(many.size() - 12, 2, number(0xfff0, 2));
  EXPECT_TRUE(refuses(many, "65520 entries"));
}

// Sizes beyond 32 bits stand in an extra field of the entry and in a record of their own.
TEST(Zip, ReadsZip64Directories) {
  const auto zip64 = [](uint64_t packed, uint64_t record) {
    const std::string name = "a/data.pkl", data = "}.";
    const std::string extra = number(7, 2) + number(1, 2) + "x" + number(1, 2) + number(24, 2) +
                              number(2, 8) + number(packed, 8) + number(0, 8);
    const std::string local =
        "PK\3\4" + number(0, 22) + number(name.size(), 2) + number(0, 2) + name + data;
    const std::string entry = "PK\1\2" + number(0, 16) + number(~0u, 4) + number(~0u, 4) +
                              number(name.size(), 2) + number(extra.size(), 2) + number(0, 10) +
                              number(~0u, 4) + name + extra;
    const std::string end64 = "PK\6\6" + number(44, 8) + number(0, 12) + number(1, 8) +
                              number(1, 8) + number(entry.size(), 8) + number(local.size(), 8);
    const std::string locator =
        "PK\6\7" + number(0, 4) + number(local.size() + entry.size() + record, 8) + number(1, 4);
    return local + entry + end64 + locator + "PK\5\6" + number(0, 4) + number(~0u, 4) +
           number(~0u, 4) + number(~0u, 4) + number(0, 2);
  };
  EXPECT_TRUE(read_torch(zip64(2, 0)).tensors.empty());
  EXPECT_TRUE(refuses(zip64(3, 0), "cannot have 2 bytes (packed: 3)"));
  EXPECT_TRUE(refuses(zip64(~0ull, 0), "cannot have"));
  EXPECT_TRUE(refuses(zip64(2, 1), "not where it should be"));
  EXPECT_TRUE(refuses(zip64(2, ~0ull - 200), "ZIP64"));
}

// A tensor over storage "0", which has 4 floats. What is "%" is filled in: offset, size, stride.
std::string tensor_pickle(const std::string& offset, const std::string& size,
                          const std::string& stride, const std::string& elements = "4") {
  return "(dVt\nctorch._utils\n_rebuild_tensor_v2\n((Vstorage\nctorch\nFloatStorage\nV0\nVcpu\nI" +
         elements + "\ntQI" + offset + "\n(" + size + "t(" + stride + "tI00\nNtRs.";
}

// The same in the legacy format, with 4 floats.
std::string legacy(const std::string& pickle, uint64_t elements = 4, size_t bytes = 16) {
  return std::string("\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.", 15) + "I1001\n." +
         "(dVlittle_endian\nI01\ns." + pickle + "(lV0\na." + number(elements, 8) +
         std::string(bytes, '\0');
}

TEST(Torch, TensorsMustFitIntoTheirStorage) {
  const auto shape_of = [](const std::string& file) { return read_torch(file).at("t").shape(); };
  EXPECT_EQ(shape_of(legacy(tensor_pickle("0", "I2\nI2\n", "I2\nI1\n"))), (Shape{2, 2}));
  EXPECT_EQ(shape_of(legacy(tensor_pickle("0", "I2\nI1\n", "I2\nI9223372036854775807\n"))),
            (Shape{2, 1}));  // the stride of a single element does not matter
  const std::string huge = "I4611686018427387904\n";
  EXPECT_TRUE(refuses(legacy(tensor_pickle("1", "I4\n", "I1\n")), "does not fit"));
  EXPECT_TRUE(refuses(legacy(tensor_pickle("0", "I5\n", "I1\n")), "does not fit"));
  EXPECT_TRUE(refuses(legacy(tensor_pickle("0", "I2\n", "I4\n")), "does not fit"));
  EXPECT_TRUE(refuses(legacy(tensor_pickle("0", "I-1\n", "I1\n")), "make no sense"));
  EXPECT_TRUE(refuses(legacy(tensor_pickle("0", "I2\n", "I-1\n")), "make no sense"));
  EXPECT_TRUE(refuses(legacy(tensor_pickle("-1", "I2\n", "I1\n")), "make no sense"));
  EXPECT_TRUE(refuses(legacy(tensor_pickle("0", "I2\nI2\n", "I1\n")), "make no sense"));
  EXPECT_TRUE(refuses(legacy(tensor_pickle("0", huge + huge, "I1\nI1\n")), "too large"));
  EXPECT_TRUE(refuses(legacy(tensor_pickle("0", "I3\nI3\n", huge + huge)), "too large"));
  EXPECT_TRUE(refuses(legacy(tensor_pickle("0", "I100000\n", "I0\n")), "repeat more values"));
  EXPECT_TRUE(refuses(legacy(tensor_pickle("0", "I4\n", "I1\n", "5")), "16 bytes, expected 20"));
  EXPECT_TRUE(refuses(legacy(tensor_pickle("0", "I4\n", "I1\n"), 5), "5 elements"));
  EXPECT_TRUE(refuses(legacy(tensor_pickle("0", "I4\n", "I1\n"), ~0ull / 2), "elements"));
  EXPECT_TRUE(refuses(archive("a/data.pkl", "Vx\n.", 0, 4, 4), "a text, expected a dictionary"));
}

}  // namespace
}  // namespace drypoint
