#include "backend/cuda/libraries/shared_library.h"

#include <dlfcn.h>

#include <utility>

namespace drypoint::cuda {

SharedLibrary::SharedLibrary(std::string name) : name_(std::move(name)) {
  for (const char* folder : {"", "/usr/local/cuda/lib64/", "/usr/local/cuda/lib/",
                             "/usr/local/cuda/extras/CUPTI/lib64/"})
    if (!handle_) handle_ = dlopen((folder + name_).c_str(), RTLD_NOW | RTLD_LOCAL);
}

SharedLibrary::Symbol SharedLibrary::operator[](const char* symbol) {
  void* const address = handle_ ? dlsym(handle_, symbol) : nullptr;
  if (!address && missing_.empty()) missing_ = symbol;
  return {address};
}

}  // namespace drypoint::cuda
