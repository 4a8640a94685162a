// The CUDA backend is a shared library of its own, so that one program runs with and without GPU.
#include <dlfcn.h>

#include <filesystem>

#include "backend/backend.h"
#include "backend/cuda_chip.h"
#include "backend/cuda_entry.h"
#include "base/error.h"
#include "base/own_file.h"
#include "hash/interface_hash.h"

namespace drypoint {
namespace {

constexpr const char* library = "libdrypoint_cuda.so";

/// From beside this very code, where it lies when built and when installed, and from nowhere else:
/// what other folders hold may be anyone's.
void* load(std::string& name) {
  const std::filesystem::path own = own_file();
  const std::filesystem::path path = own.parent_path() / library;
  name = path.string();
  std::error_code ignored;
  if (own.empty() || !std::filesystem::exists(path, ignored))
    fail(ErrorKind::unsupported, "device cuda: this build has no {}", library);
  void* const handle = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (!handle) fail(ErrorKind::unsupported, "device cuda: {}", dlerror());
  return handle;
}

const cuda::Entry& entry() {
  static const cuda::Entry& found = []() -> const cuda::Entry& {  // if it throws, it is tried again
    std::string path;
    void* const handle = load(path);
    return cuda::entry_of(handle, path);
  }();
  return found;
}

}  // namespace

const cuda::Entry& cuda::entry_of(void* handle, const std::string& path) {
  const auto* entry = static_cast<const Entry*>(dlsym(handle, entry_name));
  const std::string_view found = entry ? entry->interface : "none";
  if (found != interface_hash)
    fail(
        ErrorKind::bad_file,
        "device cuda: {}: was built for the interface {}, but this program has {}: build both from "
        "one source",
        path, found, interface_hash);
  return *entry;
}

std::unique_ptr<Backend> make_cuda_backend(const CudaOptions& options) {
  return std::unique_ptr<Backend>(entry().make_backend(options));
}

std::unique_ptr<Backend> make_cuda_chip(const CudaOptions& options, std::string_view capability) {
  return std::unique_ptr<Backend>(entry().make_chip(options, capability));
}

std::unique_ptr<Instruments> make_cuda_instruments(const Backend& backend, bool spin) {
  return std::unique_ptr<Instruments>(entry().make_instruments(backend, spin));
}

}  // namespace drypoint
