#include "base/file_hash.h"

#include <gtest/gtest.h>

#include "base/file.h"
#include "base/sha256.h"
#include "support/test_support.h"

namespace drypoint {
namespace {

std::string sha256_of(std::string_view text, size_t piece) {
  Sha256 hash;
  for (size_t at = 0; at < text.size(); at += piece)
    hash.update(std::as_bytes(std::span(text.substr(at, piece))));
  return hash.hex();
}

/// NIST's examples, and lengths round a block against Python's hashlib.
TEST(Sha256, IsThatOfTheStandard) {
  EXPECT_EQ(sha256_of("", 1), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(sha256_of("abc", 1),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(sha256_of("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", 7),
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
  EXPECT_EQ(sha256_of(std::string(1'000'000, 'a'), 4097),
            "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
  const std::pair<size_t, const char*> lengths[] = {
      {55, "595615dbe4f0f407ae397d08b4c2cb870cb9b0e11937416f950c5160acf9c005"},
      {56, "784f623b787495078e93ff28a25b581df0584055a7e71d8cd90c454716b92f51"},
      {63, "5ca3e1ef5207490eac01a795e5cc94d59582a5118bf9534665c8668d87aa647c"},
      {64, "2fcd5a0d60e4c941381fcc4e00a4bf8be422c3ddfafb93c809e8d1e2bfffae8e"},
      {65, "1b3cd1877ab2f2f19f7be001722554f336cb799df0329de0bb4c118dc6abc06d"},
      {119, "faef67da856d6fd9c8d12f9ed0a4fefd3cf0ce085ab43e2907418d457e3c354b"},
      {120, "c9512b08619c19fbb503c7da6b46ef20301e5f7a7a5f43989182398536f5c5c8"},
      {128, "6c05be2c4268843ae47e68e611277ce62c02153f2f4d2e1e2a1a4b44f766cf74"},
  };
  for (const auto& [length, expected] : lengths) {
    std::string text;
    for (size_t i = 0; i < length; ++i) text += static_cast<char>('a' + i % 26);
    for (const size_t piece : {size_t{1}, size_t{13}, length})
      EXPECT_EQ(sha256_of(text, piece), expected);
  }
}

TEST(FileHash, IsKeptUntilTheFileChanges) {
  const testing::TemporaryFolder folder;
  const auto file = folder / "model", cache = folder / "a/b/hashes.json";
  write_file(file, "abc");
  const std::string abc = sha256_of("abc", 3);
  EXPECT_EQ(file_sha256(file, cache, {}, 1), abc);
  // What the cache says counts as long as the file looks the same ...
  std::string kept = read_file(cache);
  const std::string other(64, '0');
  kept.replace(kept.find(abc), 64, other);
  write_file(cache, kept);
  EXPECT_EQ(file_sha256(file, cache, {}, 1), other);
  // ... and no longer.
  write_file(file, "abcd");
  EXPECT_EQ(file_sha256(file, cache, {}, 1), sha256_of("abcd", 4));
  // Damage does no harm, nor does a cache that cannot be.
  for (const char* text : {"", "{", "[1]", "{\"x\": 1}", "\xff\xfe"}) {
    write_file(cache, text);
    EXPECT_EQ(file_sha256(file, cache, {}, 1), sha256_of("abcd", 4)) << text;
    EXPECT_NE(read_file(cache).find(sha256_of("abcd", 4)), std::string::npos) << text;
  }
  EXPECT_EQ(file_sha256(file, file / "not", {}, 1), sha256_of("abcd", 4));
  EXPECT_EQ(file_sha256(file, {}, {}, 1), sha256_of("abcd", 4));
}

TEST(FileHash, OfSmallFilesIsNotKept) {
  const testing::TemporaryFolder folder;
  write_file(folder / "model", "abc");
  EXPECT_EQ(file_sha256(folder / "model", folder / "hashes.json"), sha256_of("abc", 3));
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
  EXPECT_EQ(short_file_hash(folder / "control"),
            sha256_of(text.substr(1 << 20, 1 << 16), 1 << 16).substr(0, 8));
  write_file(folder / "small", "abc");
  EXPECT_EQ(short_file_hash(folder / "small"), sha256_of("", 1).substr(0, 8));
}

}  // namespace
}  // namespace drypoint
