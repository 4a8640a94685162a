#include "backend/cuda/libraries/shared_library.h"

#include <dlfcn.h>

namespace drypoint::cuda {

SharedLibrary::SharedLibrary(const std::string& name) {
  for (const char* folder : {"", "/usr/local/cuda/lib64/", "/usr/local/cuda/lib/",
                             "/usr/local/cuda/extras/CUPTI/lib64/"})
    if (!handle_) handle_ = dlopen((folder + name).c_str(), RTLD_NOW | RTLD_LOCAL);
}

void* SharedLibrary::address(const char* symbol) const {
  return handle_ ? dlsym(handle_, symbol) : nullptr;
}

}  // namespace drypoint::cuda
