// A library that a machine may have or not, loaded at run time.
#pragma once

#include <string>
#include <type_traits>

namespace drypoint::cuda {

class SharedLibrary {
 public:
  /// Looks for it where the system does, and where the CUDA toolkit is installed. It stays loaded.
  explicit SharedLibrary(const std::string& name);

  bool is_there() const { return handle_ != nullptr; }
  /// Whether the library has the function.
  template <class Function>
  bool find(Function*& function, const char* symbol) const {
    function = reinterpret_cast<Function*>(address(symbol));
    return function != nullptr;
  }

 private:
  void* address(const char* symbol) const;

  void* handle_ = nullptr;
};

}  // namespace drypoint::cuda
