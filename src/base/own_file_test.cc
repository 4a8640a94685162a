#include "base/own_file.h"

#include <gtest/gtest.h>

namespace drypoint {
namespace {

namespace fs = std::filesystem;

TEST(OwnFile, IsThisProgramFromAnyFolder) {
  const fs::path before = fs::current_path(), program = fs::read_symlink("/proc/self/exe");
  EXPECT_EQ(own_file(), program);
  fs::current_path("/");
  EXPECT_EQ(own_file(), program);
  fs::current_path(before);
}

}  // namespace
}  // namespace drypoint
