#include "checkpoint/gguf.h"

#include "base/file.h"
#include "checkpoint/formats.h"
#include "support/test_support.h"

namespace drypoint {
namespace {

using testing::fails_with;

NamedTensors read_text(const std::string& contents) {
  return read_gguf({"file", std::as_bytes(std::span(contents)), nullptr});
}

/// As the package gguf decodes the same blocks (tests/golden/ggml_blocks.py), but for f16's
/// rounding.
TEST(Gguf, BlocksAreWhatTheyStandFor) {
  const TensorFile file = read_tensor_file(testing::data("checkpoint/blocks.gguf"));
  EXPECT_EQ(file.format, "GGUF");
  EXPECT_EQ(file.tensors.metadata.at("general.name"), "blocks");
  const auto golden = read_tensor_file(testing::data("checkpoint/blocks.safetensors")).tensors;
  EXPECT_EQ(golden.tensors.size(), 10u);
  for (const auto& [name, expected] : golden.tensors) {
    const Tensor found = file.tensors.at(name).to_f32();
    EXPECT_EQ(found.shape(), expected.shape()) << name;
    EXPECT_TRUE(testing::close(found.floats(), expected.to_f32().floats(), 1e-3)) << name;
  }
  EXPECT_TRUE(fails_with(ErrorKind::unsupported, {"blocks.Q2_K", "Q2_K[3, 512]"},
                         [&] { file.tensors.at("blocks.Q2_K"); }));
}

TEST(Gguf, DamagedFilesAreRefused) {
  const std::string whole = read_file(testing::data("checkpoint/blocks.gguf"));
  for (size_t size = 4; size < whole.size(); size += size < 400 ? 1 : 97)
    EXPECT_TRUE(fails_with(ErrorKind::bad_file, {"file"}, [&] {
      read_text(whole.substr(0, size));
    })) << size;
  std::string later = whole;
  later[4] = 9;
  EXPECT_TRUE(fails_with(ErrorKind::unsupported, {"version 9"}, [&] { read_text(later); }));
  // Whatever a byte of the head becomes, it is read or refused.
  for (size_t at = 4; at < 700; ++at) {
    std::string damaged = whole;
    damaged[at] = static_cast<char>(damaged[at] ^ 0x81);
    try {
      read_text(damaged);
    } catch (const Error& error) {
      EXPECT_TRUE(error.kind() == ErrorKind::bad_file || error.kind() == ErrorKind::unsupported);
    }
  }
}

}  // namespace
}  // namespace drypoint
