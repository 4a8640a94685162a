#include <nanobind/stl/filesystem.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <filesystem>
#include <string>

#include "callbacks.h"
#include "drypoint/output.h"
#include "drypoint/parameters.h"
#include "image.h"
#include "pipeline.h"

namespace drypoint::python {
namespace {

/// One of a result's pictures as a Python object, which keeps the result alive.
nb::object shared(Image& image, nb::handle result) {
  return nb::cast(image, nb::rv_policy::reference_internal, result);
}

nb::list pictures(nb::handle self) {
  nb::list all;
  for (Image& image : nb::cast<Result&>(self).images) all.append(shared(image, self));
  return all;
}

/// For Pillow, with the settings where it keeps a file's texts.
nb::list to_pil(nb::handle self) {
  auto& result = nb::cast<Result&>(self);
  nb::list all;
  for (size_t i = 0; i < result.images.size(); ++i) {
    nb::object picture = shared(result.images[i], self).attr("pil")();
    picture.attr("info")["parameters"] = result.parameters[i];
    all.append(picture);
  }
  return all;
}

nb::list arrays(nb::handle self) {
  nb::list all;
  for (Image& image : nb::cast<Result&>(self).images) all.append(to_array(image, self));
  return all;
}

nb::dict seconds(const Result& result) {
  nb::dict all;
  for (const auto& [stage, time] : result.seconds) all[stage.c_str()] = time;
  return all;
}

/// "a.png", or "a_0.png", "a_1.png" for several, as the command line does.
std::vector<std::filesystem::path> save(const Result& result, const std::filesystem::path& path) {
  std::vector<std::filesystem::path> names;
  for (size_t i = 0; i < result.images.size(); ++i)
    names.push_back(result.images.size() == 1
                        ? path
                        : path.parent_path() / (path.stem().string() + "_" + std::to_string(i) +
                                                path.extension().string()));
  OutputSet outputs;
  for (size_t i = 0; i < names.size(); ++i)
    outputs.add(names[i],
                encode_image(result.images[i], image_format(names[i]), result.parameters[i]));
  outputs.commit();
  return names;
}

std::string repr_of_result(const Result& result) {
  double all = 0;
  for (const auto& [stage, time] : result.seconds) all += time;
  const auto& first = result.images.at(0);
  char time[32];
  std::snprintf(time, sizeof time, "%.2f s", all);
  return "<drypoint.Result of " + std::to_string(result.images.size()) + " picture" +
         (result.images.size() == 1 ? "" : "s") + ", " + std::to_string(first.width) + "x" +
         std::to_string(first.height) + ", seed " + std::to_string(result.seed) + ", " + time + ">";
}

}  // namespace

void add_result(nb::module_& module) {
  nb::class_<Progress>(module, "Progress", "How far a drawing is.")
      .def_prop_ro(
          "stage", [](const Progress& progress) { return std::string(name(progress.stage)); },
          "\"prepare\", \"text\", \"encode\", \"denoise\" or \"decode\".")
      .def_ro("done", &Progress::done, "Of `of`: steps when denoising, samples when decoding.")
      .def_ro("of", &Progress::of)
      .def_ro("timestep", &Progress::timestep, "When denoising, of the step that was done last.")
      .def("__repr__", [](const Progress& progress) {
        return "<drypoint.Progress " + std::string(name(progress.stage)) + " " +
               std::to_string(progress.done) + "/" + std::to_string(progress.of) + ">";
      });

  nb::class_<Result>(module, "Result", nb::is_weak_referenceable(), "What was drawn.")
      .def_prop_ro("images", &to_pil, nb::sig("def images(self) -> list[PIL.Image.Image]"),
                   "As pictures of Pillow, one a sample; their `info` has \"parameters\".")
      .def_prop_ro("arrays", &arrays, nb::sig("def arrays(self) -> list[drypoint._types.Bytes]"),
                   "As arrays of NumPy [height, width, 3], in the memory they were drawn to.")
      .def_prop_ro("pictures", &pictures, nb::sig("def pictures(self) -> list[Image]"),
                   "As `Image`s, in that memory too.")
      .def_ro("parameters", &Result::parameters, "The settings of each as text.")
      .def_prop_ro(
          "edges",
          [](nb::handle self) {
            Image& edges = nb::cast<Result&>(self).edges;
            return edges.pixels.empty() ? nb::none() : shared(edges, self);
          },
          nb::sig("def edges(self) -> Image | None"),
          "What steered: grey, or the edges as given; None where nothing did.")
      .def_prop_ro(
          "hints",
          [](nb::handle self) {
            nb::list all;
            for (Image& hint : nb::cast<Result&>(self).hints) all.append(shared(hint, self));
            return all;
          },
          nb::sig("def hints(self) -> list[Image]"), "What each ControlNet saw.")
      .def_ro("seed", &Result::seed, "Of the first sample.")
      .def_ro("notices", &Result::notices, "For example that a prompt was cut.")
      .def_prop_ro("seconds", &seconds, nb::sig("def seconds(self) -> dict[str, float]"),
                   "Spent in each stage.")
      .def(
          "save",
          [](const Result& result, const std::filesystem::path& path) {
            return without_gil([&] { return save(result, path); });
          },
          nb::arg("path"),
          nb::sig("def save(self, path: str | os.PathLike[str]) -> list[pathlib.Path]"),
          R"(Writes .png, .jpg or .webp with the settings inside: all or nothing. -> the files.

Several samples are NAME_0.png, NAME_1.png ... Raises BadArgument, WriteFailed.)")
      .def("__repr__", &repr_of_result)
      .def("_repr_html_", [](nb::handle self) {
        return nb::module_::import_("drypoint._html").attr("of_result")(self);
      });
}

}  // namespace drypoint::python
