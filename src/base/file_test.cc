#include "base/file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>

#include "base/file_set.h"
#include "drypoint/output.h"

#include <chrono>

#include "drypoint/mapped_files.h"
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

mode_t mode_of(const std::filesystem::path& path) {
  struct stat status {};
  EXPECT_EQ(::stat(path.c_str(), &status), 0) << path;
  return status.st_mode & 0777;
}

std::vector<std::filesystem::path> listed(const TemporaryFolder& folder) {
  std::vector<std::filesystem::path> paths;
  for (const auto& entry : std::filesystem::directory_iterator(folder.path()))
    paths.push_back(entry.path());
  std::sort(paths.begin(), paths.end());
  return paths;
}

TEST(File, ItsTemporaryHasNoWiderRightsThanItself) {
  TemporaryFolder folder;
  write_file(folder / "a", "x");
  for (const mode_t mode : {mode_t{0600}, mode_t{0640}, mode_t{0666}, mode_t{0400}}) {
    ASSERT_EQ(::chmod((folder / "a").c_str(), mode), 0);
    FileWriter writer(folder / "a");
    for (const auto& path : listed(folder)) EXPECT_EQ(mode_of(path), mode) << path;
    writer.commit();
    EXPECT_EQ(mode_of(folder / "a"), mode);
  }
}

TEST(File, KeepsItsOwnerWhereThatIsPossible) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root may give files to others";
  TemporaryFolder folder;
  write_file(folder / "a", "x");
  ASSERT_EQ(::chown((folder / "a").c_str(), 1234, 4321), 0);
  ASSERT_EQ(::chmod((folder / "a").c_str(), 0640), 0);
  write_file(folder / "a", "y");
  struct stat status {};
  ASSERT_EQ(::stat((folder / "a").c_str(), &status), 0);
  EXPECT_EQ(status.st_uid, 1234u);
  EXPECT_EQ(status.st_gid, 4321u);
  EXPECT_EQ(status.st_mode & 0777, mode_t{0640});
}

TEST(File, StaleTemporariesAreNotInTheWay) {
  TemporaryFolder folder;
  for (int i = 0; i < 1100; ++i)  // what programs before may have left, by number
    std::ofstream(folder / fmt::format(".drypoint-{}-{}", ::getpid(), i));
  write_file(folder / "a", "x");
  EXPECT_EQ(read_file(folder / "a"), "x");
}

TEST(File, StreamsAreReadToTheirEndButNotBeyondALimit) {
  TemporaryFolder folder;
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  ASSERT_EQ(::write(ends[1], "hello", 5), 5);
  ::close(ends[1]);
  EXPECT_EQ(read_stream(ends[0], "pipe", 5), "hello");
  ::close(ends[0]);
  write_file(folder / "a", "hello");
  EXPECT_EQ(read_stream(Descriptor(folder / "a"), "a", 5), "hello");
  EXPECT_TRUE(fails_with(ErrorKind::bad_file, {"a: has 5 bytes", "at most 4"},
                         [&] { read_stream(Descriptor(folder / "a"), "a", 4); }));
  ASSERT_EQ(::truncate((folder / "a").c_str(), off_t{1} << 40), 0);  // sparse
  EXPECT_TRUE(fails_with(ErrorKind::bad_file, {"a: has 1099511627776 bytes"},
                         [&] { read_stream(Descriptor(folder / "a"), "a", 1 << 30); }));
  EXPECT_TRUE(fails_with(ErrorKind::bad_file, {"is a device"},
                         [&] { read_stream(Descriptor("/dev/zero"), "z", 1 << 20); }));
  ASSERT_EQ(::mkfifo((folder / "pipe").c_str(), 0600), 0);  // to which nobody writes
  EXPECT_EQ(read_stream(Descriptor(folder / "pipe"), "pipe", 10), "");
}

TEST(Output, IsCheckedBeforeTheWork) {
  TemporaryFolder folder;
  const auto refused = [&](const std::filesystem::path& path,
                           std::initializer_list<std::string> parts,
                           Folders folders = Folders::must_exist) {
    return fails_with(ErrorKind::write_failed, parts, [&] { check_output(path, folders); });
  };
  check_output(folder / "a");
  check_output(folder / std::string(255, 'x'));
  EXPECT_TRUE(refused(folder / std::string(256, 'x'), {"256 bytes", "255 at most"}));
  EXPECT_TRUE(refused(folder / "none/a", {"there is no folder", "none"}));
  check_output(folder / "none/deeper/a", Folders::are_made);
  EXPECT_TRUE(refused(folder / (std::string(256, 'x') + "/a"), {"256 bytes", "255 at most"},
                      Folders::are_made));
  EXPECT_TRUE(refused(folder.path(), {"is a directory"}));
  EXPECT_TRUE(refused("", {"is empty"}));
  write_file(folder / "file", "x");
  EXPECT_TRUE(refused(folder / "file/a", {"there is no folder"}));
  EXPECT_TRUE(refused(folder / "file/b/a", {"there is no folder"}, Folders::are_made));
  ASSERT_EQ(::mkfifo((folder / "pipe").c_str(), 0600), 0);
  EXPECT_TRUE(refused(folder / "pipe", {"a device or a pipe"}));
  EXPECT_TRUE(refused("/dev/null", {"a device or a pipe"}));
  std::filesystem::create_symlink("circle", folder / "circle");
  EXPECT_TRUE(refused(folder / "circle", {"leads to no end"}));
  std::filesystem::create_symlink(std::string(300, 'x'), folder / "long");
  EXPECT_TRUE(refused(folder / "long", {"300 bytes"}));
  std::string deep = folder.path();
  while (deep.size() < 4080) deep += "/.";
  EXPECT_TRUE(refused(deep + "/a", {"too long"}));  // its temporary would be
}

TEST(Output, FilesOfASetAppearTogether) {
  TemporaryFolder folder;
  write_file(folder / "a", "old");
  {
    OutputSet outputs;
    outputs.add(folder / "a", "new");
    outputs.make_folder(folder / "b/c");
    outputs.add(folder / "b/c/d", "new");
    EXPECT_EQ(read_file(folder / "a"), "old");
  }
  EXPECT_EQ(listed(folder), std::vector{folder / "a"});
  OutputSet outputs;
  outputs.add(folder / "a", "new");
  outputs.make_folder(folder / "b/c");
  outputs.open(folder / "b/c/d", "in ");
  outputs.append(folder / "b/c/d", "pieces");
  outputs.commit();
  EXPECT_EQ(read_file(folder / "a"), "new");
  EXPECT_EQ(read_file(folder / "b/c/d"), "in pieces");
  EXPECT_EQ(listed(folder).size(), 2u);
}

TEST(Output, SaysWhatIsNewWhereTheLastRenameFails) {
  TemporaryFolder folder;
  {
    OutputSet outputs;
    for (const char* name : {"a", "b", "c"}) outputs.add(folder / name, "new");
    std::filesystem::create_directory(folder / "c");
    EXPECT_TRUE(fails_with(ErrorKind::write_failed,
                           {"/c: cannot be replaced", "new already: a, b;", "1 of 3"},
                           [&] { outputs.commit(); }));
  }
  EXPECT_EQ(listed(folder), (std::vector{folder / "a", folder / "b", folder / "c"}));
}

TEST(Output, WhatIsUnfinishedIsTakenAwayByASignalsHandler) {
  TemporaryFolder folder;
  write_file(folder / "a", "old");
  const pid_t child = ::fork();
  if (child == 0) {
    OutputSet outputs;
    outputs.add(folder / "a", "new");
    outputs.make_folder(folder / "b/c");
    outputs.open(folder / "b/c/d", "new");
    OutputSet done;
    done.make_folder(folder / "e");
    done.add(folder / "e/f", "done");
    done.commit();
    {
      const Renaming renaming;
      if (remove_unfinished_outputs() || read_file(folder / "a") != "old") ::_exit(1);
    }
    ::_exit(remove_unfinished_outputs() ? 0 : 1);
  }
  int status = -1;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
  EXPECT_EQ(listed(folder), (std::vector{folder / "a", folder / "e"}));
  EXPECT_EQ(read_file(folder / "a"), "old");
  EXPECT_EQ(read_file(folder / "e/f"), "done");
}

TEST(MappedFile, NoticesThatItWasWrittenTo) {
  TemporaryFolder folder;
  const auto path = folder / "a";
  write_file(path, "first");
  const MappedFile mapped(path);
  mapped.check_unchanged();
  write_file(path, "another in its place");  // what is mapped is still as it was
  mapped.check_unchanged();
  const MappedFile second(path);
  std::filesystem::last_write_time(
      path, std::filesystem::file_time_type::clock::now() + std::chrono::seconds(2));
  EXPECT_TRUE(fails_with(ErrorKind::bad_file, {path.string(), "written to"},
                         [&] { second.check_unchanged(); }));
  std::filesystem::remove(path);
  second.check_unchanged();
}

TEST(MappedFile, IsFoundByItsAddress) {
  TemporaryFolder folder;
  const std::string path = (folder / "a").string();
  write_file(path, "contents");
  const std::byte* bytes = nullptr;
  {
    const MappedFile mapped(path);
    bytes = mapped.bytes().data();
    EXPECT_EQ(std::string(mapped_file_at(bytes + 7)), path);
    EXPECT_EQ(mapped_file_at(bytes + 8), nullptr);
  }
  EXPECT_EQ(mapped_file_at(bytes), nullptr);
}

}  // namespace
}  // namespace drypoint
