#include "queue.h"

#include <nanobind/stl/optional.h>
#include <nanobind/stl/string.h>

#include <algorithm>
#include <chrono>
#include <memory>
#include <optional>
#include <string>

#include "callbacks.h"
#include "drypoint/queue.h"
#include "fields.h"
#include "pipeline.h"
#include "request.h"

namespace drypoint::python {
namespace {

using std::chrono::milliseconds;
using Clock = std::chrono::steady_clock;

/// A queue that ends without the GIL, as its threads may wait for that.
class OwnQueue {
 public:
  OwnQueue(const Model& model, const QueueOptions& options)
      : model_(model), queue_(std::make_unique<Queue>(model, options)) {}
  ~OwnQueue() {
    without_gil([&] { queue_.reset(); });
  }
  OwnQueue(const OwnQueue&) = delete;
  OwnQueue& operator=(const OwnQueue&) = delete;

  const Model& model() const { return model_; }
  Queue& get() { return *queue_; }

 private:
  Model model_;
  std::unique_ptr<Queue> queue_;
};

/// A job, and what it calls, which may know the job: Python's collector is shown that once the job
/// has ended, and no sooner, as until then the queue holds it too.
struct OwnJob {
  Job job;
  Held progress, stop, preview;

  bool has_ended() const { return job.wait_for(milliseconds(0)); }
};

int traverse(PyObject* self, visitproc visit, void* arg) {
  Py_VISIT(Py_TYPE(self));
  if (!nb::inst_ready(self)) return 0;
  const OwnJob& own = *nb::inst_ptr<OwnJob>(self);
  if (!own.has_ended()) return 0;
  Py_VISIT(own.progress.get());
  Py_VISIT(own.stop.get());
  Py_VISIT(own.preview.get());
  return 0;
}

PyType_Slot job_slots[] = {{Py_tp_traverse, reinterpret_cast<void*>(traverse)}, {0, nullptr}};

/// Waits in pieces, so that signals are seen. -> whether it has ended
bool wait(const OwnJob& own, std::optional<double> timeout) {
  const Job& job = own.job;
  const auto stop = stop_callback(nb::none());
  return without_gil([&] {
    const auto end =
        timeout ? Clock::now() + std::chrono::duration_cast<Clock::duration>(
                                     std::chrono::duration<double>(std::clamp(*timeout, 0.0, 1e8)))
                : Clock::time_point::max();
    while (true) {
      const auto left = std::chrono::ceil<milliseconds>(end - Clock::now());
      if (job.wait_for(std::clamp(left, milliseconds(0), milliseconds(20)))) return true;
      if (Clock::now() >= end) return false;
      if (stop) stop();
    }
  });
}

Result result_of(const OwnJob& job, std::optional<double> timeout) {
  if (!wait(job, timeout)) {
    PyErr_SetString(PyExc_TimeoutError, "the job has not ended yet");
    throw nb::python_error();
  }
  return without_gil([&] { return job.job.result(); });
}

OwnJob push(OwnQueue& queue, nb::handle given, const nb::object& progress, const nb::object& stop,
            const nb::object& preview, int preview_steps, const nb::kwargs& fields) {
  Request request = to_request(given, queue.model().defaults(), fields);
  const Held on_progress = hold_callable(progress), on_stop = hold_callable(stop),
             on_preview = hold_callable(preview);
  Callbacks callbacks{.progress = callback<Progress>(on_progress),
                      .stop = stop_callback_elsewhere(on_stop),
                      .preview = callback<Image>(on_preview),
                      .preview_steps = preview_steps};
  return without_gil([&] {
    return OwnJob{queue.get().push(std::move(request), std::move(callbacks)), on_progress, on_stop,
                  on_preview};
  });
}

}  // namespace

void add_queue(nb::module_& module) {
  nb::class_<OwnJob>(
      module, "Job", nb::is_weak_referenceable(), nb::type_slots(job_slots),
      "A request on its way through a queue. `await job` gives its result; where the "
      "awaiting task is cancelled, so is the job.")
      .def_prop_ro(
          "state", [](const OwnJob& own) { return std::string(name(own.job.state())); },
          "\"waiting\", \"drawing\", \"done\", \"failed\" or \"cancelled\".")
      .def_prop_ro(
          "place", [](const OwnJob& own) { return own.job.place(); },
          "In line: 1 is next; 0 once its turn has come.")
      .def_prop_ro("progress", [](const OwnJob& own) { return own.job.progress(); })
      .def_prop_ro(
          "together", [](const OwnJob& own) { return own.job.together(); },
          "How many were drawn as one batch, this one included; 0 until it is done.")
      .def(
          "cancel", [](OwnJob& own) { own.job.cancel(); }, nb::call_guard<nb::gil_scoped_release>(),
          "Gives it up: at once where it waits, soon where it is being drawn.")
      .def("wait", &wait, nb::arg("timeout") = nb::none(),
           nb::sig("def wait(self, timeout: float | None = None) -> bool"),
           "Whether it has ended by then (seconds).")
      .def("result", &result_of, nb::arg("timeout") = nb::none(),
           nb::sig("def result(self, timeout: float | None = None) -> Result"),
           R"(Waits (seconds at most), then returns what `Pipeline.generate` would.

Raises what that would, Cancelled, TimeoutError.)")
      .def(
          "__await__",
          [](nb::handle self) {
            return nb::module_::import_("drypoint._async")
                .attr("result_of")(self)
                .attr("__await__")();
          },
          nb::sig("def __await__(self) -> collections.abc.Generator[typing.Any, None, Result]"))
      .def("__repr__", [](const OwnJob& own) {
        return "<drypoint.Job " + std::string(name(own.job.state())) + ">";
      });

  const std::string keywords =
      "self, request: Request | str | None = None, *, progress: "
      "collections.abc.Callable[[Progress], object] | None = None, stop: "
      "collections.abc.Callable[[], object] | None = None" +
      std::string(preview_keywords) + request_keywords();
  nb::class_<OwnQueue>(module, "Queue", nb::is_weak_referenceable(),
                       R"(Draws in its own threads what any thread gives it, in order.

Requests of equal shape (one sample, equal but for prompts, guidance, seed, noise and picture) are drawn
together; each result is the same to the byte as if it were drawn alone. `pipelines` (1 to 16) draw side
by side; `together` (1 to 64) requests at most at once, 0: as many as the device has a use for. As a
context manager it stops at the end.

Raises BadArgument, OutOfMemory.)")
      .def(
          "__init__",
          [](OwnQueue* self, nb::handle model, int pipelines, int together) {
            const Model& own = model_of(model);
            without_gil([&] { new (self) OwnQueue(own, {pipelines, together}); });
            nb::module_::import_("drypoint._async").attr("stop_at_exit")(nb::find(*self));
          },
          nb::arg("model"), nb::kw_only(), nb::arg("pipelines") = 1, nb::arg("together") = 0,
          nb::sig(
              "def __init__(self, model: Model | Pipeline, *, pipelines: int = 1, together: int "
              "= 0) -> None"))
      .def("push", &push, nb::arg("request") = nb::none(), nb::kw_only(),
           nb::arg("progress") = nb::none(), nb::arg("stop") = nb::none(),
           nb::arg("preview") = nb::none(), nb::arg("preview_steps") = 5, nb::arg("fields"),
           nb::sig(lasting("def push(" + keywords + ") -> Job")),
           R"(Takes its place at the end of the line.

As `Pipeline.generate`, but what is wrong with the request's values together is told by the job, no bar
is shown, and callbacks are called in a thread of the queue; they must not wait for this job. Raises
BadArgument, Cancelled once the queue has stopped.)")
      .def_prop_ro(
          "waiting", [](OwnQueue& queue) { return queue.get().waiting(); }, "Jobs in line.")
      .def_prop_ro("model", [](const OwnQueue& queue) { return Model(queue.model()); })
      .def(
          "stop", [](OwnQueue& queue) { queue.get().stop(); },
          nb::call_guard<nb::gil_scoped_release>(),
          "Takes no more jobs, and ends all there are as cancelled.")
      .def(
          "__enter__", [](nb::handle self) { return nb::borrow(self); },
          nb::sig("def __enter__(self) -> Queue"))
      .def(
          "__exit__",
          [](OwnQueue& queue, const nb::args&) { without_gil([&] { queue.get().stop(); }); },
          nb::sig("def __exit__(self, *exception: object) -> None"))
      .def("__repr__", [](OwnQueue& queue) {
        return "<drypoint.Queue of " + queue.model().description().model + ", " +
               std::to_string(queue.get().waiting()) + " waiting>";
      });
}

}  // namespace drypoint::python
