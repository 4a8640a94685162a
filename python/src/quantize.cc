// Eight bits: ranges of what a model computes, and what is lost where.
#include <nanobind/stl/filesystem.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "callbacks.h"
#include "drypoint/calibrate.h"
#include "drypoint/compare.h"
#include "drypoint/fields.h"
#include "fields.h"
#include "pipeline.h"
#include "request.h"
#include "tools.h"

namespace drypoint::python {
namespace {

Request request_of(nb::handle given) {
  return given.is_none() ? Request() : nb::cast<const Request&>(given);
}

Calibration run_calibrate(const std::filesystem::path& output, nb::handle model,
                          const std::optional<std::filesystem::path>& pictures,
                          std::vector<std::string> prompts, nb::handle request, int count,
                          const std::string& method, int step_groups, nb::handle stop,
                          nb::handle progress, const nb::kwargs& keywords) {
  const Opened opened = to_opened(model, keywords, "calibrate");
  const CalibrationOptions options{.files = opened.files,
                                   .pipeline = opened.options,
                                   .pictures = pictures.value_or(""),
                                   .prompts = std::move(prompts),
                                   .request = request_of(request),
                                   .count = count,
                                   .method = range_method_named(method),
                                   .step_groups = step_groups};
  CalibrationCallbacks callbacks{.stop = stop_callback(stop)};
  if (const auto report = callback<int, int>(progress))
    callbacks.progress = [report](const CalibrationProgress& now) { report(now.drawing, now.of); };
  return without_gil([&] { return calibrate(options, output, callbacks); });
}

/// {"precision": "fp8"}: settings of a device, over those of `base`.
PipelineOptions to_options(nb::handle settings, const PipelineOptions& base, const char* of) {
  PipelineOptions options = base;
  const nb::object own = nb::module_::import_("builtins").attr("dict")(settings);
  const nb::kwargs given = nb::borrow<nb::kwargs>(own);
  Keywords keywords(given);
  keywords.set(options, pipeline_fields());
  keywords.expect_none_left(of);
  return options;
}

PrecisionComparison run_compare(nb::handle model, nb::handle a, nb::handle b,
                                const std::optional<std::filesystem::path>& pictures,
                                std::vector<std::string> prompts, nb::handle request, int count,
                                int steps, nb::handle stop, nb::handle progress,
                                const nb::kwargs& keywords) {
  const Opened opened = to_opened(model, keywords, "compare");
  const ComparisonOptions options{.files = opened.files,
                                  .a = to_options(a, opened.options, "a"),
                                  .b = to_options(b, opened.options, "b"),
                                  .pictures = pictures.value_or(""),
                                  .prompts = std::move(prompts),
                                  .request = request_of(request),
                                  .count = count,
                                  .steps = steps};
  ComparisonCallbacks callbacks{.stop = stop_callback(stop)};
  if (const auto report = callback<std::string>(progress))
    callbacks.progress = [report](const ComparisonProgress& now) { report(now.what); };
  return without_gil([&] { return compare(options, callbacks); });
}

const char* of_drawings =
    "pictures: str | os.PathLike[str] | None = None, prompts: collections.abc.Sequence[str] = (), "
    "request: Request | None = None, ";
const char* of_callbacks =
    "stop: collections.abc.Callable[[], object] | None = None, progress: "
    "collections.abc.Callable";

}  // namespace

void add_quantize(nb::module_& module) {
  nb::class_<CalibratedModule>(module, "CalibratedModule")
      .def_ro("name", &CalibratedModule::name, "As in the original code.")
      .def_ro("largest", &CalibratedModule::largest, "Magnitude of its input; 0 from a file.")
      .def_ro("range_f8", &CalibratedModule::range_f8)
      .def_ro("range_i8", &CalibratedModule::range_i8);
  nb::class_<Calibration>(module, "Calibration", "Which ranges a model's values have.")
      .def_ro("modules", &Calibration::modules)
      .def_ro("drawings", &Calibration::drawings)
      .def_ro("resumed", &Calibration::resumed, "Of these, drawn by a run before.")
      .def_ro("notices", &Calibration::notices);
  nb::class_<ComparedModule>(module, "ComparedModule", "What a precision does to one product.")
      .def_ro("name", &ComparedModule::name)
      .def_ro("errors", &ComparedModule::errors,
              "For each step looked at: root mean square difference over root mean square.")
      .def_ro("worst", &ComparedModule::worst)
      .def_ro("saturation", &ComparedModule::saturation,
              "Share of its input's values that are cut.")
      .def_ro("rounded", &ComparedModule::rounded, "Whether it is computed in eight bits.");
  nb::class_<PrecisionComparison>(module, "PrecisionComparison", "Two precisions side by side.")
      .def_ro("model", &PrecisionComparison::model)
      .def_ro("device_a", &PrecisionComparison::device_a)
      .def_ro("device_b", &PrecisionComparison::device_b)
      .def_ro("steps", &PrecisionComparison::steps, "That were looked at, from 0.")
      .def_ro("modules", &PrecisionComparison::modules, "The worst first.")
      .def_ro("psnr", &PrecisionComparison::psnr, "Of each drawing's picture, dB.")
      .def_ro("notices", &PrecisionComparison::notices)
      .def("_repr_html_", &comparison_page);
  module.def(
      "calibrate", &run_calibrate, nb::arg("output"), nb::arg("model") = nb::none(), nb::kw_only(),
      nb::arg("pictures") = nb::none(), nb::arg("prompts") = std::vector<std::string>(),
      nb::arg("request") = nb::none(), nb::arg("count") = 0, nb::arg("method") = "max",
      nb::arg("step_groups") = 4, nb::arg("stop") = nb::none(), nb::arg("progress") = nb::none(),
      nb::arg("keywords"),
      nb::sig(lasting(std::string("def calibrate(output: str | os.PathLike[str], model: str | "
                                  "os.PathLike[str] | None = None, *, ") +
                      of_drawings +
                      "count: int = 0, method: str = \"max\", step_groups: int = 4, " +
                      of_callbacks + "[[int, int], object] | None = None" + opened_keywords() +
                      ") -> Calibration")),
      R"(Draws, and writes to `output` (.safetensors) which ranges the denoiser's values have.

`pictures` is a folder of pictures that steer one drawing each; without it `prompts` alone are drawn. `count`
drawings, 0: as many as there are. `method` is "max", "percentile", "mse" or "entropy"; each of `step_groups`
equal shares of the steps has its own ranges. A run that was stopped goes on where it was. `progress` is
given (drawing, of). What is written is `calibration` of a model with precision="fp8" or "int8".

Raises BadArgument, BadFile, WriteFailed, Cancelled, and what `Pipeline` raises.)");
  module.def("compare", &run_compare, nb::arg("model") = nb::none(), nb::kw_only(), nb::arg("a"),
             nb::arg("b"), nb::arg("pictures") = nb::none(),
             nb::arg("prompts") = std::vector<std::string>(), nb::arg("request") = nb::none(),
             nb::arg("count") = 1, nb::arg("steps") = 3, nb::arg("stop") = nb::none(),
             nb::arg("progress") = nb::none(), nb::arg("keywords"),
             nb::sig(lasting(
                 std::string("def compare(model: str | os.PathLike[str] | None = None, *, a: "
                             "collections.abc.Mapping[str, typing.Any], b: "
                             "collections.abc.Mapping[str, typing.Any], ") +
                 of_drawings + "count: int = 1, steps: int = 3, " + of_callbacks +
                 "[[str], object] | None = None" + opened_keywords() + ") -> PrecisionComparison")),
             R"(Draws with two settings of the device, and tells where the second loses what.

`a` and `b` are such as {"precision": "fp8"}, over the keywords that both share; `steps` are looked at, spread
over all of a drawing's. In a notebook the result shows a plot. `progress` is given what is being done.

Raises BadArgument, BadFile, Cancelled, and what `Pipeline` raises.)");
  nb::class_<CalibrationFile>(module, "CalibrationFile")
      .def_ro("modules", &CalibrationFile::modules)
      .def_ro("how", &CalibrationFile::how, "It was made, as JSON.")
      .def_ro("kept_f8", &CalibrationFile::kept_f8, "Modules that stay as they are.")
      .def_ro("kept_i8", &CalibrationFile::kept_i8);
  module.def("inspect_calibration", &inspect_calibration, nb::arg("path"),
             nb::sig("def inspect_calibration(path: str | os.PathLike[str]) -> CalibrationFile"),
             "What a file by `calibrate` holds. Raises BadFile.");
}

}  // namespace drypoint::python
