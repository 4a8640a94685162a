// Python's callables as the library's callbacks.
#pragma once

#include <nanobind/nanobind.h>

#include <functional>
#include <utility>

#include "drypoint/pipeline.h"
#include "errors.h"

namespace drypoint::python {

/// Asks whether to stop, as often as one likes: Python itself is asked each 10 ms. `stop` is a
/// callable or None; in Python's main thread, signals are looked after too, so that Ctrl-C raises
/// KeyboardInterrupt. What Python raises is thrown as `Raised`. Empty where there is nobody to ask.
std::function<bool()> stop_callback(nb::handle stop);
/// The same in another thread, which gets no signals.
std::function<bool()> stop_callback_elsewhere(Held stop);

/// Empty for None.
inline Held hold_callable(nb::handle callable) {
  return callable.is_none() ? Held() : hold(nb::borrow(callable));
}

/// Calls a Python callable with these, which `nb::cast` takes, in any thread; empty where there is
/// none.
template <class... Arguments>
std::function<void(const Arguments&...)> callback(Held held) {
  if (!held) return {};
  return [held = std::move(held)](const Arguments&... arguments) {
    const nb::gil_scoped_acquire gil;
    try {
      nb::handle(held.get())(arguments...);
    } catch (const nb::python_error& error) {
      throw Raised(error);
    }
  };
}

template <class... Arguments>
std::function<void(const Arguments&...)> callback(nb::handle callable) {
  return callback<Arguments...>(hold_callable(callable));
}

/// Where `progress` is None or True, a bar of tqdm where somebody can see it; where it is False,
/// none.
nb::object with_bar(nb::handle progress);

/// In a signature.
inline constexpr const char* preview_keywords =
    ", preview: collections.abc.Callable[[Image], object] | None = None, preview_steps: int = 5";

/// Runs `body` without the GIL.
template <class Body>
auto without_gil(Body&& body) {
  const nb::gil_scoped_release release;
  return std::forward<Body>(body)();
}

}  // namespace drypoint::python
