// Where the library itself lies, and with it what belongs to it.
#pragma once

#include <filesystem>

namespace drypoint {

/// The file that holds this code, as the kernel mapped it: an absolute path, whatever the program
/// was called and wherever it runs. Empty where the kernel does not say.
std::filesystem::path own_file();

}  // namespace drypoint
