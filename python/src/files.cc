#include <nanobind/stl/filesystem.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <filesystem>
#include <string>
#include <tuple>
#include <vector>

#include "callbacks.h"
#include "drypoint/export.h"
#include "drypoint/fields.h"
#include "drypoint/plan.h"
#include "drypoint/synth.h"
#include "fields.h"
#include "pipeline.h"
#include "tools.h"

namespace drypoint::python {
namespace {

using Path = std::filesystem::path;

std::vector<Path> export_model(const Path& folder, nb::handle model, const std::string& precision,
                               const std::string& rounded, const std::vector<std::string>& parts,
                               nb::handle stop, const nb::kwargs& keywords) {
  const Opened opened = to_opened(model, keywords, "export_onnx");
  const OnnxOptions options{.precision = precision, .rounded = rounded, .parts = parts};
  const auto asked = stop_callback(stop);
  return without_gil([&] { return export_onnx(opened.files, folder, options, asked); });
}

PlanInfo build(const Path& output, nb::handle model, nb::handle sizes, int samples, bool any_size,
               nb::handle stop, nb::handle progress, const nb::kwargs& keywords) {
  const Opened opened = to_opened(model, keywords, "build_plan");
  BuildOptions options{.samples = samples, .any_size = any_size, .pipeline = opened.options};
  for (nb::handle size : nb::iter(sizes)) {
    Request request;
    set_field(*find_field(request_fields(), "size"), request, size);
    options.sizes.push_back(request.size);
  }
  BuildCallbacks callbacks{.stop = stop_callback(stop)};
  if (const auto report = callback<std::string, int, int>(progress))
    callbacks.progress = [report](const BuildProgress& now) { report(now.what, now.done, now.of); };
  return without_gil([&] { return build_plan(opened.files, output, options, callbacks).info; });
}

void add_plan(nb::module_& module) {
  nb::class_<PlanInfo>(module, "PlanInfo", "What a plan is for.")
      .def_ro("producer", &PlanInfo::producer, "The version of Drypoint that built it.")
      .def_ro("model", &PlanInfo::model)
      .def_ro("control", &PlanInfo::control)
      .def_prop_ro(
          "device", [](const PlanInfo& plan) { return plan.device.kind; }, "\"cuda\" ...")
      .def_prop_ro("hardware", [](const PlanInfo& plan) { return plan.device.hardware; })
      .def_prop_ro("precision",
                   [](const PlanInfo& plan) { return std::string(plan.device.precision.name()); })
      .def_prop_ro(
          "sizes",
          [](const PlanInfo& plan) {
            std::vector<std::tuple<int, int>> sizes;
            for (const auto& size : plan.sizes) sizes.emplace_back(size.height, size.width);
            return nb::cast(sizes);
          },
          nb::sig("def sizes(self) -> list[tuple[int, int]]"), "(height, width).")
      .def_ro("samples", &PlanInfo::samples)
      .def_ro("any_size", &PlanInfo::any_size, "Whether it runs other sizes too.")
      .def_ro("packed_bytes", &PlanInfo::packed_bytes)
      .def_ro("file_bytes", &PlanInfo::file_bytes)
      .def("__repr__", [](const PlanInfo& plan) {
        return "<drypoint.PlanInfo " + plan.model + " for " + plan.device.kind + ", " +
               std::string(plan.device.precision.name()) + ">";
      });
  module.def(
      "build_plan", &build, nb::arg("output"), nb::arg("model") = nb::none(), nb::kw_only(),
      nb::arg("sizes") = nb::list(), nb::arg("samples") = 1, nb::arg("any_size") = true,
      nb::arg("stop") = nb::none(), nb::arg("progress") = nb::none(), nb::arg("keywords"),
      nb::sig(lasting(
          "def build_plan(output: str | os.PathLike[str], model: str | os.PathLike[str] | None = "
          "None, "
          "*, sizes: collections.abc.Iterable[str | tuple[int, int]] = (), samples: int = 1, "
          "any_size: "
          "bool = True, stop: collections.abc.Callable[[], object] | None = None, progress: "
          "collections.abc.Callable[[str, int, int], object] | None = None" +
          opened_keywords() + ") -> PlanInfo")),
      R"(Makes a model ready for a device and pictures of these sizes, in one file that loads at once.

`Model(plan=output)` opens it. `progress` is given (what, done, of). Raises BadArgument, what `Pipeline`
raises, WriteFailed, Cancelled.)");
  module.def(
      "inspect_plan",
      [](const Path& path, bool verify) {
        return without_gil([&] { return inspect_plan(path, verify); });
      },
      nb::arg("path"), nb::arg("verify") = false,
      nb::sig("def inspect_plan(path: str | os.PathLike[str], verify: bool = False) -> PlanInfo"),
      "What a plan is for; with `verify`, all its data are checked. Raises BadFile.");
}

}  // namespace

void add_files(nb::module_& module) {
  add_plan(module);
  module.def(
      "export_onnx", &export_model, nb::arg("folder"), nb::arg("model") = nb::none(), nb::kw_only(),
      nb::arg("precision") = "fp32", nb::arg("rounded") = "auto",
      nb::arg("parts") = std::vector<std::string>(), nb::arg("stop") = nb::none(),
      nb::arg("keywords"),
      nb::sig(
          lasting("def export_onnx(folder: str | os.PathLike[str], model: str | os.PathLike[str] | "
                  "None = None, *, precision: str = 'fp32', rounded: str = 'auto', parts: "
                  "collections.abc.Sequence[str] = (), stop: collections.abc.Callable[[], object] "
                  "| None = None" +
                  keywords_of(model_fields(), "model") + ") -> list[pathlib.Path]")),
      R"(Writes a model's parts as ONNX files, for TensorRT, ONNX Runtime and others. -> the files.

`parts` are of "text_encoder", "controlnet", "unet", "denoiser", "vae_decoder", "vae_encoder"; none: all
that it has. `precision` is "fp32" or "fp16"; `rounded`, "fp8" or "int8", rounds the products that
`calibration` has ranges for (QuantizeLinear, DequantizeLinear). Raises BadFile, Unsupported, BadArgument, WriteFailed,
NonFinite, Cancelled.)");
  module.def(
      "synthesize",
      [](const Path& path, const std::string& arch, uint64_t seed, const std::string& dtype,
         nb::handle stop) {
        const auto asked = stop_callback(stop);
        without_gil([&] { synthesize(path, {arch, seed, dtype}, asked); });
      },
      nb::arg("path"), nb::arg("arch") = "tiny", nb::arg("seed") = 0, nb::arg("dtype") = "f16",
      nb::kw_only(), nb::arg("stop") = nb::none(),
      nb::sig(
          "def synthesize(path: str | os.PathLike[str], arch: str = 'tiny', seed: int = 0, dtype: "
          "str = 'f16', *, stop: collections.abc.Callable[[], object] | None = None) -> None"),
      R"(Writes a checkpoint of random weights ("tiny", "sd15", "sd21", ...), for measurements.

`dtype` is "f16", "bf16" or "f32". Raises BadArgument, WriteFailed, Cancelled.)");
}

}  // namespace drypoint::python
