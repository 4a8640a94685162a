#include "diffusion/folder_files.h"

#include <algorithm>

#include "base/error.h"

namespace drypoint {

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
