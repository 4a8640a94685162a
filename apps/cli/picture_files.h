// Pictures that commands read and write, with "-" for standard input and output.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "drypoint/image.h"
#include "drypoint/output.h"

namespace drypoint::cli {

inline bool is_standard(const std::filesystem::path& path) { return path == "-"; }

/// Throws what `drypoint::read_image` throws, and bad_file where standard input is a terminal.
ReadImage read_picture(std::string_view option, const std::filesystem::path& path);

/// Pictures that appear together; that for standard output, a PNG, is written before any file gets
/// its name.
class PictureSet {
 public:
  void add(const std::filesystem::path& path, const Image& image, std::string_view parameters = {});
  void commit();

 private:
  OutputSet files_;
  std::string standard_output_;
};

}  // namespace drypoint::cli
