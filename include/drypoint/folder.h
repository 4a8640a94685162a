// A folder of pictures, each drawn from in its turn with one model.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "drypoint/error.h"
#include "drypoint/loopback.h"
#include "drypoint/pipeline.h"

namespace drypoint {

/// What a folder's pictures are in the request.
enum class FolderUse : uint8_t {
  image,  ///< what steers
  edges,  ///< ready edges
  init,   ///< what is begun with
  both,   ///< what steers and what is begun with
};

struct FolderRun {
  std::filesystem::path images;  ///< the folder; of those in it, files whose names are a picture's
  FolderUse use = FolderUse::image;
  /// A folder of masks, each with its picture's name but for the extension; empty: the request's.
  std::filesystem::path masks;
  /// The prompt of pictures whose names match a pattern (`*`, `?`, `[…]`), the first that does;
  /// that of all others is the request's. In prompts `{name}` is the file's name without its
  /// extension,
  /// `{words}` the same with spaces for `_` and `-`, `{text}` what the file of that name in .txt
  /// beside the picture holds.
  std::vector<std::pair<std::string, std::string>> prompts;
  /// A folder, which is made, for NAME.png; or, with `{name}` in it, each result's file. Of several
  /// samples or loops there are NAME_0, NAME_1 ...
  std::filesystem::path output;
  bool skip_existing = false;  ///< pass over pictures whose results are there
  Loopback loopback;
};

/// One of a folder's pictures.
struct FolderPicture {
  std::filesystem::path image, mask;  ///< no mask: empty
  std::vector<std::filesystem::path> outputs;
  bool is_there = false;  ///< all its results, and they are passed over
};

/// What is to be drawn, in order. Throws bad_argument for a request that the run does not go with,
/// bad_file where the folder holds no picture, or two of one name, write_failed where results
/// cannot be written.
std::vector<FolderPicture> folder_pictures(const FolderRun& run, const Request& request);

struct FolderCallbacks {
  Callbacks drawing;  ///< for each picture
  std::function<void(const FolderPicture&, size_t number, size_t of)> begins;
  std::function<void(const FolderPicture&, const std::vector<Result>& loops)> drawn;
  std::function<void(const FolderPicture&, const Error&)>
      failed;  ///< and the next one's turn comes
};

struct FolderReport {
  size_t drawn = 0, passed_over = 0, failed = 0;
  uint64_t seed = 0;  ///< of each
};

/// Draws each of `folder_pictures`, with one seed for all, and writes its results, those of one
/// together. What is wrong with a picture, or with what is drawn of it, ends that one; a lost
/// device, results that cannot be written, and `stop` end the run. Throws those, and what
/// `folder_pictures` throws.
FolderReport draw_folder(Pipeline& pipeline, const Request& request, const FolderRun& run,
                         const FolderCallbacks& callbacks = {});

}  // namespace drypoint
