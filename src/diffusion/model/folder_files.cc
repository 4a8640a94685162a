#include "diffusion/model/folder_files.h"

#include <algorithm>
#include <cctype>
#include <map>
#include <set>

#include "base/error.h"
#include "image/formats.h"

namespace drypoint {
namespace {

bool is_picture(const std::filesystem::path& path) {
  if (path.filename().string().starts_with(".")) return false;
  std::string extension = path.extension().string();
  std::transform(extension.begin(), extension.end(), extension.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  static const std::set<std::string> known{".png", ".jpg", ".jpeg", ".webp", ".ppm",
                                           ".pgm", ".pbm", ".pnm",  ".pam"};
  std::error_code ignored;
  return known.contains(extension) && !std::filesystem::is_directory(path, ignored);
}

}  // namespace

std::vector<std::filesystem::path> pictures_in(const std::filesystem::path& folder) {
  namespace fs = std::filesystem;
  std::error_code error;
  std::vector<fs::path> paths;
  for (fs::directory_iterator it(folder, error), end; !error && it != end; it.increment(error))
    if (is_picture(it->path())) paths.push_back(it->path());
  if (error) fail(ErrorKind::bad_file, "{}: is no folder: {}", folder.string(), error.message());
  if (paths.empty())
    fail(ErrorKind::bad_file, "{}: holds no pictures, expected {} files", folder.string(),
         readable_formats);
  std::ranges::sort(paths);
  std::map<fs::path, fs::path> names;
  for (const fs::path& path : paths)
    if (const auto [other, is_new] = names.emplace(path.stem(), path); !is_new)
      fail(ErrorKind::bad_file, "{}: has the name of {} but for the extension, expected another",
           path.string(), other->second.filename().string());
  return paths;
}

std::vector<std::filesystem::path> files_below(
    const std::filesystem::path& folder, std::string_view field,
    const std::function<bool(const std::filesystem::path&)>& is_one) {
  namespace fs = std::filesystem;
  constexpr size_t most = 100'000;
  std::error_code error;
  if (!fs::is_directory(folder, error))
    fail(ErrorKind::bad_argument, "{}: {}: is no folder", field, folder.string());
  std::vector<fs::path> files;
  fs::recursive_directory_iterator entry(folder,
                                         fs::directory_options::follow_directory_symlink |
                                             fs::directory_options::skip_permission_denied,
                                         error);
  for (size_t seen = 0; !error && entry != fs::recursive_directory_iterator(); ++seen) {
    if (seen == most || entry.depth() > 32)
      fail(ErrorKind::bad_argument, "{}: {}: holds over {} files, or is over 32 deep", field,
           folder.string(), most);
    std::error_code ignored;
    if (is_one(entry->path()) && entry->is_regular_file(ignored)) files.push_back(entry->path());
    entry.increment(error);
  }
  if (error)
    fail(ErrorKind::bad_file, "{}: {}: cannot be read: {}", field, folder.string(),
         error.message());
  std::ranges::sort(files);
  return files;
}

}  // namespace drypoint
