#include "openmp.h"

#include <unistd.h>

#include <cstdlib>
#include <string_view>

namespace drypoint::cli {

void spin_briefly(char** argv) {
  for (char** word = argv; *word; ++word)
    if (std::string_view(*word) == "--spin") return;
  if (std::getenv("GOMP_SPINCOUNT") || std::getenv("OMP_WAIT_POLICY")) return;
  setenv("GOMP_SPINCOUNT", "300", 1);  // a few microseconds
  execv("/proc/self/exe", argv);       // where this fails, all goes on as it was
}

}  // namespace drypoint::cli
