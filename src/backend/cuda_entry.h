// How the CUDA backend's library is entered.
#pragma once

#include <string>
#include <string_view>

#include "backend/backend.h"
#include "backend/instruments.h"

namespace drypoint::cuda {

/// What the library has to show, under the name `entry_name`.
struct Entry {
  /// Hash of the headers that both sides share. Where it differs, nothing else here holds.
  const char* interface;
  /// The caller owns the result. Throws Error.
  Backend* (*make_backend)(const CudaOptions& options);
  /// For a backend that the other made, as long as it lives.
  Instruments* (*make_instruments)(const Backend& backend, bool spin);
  /// Of a chip that is not here, see `make_cuda_chip`.
  Backend* (*make_chip)(const CudaOptions& options, std::string_view capability);
};
constexpr const char* entry_name = "drypoint_cuda_entry";

/// The entry of a library that dlopen gave. Throws bad_file, naming both sides' hashes, if it was
/// built from other headers than this code.
const Entry& entry_of(void* library, const std::string& path);

}  // namespace drypoint::cuda
