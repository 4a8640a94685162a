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

TEST(File, HasTheModeThatOtherNewFilesHave) {
  TemporaryFolder folder;
  const mode_t before = ::umask(027);
  write_file(folder / "a", "x");
  const mode_t after = ::umask(before);
  EXPECT_EQ(after, mode_t{027});
  struct stat status {};
  ASSERT_EQ(::stat((folder / "a").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, mode_t{0640});
  ASSERT_EQ(::chmod((folder / "a").c_str(), 0600), 0);
  write_file(folder / "a", "y");  // who may read it is for its owner to say
  ASSERT_EQ(::stat((folder / "a").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, mode_t{0600});
}

TEST(File, SeveralWritersOfOnePathDoNotMeet) {
  TemporaryFolder folder;
  FileWriter first(folder / "a"), second(folder / "a");
  first.append("first");
  second.append("second");
  second.commit();
  EXPECT_EQ(read_file(folder / "a"), "second");
  first.commit();
  EXPECT_EQ(read_file(folder / "a"), "first");
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder.path()), {}), 1);
}

TEST(File, APipeIsRefusedWithoutWaitingForItsWriter) {
  TemporaryFolder folder;
  ASSERT_EQ(::mkfifo((folder / "pipe").c_str(), 0600), 0);
  EXPECT_TRUE(fails_with(ErrorKind::bad_file, {"pipe", "not a regular file"},
                         [&] { read_file(folder / "pipe"); }));
  EXPECT_TRUE(fails_with(ErrorKind::bad_file, {"pipe", "not a regular file"},
                         [&] { MappedFile f(folder / "pipe"); }));
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

TEST(File, LinksStayAndDevicesAreLeftAlone) {
  TemporaryFolder folder;
  write_file(folder / "real", "old");
  std::filesystem::create_symlink("real", folder / "link");
  write_file(folder / "link", "new");
  EXPECT_TRUE(std::filesystem::is_symlink(folder / "link"));
  EXPECT_EQ(read_file(folder / "real"), "new");
  std::filesystem::create_symlink("none", folder / "dangling");
  write_file(folder / "dangling", "new");
  EXPECT_TRUE(std::filesystem::is_symlink(folder / "dangling"));
  EXPECT_EQ(read_file(folder / "none"), "new");
  ASSERT_EQ(::mkfifo((folder / "pipe").c_str(), 0600), 0);
  EXPECT_TRUE(
      fails_with(ErrorKind::write_failed, {"pipe"}, [&] { write_file(folder / "pipe", "x"); }));
}

}  // namespace
}  // namespace drypoint
