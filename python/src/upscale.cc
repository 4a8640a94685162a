// Networks that make pictures larger.
#include "drypoint/upscale.h"

#include <nanobind/stl/filesystem.h>
#include <nanobind/stl/string.h>

#include <filesystem>
#include <mutex>
#include <string>

#include "callbacks.h"
#include "drypoint/fields.h"
#include "fields.h"
#include "image.h"
#include "tools.h"

namespace drypoint::python {
namespace {

/// An upscaler that several threads may ask, in turn.
struct SharedUpscaler {
  Upscaler own;
  std::mutex turn = {};
};

DeviceOptions to_device_options(const nb::kwargs& given) {
  DeviceOptions options;
  Keywords keywords(given);
  keywords.set(options, pipeline_fields());
  keywords.expect_none_left("an upscaler");
  return options;
}

Image upscale(SharedUpscaler& upscaler, nb::handle image, int tile, nb::handle stop,
              nb::handle progress) {
  const Image picture = to_rgb(image, "image");
  UpscaleCallbacks callbacks{.stop = stop_callback(stop)};
  if (const auto report = callback<int, int>(progress))
    callbacks.progress = [report](int done, int of) { report(done, of); };
  return without_gil([&] {
    const std::lock_guard lock(upscaler.turn);
    return upscaler.own.upscale(picture, tile, callbacks);
  });
}

}  // namespace

void add_upscale(nb::module_& module) {
  nb::class_<SharedUpscaler>(module, "Upscaler",
                             "A network that makes pictures larger: ESRGAN's, RealESRGAN's, or of "
                             "the same kinds. Threads that ask it take turns.")
      .def(
          "__init__",
          [](SharedUpscaler* self, const std::filesystem::path& file, const nb::kwargs& given) {
            const DeviceOptions options = to_device_options(given);
            without_gil([&] { new (self) SharedUpscaler{Upscaler(file, options)}; });
          },
          nb::arg("file"), nb::arg("options"),
          nb::sig(lasting("def __init__(self, file: str | os.PathLike[str], *" +
                          keywords_of(pipeline_fields()) + ") -> None")),
          "Of a .pth or .safetensors file. Raises BadFile, Unsupported, BadArgument.")
      .def_prop_ro(
          "scale", [](const SharedUpscaler& upscaler) { return upscaler.own.scale(); },
          "How many times as wide and high pictures become.")
      .def_prop_ro("device", [](const SharedUpscaler& upscaler) { return upscaler.own.device(); })
      .def("upscale", &upscale, nb::arg("image"), nb::kw_only(), nb::arg("tile") = 512,
           nb::arg("stop") = nb::none(), nb::arg("progress") = nb::none(),
           nb::sig("def upscale(self, image: drypoint._types.ImageLike, *, tile: int = 512, stop: "
                   "collections.abc.Callable[[], object] | None = None, progress: "
                   "collections.abc.Callable[[int, int], object] | None = None) -> Image"),
           R"(An RGB picture, `scale` times as large.

In tiles of `tile` pixels (multiples of 4 from 64; 0: all at once), which overlap and are blended.
`progress` is given (done, of) tiles. Raises BadArgument, OutOfMemory, NonFinite, Cancelled.)")
      .def("__repr__", [](const SharedUpscaler& upscaler) {
        return "<drypoint.Upscaler x" + std::to_string(upscaler.own.scale()) + " on " +
               upscaler.own.device() + ">";
      });
}

}  // namespace drypoint::python
