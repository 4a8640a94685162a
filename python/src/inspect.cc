#include "drypoint/inspect.h"

#include <nanobind/stl/array.h>
#include <nanobind/stl/filesystem.h>
#include <nanobind/stl/map.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/pair.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <string>

#include "callbacks.h"
#include "drypoint/fields.h"
#include "drypoint/inspect_graph.h"
#include "fields.h"
#include "pipeline.h"
#include "tools.h"

namespace drypoint::python {
namespace {

void add_checkpoint(nb::module_& module) {
  nb::class_<InspectedTensor>(module, "InspectedTensor")
      .def_ro("name", &InspectedTensor::name, "The last part of it.")
      .def_ro("dtype", &InspectedTensor::dtype, "\"f16\".")
      .def_ro("shape", &InspectedTensor::shape, "As stored, outermost first.")
      .def_ro("bytes", &InspectedTensor::bytes);
  nb::class_<InspectedModule>(module, "InspectedModule", "A module, and with it all that is below.")
      .def_ro("name", &InspectedModule::name)
      .def_ro("tensors", &InspectedModule::tensors)
      .def_ro("parameters", &InspectedModule::parameters)
      .def_ro("bytes", &InspectedModule::bytes)
      .def_ro("dtypes", &InspectedModule::dtypes, "Parameters by element type.")
      .def_ro("modules", &InspectedModule::modules)
      .def_ro("own", &InspectedModule::own, "Tensors in none of `modules`.");
  nb::class_<InspectedPart>(module, "InspectedPart")
      .def_ro("name", &InspectedPart::name,
              "\"UNet\", \"ControlNet\", \"VAE\" or \"text encoder\".")
      .def_ro("source", &InspectedPart::source, "The file or folder it lies in.")
      .def_ro("tensors", &InspectedPart::tensors)
      .def_ro("parameters", &InspectedPart::parameters)
      .def_ro("bytes", &InspectedPart::bytes)
      .def_ro("dtypes", &InspectedPart::dtypes, "Parameters by element type.")
      .def_ro("sizes", &InspectedPart::sizes, "What the shapes say: (\"channels\", [320, ...]).")
      .def_ro("problems", &InspectedPart::problems, "Empty if the part is complete.")
      .def_ro("modules", &InspectedPart::modules)
      .def("__repr__", [](const InspectedPart& part) {
        return "<drypoint.InspectedPart " + part.name + ", " + std::to_string(part.parameters) +
               " parameters" + (part.problems.empty() ? ">" : ", incomplete>");
      });
  nb::class_<CheckpointInfo>(module, "CheckpointInfo", "What is in a checkpoint.")
      .def_ro("layout", &CheckpointInfo::layout)
      .def_ro("family", &CheckpointInfo::family, "Empty: none known.")
      .def_ro("prediction", &CheckpointInfo::prediction, "\"epsilon\", \"v\" or \"sample\".")
      .def_ro("zero_terminal_snr", &CheckpointInfo::zero_terminal_snr)
      .def_ro("parts", &CheckpointInfo::parts)
      .def_ro("missing_parts", &CheckpointInfo::missing_parts)
      .def_ro("other_tensors", &CheckpointInfo::other_tensors)
      .def_ro("has_schedule", &CheckpointInfo::has_schedule)
      .def_ro("difference_control", &CheckpointInfo::difference_control)
      .def_ro("has_tokenizer", &CheckpointInfo::has_tokenizer)
      .def_ro("metadata", &CheckpointInfo::metadata)
      .def("__repr__", [](const CheckpointInfo& info) {
        std::string parts;
        for (const auto& part : info.parts) parts += (parts.empty() ? "" : ", ") + part.name;
        return "<drypoint.CheckpointInfo " + info.layout + ": " + parts + ">";
      });
  module.def(
      "inspect",
      [](const std::filesystem::path& path) { return without_gil([&] { return inspect(path); }); },
      nb::arg("path"), nb::sig("def inspect(path: str | os.PathLike[str]) -> CheckpointInfo"),
      R"(What a checkpoint or a diffusers folder is, and what it lacks.

Raises BadFile if it is damaged or holds no known part, Unsupported for other families of models.)");
}

void add_adapter(nb::module_& module) {
  nb::class_<InspectedChange>(module, "InspectedChange", "What an adapter has for a weight.")
      .def_ro("module", &InspectedChange::module, "As in the file.")
      .def_ro("kind", &InspectedChange::kind, "\"LoRA\", \"LoHa\", \"DoRA of LoRA\" ...")
      .def_ro("rank", &InspectedChange::rank, "0: it has none.")
      .def_ro("alpha", &InspectedChange::alpha)
      .def_ro("of_bias", &InspectedChange::of_bias)
      .def_ro("norm", &InspectedChange::norm, "Of what is added at strength 1.");
  nb::class_<AdapterInfo>(module, "AdapterInfo", "A LoRA or its kin.")
      .def_ro("layout", &AdapterInfo::layout)
      .def_ro("family", &AdapterInfo::family, "That it is for; empty: not known.")
      .def_ro("changes", &AdapterInfo::changes)
      .def_ro("embeddings", &AdapterInfo::embeddings, "That come with it.")
      .def_ro("left", &AdapterInfo::left, "Keys that no kind of adapter has.")
      .def_ro("metadata", &AdapterInfo::metadata, "How it was trained.")
      .def("__repr__", [](const AdapterInfo& info) {
        return "<drypoint.AdapterInfo " + info.layout + ": " + std::to_string(info.changes.size()) +
               " changes>";
      });
  module.def(
      "inspect_adapter",
      [](const std::filesystem::path& path) {
        return without_gil([&] { return inspect_adapter(path); });
      },
      nb::arg("path"), nb::sig("def inspect_adapter(path: str | os.PathLike[str]) -> AdapterInfo"),
      "What a LoRA or another adapter changes. Raises BadFile, Unsupported, NonFinite.");
}

void add_difference(nb::module_& module) {
  nb::class_<TensorDifference>(module, "TensorDifference")
      .def_ro("name", &TensorDifference::name)
      .def_ro("module", &TensorDifference::module)
      .def_ro("type_a", &TensorDifference::type_a)
      .def_ro("type_b", &TensorDifference::type_b)
      .def_ro("same_shape", &TensorDifference::same_shape)
      .def_ro("values", &TensorDifference::values, "That differ.")
      .def_ro("largest", &TensorDifference::largest, "max |b - a|.")
      .def_ro("relative", &TensorDifference::relative, "largest / max |a|.");
  nb::class_<ModuleDifference>(module, "ModuleDifference")
      .def_ro("equal", &ModuleDifference::equal)
      .def_ro("different", &ModuleDifference::different)
      .def_ro("only_a", &ModuleDifference::only_a)
      .def_ro("only_b", &ModuleDifference::only_b)
      .def_ro("relative", &ModuleDifference::relative);
  nb::class_<MetadataDifference>(module, "MetadataDifference")
      .def_ro("key", &MetadataDifference::key)
      .def_ro("a", &MetadataDifference::a)
      .def_ro("b", &MetadataDifference::b);
  nb::class_<CheckpointDifference>(module, "CheckpointDifference", "False where both are the same.")
      .def_ro("equal", &CheckpointDifference::equal, "Tensors of the same name, type and bytes.")
      .def_ro("only_a", &CheckpointDifference::only_a)
      .def_ro("only_b", &CheckpointDifference::only_b)
      .def_ro("different", &CheckpointDifference::different)
      .def_ro("modules", &CheckpointDifference::modules)
      .def_ro("metadata", &CheckpointDifference::metadata)
      .def("__bool__", [](const CheckpointDifference& difference) { return !difference.same(); });
  module.def(
      "difference",
      [](const std::filesystem::path& a, const std::filesystem::path& b, nb::handle stop) {
        const auto asked = stop_callback(stop);
        return without_gil([&] { return difference(a, b, asked); });
      },
      nb::arg("a"), nb::arg("b"), nb::kw_only(), nb::arg("stop") = nb::none(),
      nb::sig("def difference(a: str | os.PathLike[str], b: str | os.PathLike[str], *, stop: "
              "collections.abc.Callable[[], object] | None = None) -> CheckpointDifference"),
      R"(How two checkpoints of any layouts differ, by canonical names; or two plans.

Raises BadFile, Unsupported, BadArgument for a plan and something else, Cancelled.)");
}

void add_graph(nb::module_& module) {
  nb::class_<InspectedPass>(module, "InspectedPass", "What a pass of the compiler did.")
      .def_ro("name", &InspectedPass::name)
      .def_ro("after", &InspectedPass::after, "Operations at loading, a picture, a step.")
      .def_ro("kinds", &InspectedPass::kinds, "More or fewer operations of a kind than before.");
  nb::class_<InspectedOperation>(module, "InspectedOperation")
      .def_ro("text", &InspectedOperation::text)
      .def_ro("kind", &InspectedOperation::kind)
      .def_ro("module", &InspectedOperation::module)
      .def_ro("rate", &InspectedOperation::rate, "\"load\", \"picture\" or \"step\".")
      .def_ro("result", &InspectedOperation::result)
      .def_ro("inputs", &InspectedOperation::inputs)
      .def_ro("passes", &InspectedOperation::passes, "That made it what it is.")
      .def_ro("kernel", &InspectedOperation::kernel)
      .def("__repr__", [](const InspectedOperation& operation) {
        return operation.text + " " + operation.module + " -> " + operation.result;
      });
  nb::class_<GraphInspection>(module, "GraphInspection", "A part of a model, compiled.")
      .def_prop_ro("passes", [](const GraphInspection& graph) { return graph.result().passes; })
      .def_prop_ro("operations",
                   [](const GraphInspection& graph) { return graph.result().operations; })
      .def_prop_ro("notices", [](const GraphInspection& graph) { return graph.result().notices; })
      .def_prop_ro(
          "kept_bytes",
          [](const GraphInspection& graph) { return graph.result().memory.kept_bytes; },
          "Of memory that is never overwritten.")
      .def_prop_ro("scratch_bytes",
                   [](const GraphInspection& graph) { return graph.result().memory.scratch_bytes; })
      .def(
          "svg",
          [](const GraphInspection& graph, bool before, const std::string& module_name) {
            return graph.draw_graph(GraphFormat::svg, {before, module_name});
          },
          nb::arg("before") = false, nb::arg("module") = "",
          "A drawing of the graph, before any pass or after all, of a module alone or of all.")
      .def(
          "dot",
          [](const GraphInspection& graph, bool before, const std::string& module_name) {
            return graph.draw_graph(GraphFormat::dot, {before, module_name});
          },
          nb::arg("before") = false, nb::arg("module") = "", "The same in Graphviz's language.")
      .def("memory_svg", &GraphInspection::draw_memory,
           "Operations from left to right, offsets from bottom to top.")
      .def("_repr_svg_", &GraphInspection::draw_memory)
      .def("__repr__", [](const GraphInspection& graph) {
        return "<drypoint.GraphInspection " + graph.result().part + ", " +
               std::to_string(graph.result().operations.size()) + " operations on " +
               graph.result().device + ">";
      });
  module.def(
      "inspect_graph",
      [](nb::handle model, const std::string& part, nb::handle size, int batch,
         const nb::kwargs& keywords) {
        GraphOptions options{.part = part, .batch = batch};
        Request request;
        set_field(*find_field(request_fields(), "size"), request, size);
        options.size = request.size;
        const Opened opened = to_opened(model, keywords, "inspect_graph");
        options.device = opened.options.device == "auto" ? "cpu" : opened.options.device;
        options.precision = opened.options.precision;
        options.tuning_cache = opened.options.tuning_cache;
        return without_gil([&] { return GraphInspection(opened.files, options); });
      },
      nb::arg("model") = nb::none(), nb::kw_only(), nb::arg("part") = "denoiser",
      nb::arg("size") = "512x512", nb::arg("batch") = 1, nb::arg("keywords"),
      nb::sig(
          lasting("def inspect_graph(model: str | os.PathLike[str] | None = None, *, part: str = "
                  "'denoiser', size: str | tuple[int, int] = '512x512', batch: int = 1" +
                  opened_keywords() + ") -> GraphInspection")),
      R"(What the compiler makes of a part of a model: "text", "denoiser" or "vae".

For the device "cpu" or "cuda"; what it does for a GPU can be seen without one. Weights are not read.
Raises BadArgument, BadFile, Unsupported.)");
}

}  // namespace

void add_inspect(nb::module_& module) {
  add_checkpoint(module);
  add_adapter(module);
  add_difference(module);
  add_graph(module);
}

}  // namespace drypoint::python
