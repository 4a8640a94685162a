// Errors and objects on their way between C++ and Python.
#pragma once

#include <nanobind/nanobind.h>

#include <memory>

namespace drypoint::python {

namespace nb = nanobind;

/// An object that may be let go of in any thread, with the GIL or without.
using Held = std::shared_ptr<PyObject>;
Held hold(nb::object object);

/// What a Python callback raised, on its way through the library to whoever asks for the result,
/// perhaps more than once.
class Raised {
 public:
  /// Takes the error that has just been caught. The GIL is held.
  explicit Raised(const nb::python_error& error) : exception_(hold(nb::borrow(error.value()))) {}
  void restore() const;  ///< As Python's current error. The GIL is held.

 private:
  Held exception_;
};

/// `drypoint::Error` becomes the exception of its kind in drypoint/errors.py.
void translate_errors();

}  // namespace drypoint::python
