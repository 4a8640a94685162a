#include "pipeline.h"

#include <nanobind/stl/filesystem.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/tuple.h>
#include <nanobind/stl/vector.h>

#include <tuple>
#include <vector>

#include "callbacks.h"
#include "drypoint/demo_model.h"
#include "drypoint/fields.h"
#include "fields.h"
#include "request.h"

namespace drypoint::python {
namespace {

Device new_device(nb::handle name, const nb::kwargs& given) {
  PipelineOptions options;
  if (!name.is_none()) set_field(*find_field(pipeline_fields(), "device"), options, name);
  Keywords keywords(given);
  keywords.set(options, pipeline_fields());
  keywords.expect_none_left("a device");
  return without_gil([&] { return Device(options); });
}

/// Where `device=` is one, its model is made there.
Model new_model(nb::handle files, const nb::kwargs& given) {
  if (given.contains("device") && nb::isinstance<Device>(given["device"])) {
    const Device device = nb::cast<const Device&>(given["device"]);
    nb::del(given["device"]);
    Keywords keywords(given);
    PipelineOptions none;
    const Opened opened = to_opened(files, given, "a model");
    for (const auto& field : pipeline_fields())
      if (field.get(opened.options) != field.get(none))
        throw Error(ErrorKind::bad_argument,
                    field.name + ": is a matter of the device, which is given; expected none");
    return without_gil([&] { return Model(opened.files, device); });
  }
  const Opened opened = to_opened(files, given, "a model");
  return without_gil([&] { return Model(opened.files, opened.options); });
}

Pipeline new_pipeline(nb::handle given, const nb::kwargs& keywords) {
  const Model model =
      nb::isinstance<Model>(given) ? nb::cast<const Model&>(given) : new_model(given, keywords);
  if (nb::isinstance<Model>(given)) Keywords(keywords).expect_none_left("a pipeline of a Model");
  return without_gil([&] { return Pipeline(model); });
}

Result generate(SharedPipeline& pipeline, nb::handle given, const nb::object& progress,
                const nb::object& stop, const nb::object& preview, int preview_steps,
                const nb::kwargs& fields) {
  const Request request = to_request(given, pipeline.get().defaults(), fields);
  const nb::object shown = with_bar(progress);
  const Callbacks callbacks{.progress = callback<Progress>(shown),
                            .stop = stop_callback(stop),
                            .preview = callback<Image>(preview),
                            .preview_steps = preview_steps};
  return without_gil([&] {
    return pipeline.use(callbacks.stop,
                        [&](Pipeline& own) { return own.generate(request, callbacks); });
  });
}

/// {"depth": path} -> the ControlNet and its name.
std::vector<NamedControl> to_named_controls(nb::handle given) {
  if (!nb::hasattr(given, "keys"))
    throw Error(ErrorKind::bad_argument, std::string("controls: ") + nb::repr(given).c_str() +
                                             ", expected a mapping of names to paths");
  std::vector<NamedControl> controls;
  const nb::object own = nb::module_::import_("builtins").attr("dict")(given);
  for (const auto& [name, path] : nb::borrow<nb::dict>(own)) {
    NamedControl& control = controls.emplace_back();
    if (!nb::try_cast(name, control.name) || !nb::try_cast(path, control.file))
      throw Error(ErrorKind::bad_argument, std::string("controls: ") + nb::repr(name).c_str() +
                                               ": " + nb::repr(path).c_str() +
                                               ", expected a name and a path");
  }
  return controls;
}

/// "256x384", (256, 384) -> a size; a list of them -> several.
std::vector<ImageSize> to_sizes(nb::handle sizes) {
  const auto& field = *find_field(request_fields(), "size");
  const auto one = [&](nb::handle size) {
    Request request;
    set_field(field, request, size);
    return request.size;
  };
  if (nb::isinstance<nb::str>(sizes) || nb::isinstance<nb::tuple>(sizes)) return {one(sizes)};
  std::vector<ImageSize> all;
  for (nb::handle size : nb::iter(sizes)) all.push_back(one(size));
  return all;
}

std::string what_is_open(const ModelDescription& what) {
  return what.model +
         (what.control.empty() || what.control == what.model ? "" : " + " + what.control) + " on " +
         what.device;
}

const char* generate_help = R"(Draws.

`request` is a Request, or a prompt; fields of a request may be keywords, and count where both are
given. Without a Request they are added to the model's own defaults. `progress` is called with a
Progress at each step; None: a bar of tqdm where stderr is a terminal or in a notebook, False: none.
`preview` is called with an Image, what the first sample is to become, after every `preview_steps`
steps: a pixel for each of the latent's, or of full size where the VAE is a tiny one.
`stop` is asked each 10 ms whether to give up. The GIL is free while it draws; in the main thread
Ctrl-C raises KeyboardInterrupt. Threads that ask the same pipeline take turns. A callback must not
draw with the same device.

Raises BadArgument for a request out of range, Cancelled, OutOfMemory, NonFinite, and what a callback
raises.)";

}  // namespace

SharedPipeline::Turn::Turn(SharedPipeline& shared, const std::function<bool()>& stop)
    : pipeline(shared) {
  if (shared.user_ == std::this_thread::get_id())
    throw Error(ErrorKind::bad_argument,
                "pipeline: is drawing; expected no call of it from a callback of its own");
  while (!shared.busy_.try_lock_for(std::chrono::milliseconds(20)))
    if (stop && stop()) throw Error(ErrorKind::cancelled, "cancelled");
  shared.user_ = std::this_thread::get_id();
}

SharedPipeline::Turn::~Turn() {
  pipeline.user_ = std::thread::id();
  pipeline.busy_.unlock();
}

Opened to_opened(nb::handle model, const nb::kwargs& given, const char* of) {
  Opened opened;
  Keywords keywords(given);
  if (!model.is_none()) set_field(*find_field(model_fields(), "model"), opened.files, model);
  keywords.set(opened.files, model_fields());
  nb::object controls;
  if (keywords.take("controls", controls)) opened.files.controls = to_named_controls(controls);
  keywords.set(opened.options, pipeline_fields());
  keywords.expect_none_left(of);
  if (opened.files.model.empty() && !opened.files.plan) opened.files.model = demo_model();
  return opened;
}

std::string opened_keywords() {
  std::string all = keywords_of(model_fields(), "model") +
                    ", controls: collections.abc.Mapping[str, str | os.PathLike[str]] = ..." +
                    keywords_of(pipeline_fields());
  const std::string device = "device: str";
  return all.replace(all.find(device), device.size(), "device: str | Device");
}

const Model& model_of(nb::handle given) {
  if (nb::isinstance<SharedPipeline>(given))
    return nb::cast<const SharedPipeline&>(given).get().model();
  if (nb::isinstance<Model>(given)) return nb::cast<const Model&>(given);
  throw Error(ErrorKind::bad_argument, std::string("model: ") + nb::repr(given.type()).c_str() +
                                           ", expected a Model or a Pipeline");
}

void add_pipeline(nb::module_& module) {
  nb::class_<Device>(module, "Device",
                     lasting("A processor or a GPU, which models share.\n\nKeywords:\n\n" +
                             list_of(pipeline_fields()) +
                             "\nRaises BadArgument, Unsupported (no such device, or not in this "
                             "precision)."))
      .def(
          "__init__",
          [](Device* self, nb::handle name, const nb::kwargs& fields) {
            new (self) Device(new_device(name, fields));
          },
          nb::arg("device") = nb::none(), nb::arg("fields"),
          nb::sig(lasting("def __init__(self, device: str = 'auto', *" +
                          keywords_of(pipeline_fields(), "device") + ") -> None")))
      .def_prop_ro("name", &Device::name, "\"cpu\", \"cuda:0 (NVIDIA H100 80GB HBM3, fp16)\".")
      .def_prop_ro("threads", &Device::threads, "Of the host that work for it.")
      .def_prop_ro("available_memory", &Device::available_memory,
                   "Bytes that can still be allocated there, as far as the system tells.")
      .def("__repr__",
           [](const Device& device) { return "<drypoint.Device " + device.name() + ">"; });

  nb::class_<ModelDescription>(module, "ModelDescription", "What is loaded.")
      .def_ro("model", &ModelDescription::model, "A file's name.")
      .def_ro("control", &ModelDescription::control, "The first ControlNet's file name.")
      .def_prop_ro(
          "controls",
          [](const ModelDescription& what) {
            nb::dict all;
            for (const NamedControl& control : what.controls)
              all[control.name.c_str()] = control.file.string();
            return all;
          },
          nb::sig("def controls(self) -> dict[str, str]"),
          "What requests call the ControlNets, and their file names.")
      .def_ro("device", &ModelDescription::device, "As `Device.name`.")
      .def_ro("threads", &ModelDescription::threads, "Of the host that work for it.");

  const std::string opened_help =
      "\n\n`model` is a checkpoint, a diffusers folder, or None for the small demo model. "
      "Keywords:\n\n" +
      list_of(model_fields()) +
      "    controls: ControlNets by the names that requests call them: {\"depth\": path}.\n" +
      list_of(pipeline_fields()) + "\n`device` may be a Device too. ";
  nb::class_<Model>(
      module, "Model", nb::is_weak_referenceable(),
      lasting("A checkpoint on a device: weights that pipelines and queues share." + opened_help +
              "Weights are read when first needed, and then kept. Raises BadFile, Unsupported, "
              "BadArgument."))
      .def(
          "__init__",
          [](Model* self, nb::handle files, const nb::kwargs& fields) {
            new (self) Model(new_model(files, fields));
          },
          nb::arg("model") = nb::none(), nb::arg("fields"),
          nb::sig(lasting("def __init__(self, model: str | os.PathLike[str] | None = None, *" +
                          opened_keywords() + ") -> None")))
      .def_prop_ro("description", &Model::description)
      .def_prop_ro("device", &Model::device)
      .def("hash", &Model::hash, nb::call_guard<nb::gil_scoped_release>(),
           "Ten digits of the file's SHA-256, as the web UI writes them; \"\" for a folder or a "
           "plan.")
      .def("defaults", &Model::defaults, "A request with this model's own defaults.")
      .def_prop_ro("weight_bytes", &Model::weight_bytes,
                   "Bytes on the device that all pipelines of this model share.")
      .def(
          "set_control",
          [](Model& model, const std::filesystem::path& path, const std::string& name) {
            without_gil([&] { model.set_control(path, name); });
          },
          nb::arg("path"), nb::arg("name") = "",
          nb::sig("def set_control(self, path: str | os.PathLike[str], name: str = '') -> None"),
          R"(Puts another ControlNet in place of the one of this name, or of the first.

It must have the same shapes. Waits until the pictures that are being drawn are done, so a callback
must not call it. Raises BadFile, Unsupported, NonFinite, and nothing has changed then.)")
      .def("__repr__", [](const Model& model) {
        return "<drypoint.Model " + what_is_open(model.description()) + ">";
      });

  const std::string generate_keywords =
      "self, request: Request | str | None = None, *, progress: "
      "collections.abc.Callable[[Progress], object] | bool | None = None, stop: "
      "collections.abc.Callable[[], object] | None = None" +
      std::string(preview_keywords) + request_keywords();
  nb::class_<SharedPipeline>(module, "Pipeline", nb::is_weak_referenceable(),
                             lasting("Draws the pictures of a model." + opened_help +
                                     "Or `model` is a Model, whose weights are shared then. "
                                     "Raises BadFile, Unsupported, BadArgument, OutOfMemory."))
      .def(
          "__init__",
          [](SharedPipeline* self, nb::handle model, const nb::kwargs& fields) {
            new (self) SharedPipeline(new_pipeline(model, fields));
          },
          nb::arg("model") = nb::none(), nb::arg("fields"),
          nb::sig(
              lasting("def __init__(self, model: str | os.PathLike[str] | Model | None = None, *" +
                      opened_keywords() + ") -> None")))
      .def_prop_ro("model",
                   [](const SharedPipeline& pipeline) { return Model(pipeline.get().model()); })
      .def_prop_ro("description",
                   [](const SharedPipeline& pipeline) { return pipeline.get().description(); })
      .def(
          "defaults", [](const SharedPipeline& pipeline) { return pipeline.get().defaults(); },
          "A request with this model's own defaults.")
      .def(
          "set_control",
          [](SharedPipeline& pipeline, const std::filesystem::path& path, const std::string& name) {
            const auto stop = stop_callback(nb::none());
            without_gil(
                [&] { pipeline.use(stop, [&](Pipeline& own) { own.set_control(path, name); }); });
          },
          nb::arg("path"), nb::arg("name") = "",
          nb::sig("def set_control(self, path: str | os.PathLike[str], name: str = '') -> None"),
          "`Model.set_control`, after which all is ready for the next picture.")
      .def(
          "prepare",
          [](SharedPipeline& pipeline, nb::handle sizes, int samples) {
            const std::vector<ImageSize> all = to_sizes(sizes);
            const auto stop = stop_callback(nb::none());
            without_gil(
                [&] { pipeline.use(stop, [&](Pipeline& own) { own.prepare(all, samples); }); });
          },
          nb::arg("sizes"), nb::arg("samples") = 1,
          nb::sig("def prepare(self, sizes: str | tuple[int, int] | "
                  "collections.abc.Iterable[str | tuple[int, int]], samples: int = 1) -> None"),
          R"(Makes everything ready for pictures of these sizes, so that the first request pays nothing.

Sizes are "256x384" or (256, 384): height, width, multiples of 8. Raises BadArgument, OutOfMemory,
NonFinite, BadFile.)")
      .def("generate", &generate, nb::arg("request") = nb::none(), nb::kw_only(),
           nb::arg("progress") = nb::none(), nb::arg("stop") = nb::none(),
           nb::arg("preview") = nb::none(), nb::arg("preview_steps") = 5, nb::arg("fields"),
           nb::sig(lasting("def generate(" + generate_keywords + ") -> Result")), generate_help)
      .def(
          "generate_async",
          [](nb::handle self, nb::handle request, const nb::kwargs& keywords) {
            return nb::module_::import_("drypoint._async")
                .attr("generate")(self, request, **keywords);
          },
          nb::arg("request") = nb::none(), nb::arg("keywords"),
          nb::sig(lasting("def generate_async(" + generate_keywords +
                          ") -> collections.abc.Coroutine[typing.Any, typing.Any, Result]")),
          R"(`generate` for asyncio: the loop goes on while a thread draws.

Where its task is cancelled, the drawing stops. Callbacks are called in that thread.)")
      .def("__repr__", [](const SharedPipeline& pipeline) {
        return "<drypoint.Pipeline " + what_is_open(pipeline.get().description()) + ">";
      });
}

}  // namespace drypoint::python
