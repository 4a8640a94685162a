// Preprocessors that are small networks, from the public annotators' files.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "drypoint/device.h"
#include "drypoint/error.h"
#include "drypoint/image.h"

namespace drypoint {

/// What one is called, and the file that it is read from.
struct AnnotatorKind {
  std::string_view name;  ///< "hed"
  std::string_view file;  ///< "ControlNetHED.pth"
  std::string_view help;  ///< a phrase
};

/// All there are.
std::span<const AnnotatorKind> annotator_kinds();

/// A network that makes a hint of a picture. Not for several threads at once.
class Annotator {
 public:
  /// Throws bad_argument (no such kind), bad_file, unsupported.
  Annotator(std::string_view kind, const std::filesystem::path& file,
            const DeviceOptions& options = {});
  ~Annotator();
  Annotator(Annotator&&) noexcept;
  Annotator& operator=(Annotator&&) noexcept;

  std::string device() const;
  /// The hint, of the picture's size. Throws bad_argument (sides under 16), out_of_memory,
  /// non_finite, cancelled.
  Image annotate(const Image& image, const std::function<bool()>& stop = {});

 private:
  class Implementation;
  std::unique_ptr<Implementation> implementation_;
};

}  // namespace drypoint
