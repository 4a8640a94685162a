// A library that a machine may have or not, loaded at run time.
#pragma once

#include <string>

namespace drypoint::cuda {

class SharedLibrary {
 public:
  /// Looks for it where the system does, and where the CUDA toolkit is installed. It stays loaded.
  explicit SharedLibrary(std::string name);

  /// What a name in the library stands for: becomes the function pointer that it is put into.
  struct Symbol {
    void* address;

    template <class Function>
    operator Function*() const {
      return reinterpret_cast<Function*>(address);
    }
  };
  /// Null where the library or the name is missing.
  Symbol operator[](const char* symbol);

  const std::string& name() const { return name_; }
  bool is_there() const { return handle_ != nullptr; }
  /// The first name that was asked for in vain; empty if there is none.
  const std::string& missing() const { return missing_; }

 private:
  std::string name_, missing_;
  void* handle_ = nullptr;
};

}  // namespace drypoint::cuda
