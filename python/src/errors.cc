#include "errors.h"

#include <exception>
#include <string>

#include "drypoint/error.h"

namespace drypoint::python {
namespace {

void translate(const std::exception_ptr& thrown, void* /*payload*/) {
  try {
    std::rethrow_exception(thrown);
  } catch (const Raised& raised) {
    raised.restore();
  } catch (const Error& error) {
    const nb::object types = nb::module_::import_("drypoint.errors").attr("by_kind");
    const nb::object type = types[std::string(name(error.kind())).c_str()];
    PyErr_SetString(type.ptr(), error.what());
  }
}

}  // namespace

Held hold(nb::object object) {
  return {object.release().ptr(), [](PyObject* held) {
            const nb::gil_scoped_acquire gil;
            Py_DECREF(held);
          }};
}

void Raised::restore() const {
  PyErr_SetObject(reinterpret_cast<PyObject*>(Py_TYPE(exception_.get())), exception_.get());
}

void translate_errors() { nb::register_exception_translator(translate); }

}  // namespace drypoint::python
