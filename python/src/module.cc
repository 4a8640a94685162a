// The module drypoint._core. What users see is in drypoint/__init__.py.
#include <nanobind/nanobind.h>
#include <nanobind/stl/filesystem.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include "control.h"
#include "drypoint/demo_model.h"
#include "drypoint/sampling.h"
#include "drypoint/version.h"
#include "errors.h"
#include "image.h"
#include "pipeline.h"
#include "queue.h"
#include "request.h"
#include "tools.h"

NB_MODULE(_core, module) {
  using namespace drypoint;
  nanobind::set_leak_warnings(false);  // what is global in a program is not freed at its end
  python::translate_errors();
  python::add_image(module);
  python::add_control(module);
  python::add_request(module);
  python::add_result(module);
  python::add_pipeline(module);
  python::add_queue(module);
  python::add_inspect(module);
  python::add_measure(module);
  python::add_score(module);
  python::add_files(module);
  python::add_text(module);
  python::add_quantize(module);
  python::add_upscale(module);
  module.def(
      "version", [] { return std::string(version()); }, "\"0.1.0\".");
  module.def(
      "samplers",
      [] {
        const auto names = sampler_names();
        return std::vector<std::string>(names.begin(), names.end());
      },
      "Names of the samplers.");
  module.def(
      "sigmas_between",
      [](const std::string& schedule, int64_t count, double low, double high) {
        return sigmas_between(schedule_named(schedule), count, low, high);
      },
      nanobind::arg("schedule"), nanobind::arg("count"), nanobind::arg("low"),
      nanobind::arg("high"),
      "`count` noise levels of \"karras\", \"exponential\", \"polyexponential\" or \"beta\", from "
      "`high` down to `low`, as `sigmas` of a request has them. Raises BadArgument.");
  module.def("demo_model", &demo_model, nanobind::sig("def demo_model() -> pathlib.Path"),
             "Where the small demo model lies. Raises BadFile if it is not there.");
}
