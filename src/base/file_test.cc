#include "base/file.h"

#include <sys/stat.h>

#include "support/test_support.h"

namespace drypoint {
namespace {

using testing::fails_with;
using testing::TemporaryFolder;

TEST(File, WritesWholeAndReadsBack) {
  TemporaryFolder folder;
  write_file(folder / "a", "first");
  write_file(folder / "a", "second");
  EXPECT_EQ(read_file(folder / "a"), "second");
  MappedFile mapped(folder / "a");
  EXPECT_EQ(mapped.bytes().size(), 6u);
}

TEST(File, AnUnfinishedWriteLeavesTheOldFileAndNothingElse) {
  TemporaryFolder folder;
  write_file(folder / "a", "good");
  {
    FileWriter writer(folder / "a");
    writer.append("half");
  }
  EXPECT_EQ(read_file(folder / "a"), "good");
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder.path()), {}), 1);
}

TEST(File, NamesWhatIsWrong) {
  TemporaryFolder folder;
  EXPECT_TRUE(fails_with(ErrorKind::bad_file, {"none"}, [&] { MappedFile f(folder / "none"); }));
  EXPECT_TRUE(fails_with(ErrorKind::bad_file, {"directory"}, [&] { read_file(folder.path()); }));
  EXPECT_TRUE(
      fails_with(ErrorKind::write_failed, {"directory"}, [&] { write_file(folder.path(), "x"); }));
  EXPECT_TRUE(fails_with(ErrorKind::write_failed, {"no/where"},
                         [&] { write_file(folder / "no/where", "x"); }));
}

}  // namespace
}  // namespace drypoint
