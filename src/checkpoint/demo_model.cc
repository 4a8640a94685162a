#include "drypoint/demo_model.h"

#include <dlfcn.h>

#include "base/error.h"

namespace drypoint {

std::filesystem::path demo_model() {
  const std::filesystem::path file = "models/demo/demo.safetensors";
  Dl_info here{};
  std::error_code ignored;
  std::filesystem::path installed;
  if (dladdr(reinterpret_cast<const void*>(&demo_model), &here) && here.dli_fname)
    installed = std::filesystem::absolute(here.dli_fname, ignored).parent_path();
  // lib/libdrypoint.so or lib/x86_64-linux-gnu/libdrypoint.so, and share/drypoint beside lib.
  for (const auto& root : {installed / "../share/drypoint", installed / "../../share/drypoint",
                           std::filesystem::path(DRYPOINT_SOURCE_DIR)}) {
    if (!std::filesystem::exists(root / file, ignored)) continue;
    const auto plain = std::filesystem::weakly_canonical(root / file, ignored);
    return plain.empty() ? root / file : plain;
  }
  fail(ErrorKind::bad_file, "{}: the demo model is neither installed nor in {}", file.string(),
       DRYPOINT_SOURCE_DIR);
}

}  // namespace drypoint
