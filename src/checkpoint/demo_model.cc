#include "drypoint/demo_model.h"

#include "base/error.h"
#include "base/own_file.h"

namespace drypoint {

std::filesystem::path demo_model() {
  namespace fs = std::filesystem;
  // Beside the library in a build tree (cmake/install.cmake); else where installation puts it, seen
  // from the library.
  const fs::path file = "models/demo/demo.safetensors", folder = own_file().parent_path();
  std::error_code ignored;
  fs::path place = folder / file;
  if (!fs::exists(place, ignored)) place = folder / DRYPOINT_DATA_FROM_LIBRARY / file;
  if (folder.empty() || !fs::exists(place, ignored))
    fail(ErrorKind::bad_file, "{}: the demo model is not there; it comes with an installation",
         place.lexically_normal().string());
  return fs::weakly_canonical(place);
}

}  // namespace drypoint
