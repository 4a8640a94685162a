// The CUDA backend is a shared library of its own, so that one program runs with and without GPU.
#include <dlfcn.h>

#include <filesystem>

#include "backend/backend.h"
#include "backend/cuda/entry.h"
#include "base/error.h"

namespace drypoint {
namespace {

namespace fs = std::filesystem;

constexpr const char* library = "libdrypoint_cuda.so";

/// Where this very code lies, which is where the library lies when built and when installed.
fs::path own_folder() {
  Dl_info info{};
  if (!dladdr(reinterpret_cast<const void*>(&own_folder), &info) || !info.dli_fname) return {};
  std::error_code ignored;
  return fs::weakly_canonical(info.dli_fname, ignored).parent_path();
}

void* load() {
  const fs::path own = own_folder();
  void* handle = nullptr;
  for (const fs::path& folder : {own, own / "..", own / "../..", own / "../lib", fs::path()}) {
    handle = dlopen((folder / library).c_str(), RTLD_NOW | RTLD_LOCAL);
    if (handle) break;
    std::error_code ignored;
    if (fs::exists(folder / library, ignored))  // there, but it cannot be loaded
      fail(ErrorKind::unsupported, "device cuda: {}", dlerror());
  }
  if (!handle) fail(ErrorKind::unsupported, "device cuda: this build has no {}", library);
  return handle;
}

template <class Function>
Function* entry(const char* name) {
  static void* const handle = load();  // thrown errors leave it to be tried again
  void* function = dlsym(handle, name);
  if (!function)
    fail(ErrorKind::unsupported, "device cuda: {} is not of this version of Drypoint", library);
  return reinterpret_cast<Function*>(function);
}

}  // namespace

std::unique_ptr<Backend> make_cuda_backend(const CudaOptions& options) {
  return std::unique_ptr<Backend>(entry<cuda::MakeBackend>(cuda::make_backend_name)(options));
}

std::unique_ptr<Instruments> make_cuda_instruments(const Backend& backend, bool spin) {
  return std::unique_ptr<Instruments>(
      entry<cuda::MakeInstruments>(cuda::make_instruments_name)(backend, spin));
}

}  // namespace drypoint
