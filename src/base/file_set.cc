#include "base/file_set.h"

#include <fmt/ranges.h>
#include <unistd.h>

#include <algorithm>
#include <map>

#include "base/error.h"
#include "drypoint/output.h"

namespace drypoint {

namespace fs = std::filesystem;

FileSet::~FileSet() {
  files_.clear();
  while (!folders_.empty()) {  // not what something is in
    ::rmdir(folders_.back()->path().c_str());
    folders_.pop_back();
  }
}

void FileSet::make_folder(const fs::path& path) {
  std::error_code error, ignored;
  std::vector<fs::path> missing;
  for (fs::path level = path; !level.empty() && !fs::exists(level, ignored);
       level = level.parent_path())
    missing.push_back(level);
  for (; !missing.empty(); missing.pop_back()) {
    const fs::path& level = missing.back();
    auto made = std::make_unique<Unfinished>(level.string(), Unfinished::Kind::folder);
    if (fs::create_directory(level, error)) folders_.push_back(std::move(made));
    if (error) break;
  }
  if (fs::is_directory(path, ignored)) return;
  fail(ErrorKind::write_failed, "{}: {}", path.string(),
       fs::exists(path, ignored) ? "is a file, expected a folder"
                                 : "cannot be made: " + error.message());
}

FileWriter& FileSet::add(const fs::path& path) {
  return *files_.emplace_back(std::make_unique<FileWriter>(path));
}

void FileSet::commit() {
  for (const auto& file : files_) file->finish();
  const Renaming renaming;
  for (size_t i = 0; i < files_.size(); ++i) {
    try {
      files_[i]->commit();
    } catch (const Error& error) {
      if (i == 0) throw;
      std::vector<std::string> renamed;
      for (size_t k = 0; k < std::min<size_t>(i, 3); ++k)
        renamed.push_back(files_[k]->path().filename().string());
      const std::string more = i > 3 ? fmt::format(" and {} more", i - 3) : "";
      fail(error.kind(), "{}; new already: {}{}; as before: {} of {} files", error.what(),
           fmt::join(renamed, ", "), more, files_.size() - i, files_.size());
    }
  }
  files_.clear();
  folders_.clear();
}

struct OutputSet::Implementation {
  FileSet files;
  std::map<fs::path, FileWriter*> open;
};

OutputSet::OutputSet() : implementation_(std::make_unique<Implementation>()) {}
OutputSet::~OutputSet() = default;

void OutputSet::make_folder(const fs::path& path) {
  at_border(path.string(), [&] { implementation_->files.make_folder(path); });
}

void OutputSet::add(const fs::path& path, std::string_view contents) {
  at_border(path.string(), [&] {
    FileWriter& file = implementation_->files.add(path);
    file.append(contents);
    file.finish();
  });
}

void OutputSet::open(const fs::path& path, std::string_view contents) {
  at_border(path.string(), [&] {
    FileWriter& file = implementation_->files.add(path);
    implementation_->open[path] = &file;
    file.append(contents);
  });
}

void OutputSet::append(const fs::path& path, std::string_view contents) {
  at_border(path.string(), [&] {
    const auto file = implementation_->open.find(path);
    if (file == implementation_->open.end())
      fail(ErrorKind::bad_argument, "{}: was not opened", path.string());
    file->second->append(contents);
  });
}

void OutputSet::commit() {
  implementation_->open.clear();
  at_border("writing files", [&] { implementation_->files.commit(); });
}

}  // namespace drypoint
