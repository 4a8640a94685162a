#include <nanobind/stl/filesystem.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <string>
#include <vector>

#include "callbacks.h"
#include "drypoint/bench.h"
#include "drypoint/fields.h"
#include "drypoint/profile.h"
#include "fields.h"
#include "pipeline.h"
#include "tools.h"

namespace drypoint::python {
namespace {

ImageSize to_size(nb::handle size) {
  Request request;
  set_field(*find_field(request_fields(), "size"), request, size);
  return request.size;
}

nb::object from_json(const std::string& json) {
  return nb::module_::import_("json").attr("loads")(json);
}

const char* of_workload =
    ", batch: int = 1, steps: int = 20, guidance_scale: float = 9, "
    "stop: collections.abc.Callable[[], object] | None = None, progress: "
    "collections.abc.Callable[[str], object] | None = None";

nb::object run_bench(nb::handle model, nb::handle sizes, int batch, int steps,
                     double guidance_scale, int warmup, int iterations, double duration,
                     bool transfers, nb::handle stop, nb::handle progress,
                     const nb::kwargs& keywords) {
  const Opened opened = to_opened(model, keywords, "bench");
  BenchOptions options{.workload = {opened.files, opened.options, batch, steps, guidance_scale},
                       .warmup = warmup,
                       .iterations = iterations,
                       .duration = duration,
                       .transfers = transfers};
  for (nb::handle size : nb::iter(sizes)) options.sizes.push_back(to_size(size));
  BenchCallbacks callbacks{.stop = stop_callback(stop)};
  if (const auto report = callback<std::string>(progress))
    callbacks.progress = [report](const BenchProgress& now) {
      report(std::to_string(now.size.height) + "x" + std::to_string(now.size.width) + " " +
             std::to_string(now.done) + "/" + std::to_string(now.of));
    };
  return from_json(without_gil([&] { return to_json(bench(options, callbacks)); }));
}

ProfileResult run_profile(nb::handle model, nb::handle size, int batch, int steps,
                          double guidance_scale, const std::vector<std::string>& parts, int repeats,
                          nb::handle stop, nb::handle progress, const nb::kwargs& keywords) {
  const Opened opened = to_opened(model, keywords, "profile");
  const ProfileOptions options{
      {opened.files, opened.options, batch, steps, guidance_scale}, to_size(size), parts, repeats};
  const ProfileCallbacks callbacks{callback<std::string>(progress), stop_callback(stop)};
  return without_gil([&] { return profile(options, callbacks); });
}

}  // namespace

void add_measure(nb::module_& module) {
  const std::string model = "(model: str | os.PathLike[str] | None = None, *";
  module.def(
      "bench", &run_bench, nb::arg("model") = nb::none(), nb::kw_only(), nb::arg("sizes"),
      nb::arg("batch") = 1, nb::arg("steps") = 20, nb::arg("guidance_scale") = 9.0,
      nb::arg("warmup") = 1, nb::arg("iterations") = 10, nb::arg("duration") = 0.0,
      nb::arg("transfers") = true, nb::arg("stop") = nb::none(), nb::arg("progress") = nb::none(),
      nb::arg("keywords"),
      nb::sig(lasting("def bench" + model +
                      ", sizes: collections.abc.Iterable[str | tuple[int, int]], warmup: int = 1, "
                      "iterations: int = 10, duration: float = 0, transfers: bool = True" +
                      of_workload + opened_keywords() + ") -> dict[str, typing.Any]")),
      R"(How fast a model draws pictures of these sizes: the parts of a picture, timed over and over.

-> what `drypoint bench --json` prints, times in seconds. Raises BadArgument, and what `Pipeline`
raises.)");
  nb::class_<ProfileResult>(module, "Profile", "Where the time of a picture goes.")
      .def(
          "to_dict", [](const ProfileResult& profile) { return from_json(to_json(profile)); },
          nb::sig("def to_dict(self) -> dict[str, typing.Any]"),
          "Every operation and every kernel, as `drypoint profile --json` prints them.")
      .def(
          "html", [](const ProfileResult& profile) { return to_page(profile); },
          "A page that needs nothing else.")
      .def(
          "trace", [](const ProfileResult& profile) { return to_trace(profile); },
          "JSON for chrome://tracing and https://ui.perfetto.dev.")
      .def_ro("notices", &ProfileResult::notices)
      .def("_repr_html_",
           [](nb::handle self) {
             return nb::module_::import_("drypoint._html").attr("of_page")(self.attr("html")());
           })
      .def("__repr__", [](const ProfileResult& profile) {
        return "<drypoint.Profile of " + profile.model + " on " + profile.device + ">";
      });
  module.def(
      "profile", &run_profile, nb::arg("model") = nb::none(), nb::kw_only(), nb::arg("size"),
      nb::arg("batch") = 1, nb::arg("steps") = 20, nb::arg("guidance_scale") = 9.0,
      nb::arg("parts") = std::vector<std::string>(), nb::arg("repeats") = 8,
      nb::arg("stop") = nb::none(), nb::arg("progress") = nb::none(), nb::arg("keywords"),
      nb::sig(lasting("def profile" + model +
                      ", size: str | tuple[int, int], parts: collections.abc.Sequence[str] = (), "
                      "repeats: int = 8" +
                      of_workload + opened_keywords() + ") -> Profile")),
      R"(Runs each part of a picture by itself and as it is, with profiling and without.

`parts` are of "text", "hint", "step" and "vae"; none: all. Raises BadArgument, and what `Pipeline`
raises.)");
}

}  // namespace drypoint::python
