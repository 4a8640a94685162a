#include "diffusion/model/file_hash.h"

#include <gtest/gtest.h>

#include "base/file.h"
#include "support/test_support.h"

namespace drypoint {
namespace {

constexpr auto of_nothing = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
               of_abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
               of_abcd = "88d4266fd4e6338d13b845fcf289579d209c897823b9217da3e161936f031589";

/// NIST's examples, and one of several pieces against Python's hashlib.
TEST(FileHash, IsThatOfTheStandard) {
  const testing::TemporaryFolder folder;
  const auto hash = [&](std::string_view contents) {
    write_file(folder / "model", contents);
    return file_sha256(folder / "model", {});
  };
  EXPECT_EQ(hash(""), of_nothing);
  EXPECT_EQ(hash("abc"), of_abc);
  EXPECT_EQ(hash("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"),
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
  EXPECT_EQ(hash(std::string(1'000'000, 'a')),
            "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
  EXPECT_EQ(hash(std::string(3'000'000, 'a')),
            "2a152c894398719c0570f83fac34ac03a0f6e8e474b995c2403aa5434f7b9dd4");
}

TEST(FileHash, IsKeptUntilTheFileChanges) {
  const testing::TemporaryFolder folder;
  const auto file = folder / "model", cache = folder / "a/b/hashes.json";
  write_file(file, "abc");
  EXPECT_EQ(file_sha256(file, cache, {}, 1), of_abc);
  // What the cache says counts as long as the file looks the same ...
  std::string kept = read_file(cache);
  const std::string other(64, '0');
  kept.replace(kept.find(of_abc), 64, other);
  write_file(cache, kept);
  EXPECT_EQ(file_sha256(file, cache, {}, 1), other);
  // ... and no longer.
  write_file(file, "abcd");
  EXPECT_EQ(file_sha256(file, cache, {}, 1), of_abcd);
  // Damage does no harm, nor does a cache that cannot be.
  for (const char* text : {"", "{", "[1]", "{\"x\": 1}", "\xff\xfe"}) {
    write_file(cache, text);
    EXPECT_EQ(file_sha256(file, cache, {}, 1), of_abcd) << text;
    EXPECT_NE(read_file(cache).find(of_abcd), std::string::npos) << text;
  }
  EXPECT_EQ(file_sha256(file, file / "not", {}, 1), of_abcd);
  EXPECT_EQ(file_sha256(file, {}, {}, 1), of_abcd);
}

TEST(FileHash, OfSmallFilesIsNotKept) {
  const testing::TemporaryFolder folder;
  write_file(folder / "model", "abc");
  EXPECT_EQ(file_sha256(folder / "model", folder / "hashes.json"), of_abc);
  EXPECT_FALSE(std::filesystem::exists(folder / "hashes.json"));
}

TEST(FileHash, IsEmptyWhereThereIsNone) {
  const testing::TemporaryFolder folder;
  EXPECT_EQ(file_sha256(folder / "none", {}), "");
  EXPECT_EQ(file_sha256(folder.path(), {}), "");
  write_file(folder / "model", "abc");
  EXPECT_EQ(file_sha256(folder / "model", {}, [] { return true; }), "");
  EXPECT_EQ(short_file_hash(folder / "none"), "");
}

TEST(FileHash, ShortOnesAreOfAPart) {
  const testing::TemporaryFolder folder;
  std::string text(3 << 20, '\0');
  for (size_t i = 0; i < text.size(); ++i) text[i] = static_cast<char>(i * 7 % 251);
  write_file(folder / "control", text);
  EXPECT_EQ(short_file_hash(folder / "control"), "b45bed65");
  write_file(folder / "small", "abc");
  EXPECT_EQ(short_file_hash(folder / "small"), std::string(of_nothing).substr(0, 8));
}

}  // namespace
}  // namespace drypoint
