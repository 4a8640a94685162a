#include "openmp.h"

#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <string_view>
#include <system_error>

namespace drypoint::cli {

void spin_briefly(char** argv) {
  for (char** word = argv; *word; ++word)
    if (std::string_view(*word) == "--spin") return;
  if (std::getenv("GOMP_SPINCOUNT") || std::getenv("OMP_WAIT_POLICY")) return;
  setenv("GOMP_SPINCOUNT", "300", 1);  // a few microseconds
  // Under its own name, not as "exe". Where this fails, all goes on as it was.
  std::error_code ignored;
  execv(std::filesystem::read_symlink("/proc/self/exe", ignored).c_str(), argv);
}

}  // namespace drypoint::cli
