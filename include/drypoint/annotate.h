// Preprocessors that are small networks, from the public annotators' files.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "drypoint/device.h"
#include "drypoint/error.h"
#include "drypoint/image.h"
#include "drypoint/preprocess.h"

namespace drypoint {

/// One network or several that make a hint of a picture. Not for several threads at once.
class Annotator {
 public:
  /// `preprocessor`: of those of preprocess.h that are networks; `weights`: a folder below which
  /// the files that it needs lie, or its file if it needs one. Throws bad_argument (no such
  /// preprocessor, no such file in the folder), bad_file, unsupported (another network's file).
  Annotator(std::string_view preprocessor, const std::filesystem::path& weights,
            const DeviceOptions& options = {});
  ~Annotator();
  Annotator(Annotator&&) noexcept;
  Annotator& operator=(Annotator&&) noexcept;

  std::string device() const;
  /// The hint, of the picture's size. Throws bad_argument (sides under 16, numbers as in
  /// `preprocess`), out_of_memory,
  /// non_finite, cancelled.
  Image annotate(const Image& image, const PreprocessOptions& options = {},
                 const std::function<bool()>& stop = {});

 private:
  class Implementation;
  std::unique_ptr<Implementation> implementation_;
};

}  // namespace drypoint
