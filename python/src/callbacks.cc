#include "callbacks.h"

#include <chrono>
#include <utility>

namespace drypoint::python {
namespace {

class Stop {
 public:
  Stop(Held stop, bool watch_signals) : stop_(std::move(stop)), watch_signals_(watch_signals) {}

  bool operator()() {
    const auto now = std::chrono::steady_clock::now();
    if (stopped_ || now < next_) return stopped_;
    next_ = now + std::chrono::milliseconds(10);
    const nb::gil_scoped_acquire gil;
    try {
      if (watch_signals_ && PyErr_CheckSignals() != 0) throw nb::python_error();
      if (stop_) stopped_ = nb::cast<bool>(nb::bool_(nb::handle(stop_.get())()));
    } catch (const nb::python_error& error) {
      throw Raised(error);
    }
    return stopped_;
  }

 private:
  Held stop_;
  bool watch_signals_, stopped_ = false;
  std::chrono::steady_clock::time_point next_;
};

}  // namespace

std::function<bool()> stop_callback(nb::handle stop) {
  const nb::module_ threading = nb::module_::import_("threading");
  const bool is_main = threading.attr("current_thread")().is(threading.attr("main_thread")());
  if (stop.is_none() && !is_main) return {};
  return Stop(hold_callable(stop), is_main);
}

std::function<bool()> stop_callback_elsewhere(Held stop) {
  if (!stop) return {};
  return Stop(std::move(stop), false);
}

nb::object with_bar(nb::handle progress) {
  if (progress.is(nb::handle(Py_False))) return nb::none();
  if (progress.is_none() || progress.is(nb::handle(Py_True)))
    return nb::module_::import_("drypoint._progress").attr("bar")();
  return nb::borrow(progress);
}

}  // namespace drypoint::python
