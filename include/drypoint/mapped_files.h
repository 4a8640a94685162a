// For programs that read model files through the library: what to say when one is cut short.
#pragma once

namespace drypoint {

/// Model and plan files are mapped, so a file that another process cuts short raises SIGBUS in the
/// thread that reads it. -> the path of the file that is mapped at this address (`si_addr`), or
/// nullptr. A signal handler may call it.
const char* mapped_file_at(const void* address) noexcept;

}  // namespace drypoint
