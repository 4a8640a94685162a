#include "base/memory.h"

#include <gtest/gtest.h>

#include <cstring>

namespace drypoint {
namespace {

constexpr size_t mebibyte = 1 << 20;

TEST(KeepBlocks, TheNextToAskGetsWhatWasGivenBack) {
  const KeepBlocks keep;
  auto block = allocate_block(4 * mebibyte);
  const std::byte* place = block.get();
  block.reset();
  block = allocate_block(3 * mebibyte);
  EXPECT_EQ(block.get(), place);
  // It is whole.
  std::memset(block.get(), 1, 3 * mebibyte);
  const auto other = allocate_block(3 * mebibyte);
  EXPECT_NE(other.get(), place);
}

TEST(KeepBlocks, AMuchSmallerBlockIsOneOfItsOwn) {
  const KeepBlocks keep;
  const std::byte* place = allocate_block(64 * mebibyte).get();
  const auto small = allocate_block(2 * mebibyte);
  EXPECT_NE(small.get(), place);
}

TEST(KeepBlocks, BlocksOutliveIt) {
  std::shared_ptr<std::byte> block;
  {
    const KeepBlocks keep;
    const KeepBlocks again;
    allocate_block(2 * mebibyte).reset();
    block = allocate_block(2 * mebibyte);
  }
  std::memset(block.get(), 1, 2 * mebibyte);
  block.reset();
  block = allocate_block(2 * mebibyte);
  EXPECT_EQ(block.get()[mebibyte], std::byte{0});  // fresh from the system
}

}  // namespace
}  // namespace drypoint
