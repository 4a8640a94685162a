#include "control.h"

#include <nanobind/stl/filesystem.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/string.h>

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "callbacks.h"
#include "drypoint/annotate.h"
#include "drypoint/fields.h"
#include "drypoint/preprocess.h"
#include "fields.h"

namespace drypoint::python {
namespace {

void update_control(Control& control, const nb::kwargs& given) {
  Keywords keywords(given);
  for (const auto& field : control_pictures()) {
    nb::object source;
    if (keywords.take(field.name, source)) set_picture(field, control, source);
  }
  keywords.set(control, control_fields());
  keywords.expect_none_left("a control");
}

std::string repr_of_control(const Control& control) {
  return "drypoint.Control(" +
         changes_of(control, control_pictures(), changes_of(control, control_fields())) + ")";
}

/// None where a number has no meaning.
nb::object number_of(const PreprocessNumber& number) {
  if (number.meaning.empty()) return nb::none();
  nb::dict all;
  all["meaning"] = std::string(number.meaning);
  all["usual"] = number.usual;
  all["least"] = number.least;
  all["most"] = number.most;
  return all;
}

nb::dict all_preprocessors() {
  nb::dict all;
  for (const Preprocessor& one : preprocessors()) {
    nb::dict about;
    nb::list controls;
    for (const auto name : one.controls) controls.append(std::string(name));
    about["controls"] = controls;
    about["help"] = std::string(one.help);
    nb::list files;
    for (const auto file : one.files) files.append(std::string(file));
    about["files"] = files;
    nb::list further_files;
    for (const auto file : one.further_files) further_files.append(std::string(file));
    about["further_files"] = further_files;
    about["threshold_a"] = number_of(one.threshold_a);
    about["threshold_b"] = number_of(one.threshold_b);
    all[std::string(one.name).c_str()] = about;
  }
  return all;
}

Image run_preprocessor(const std::string& name, nb::handle source, std::optional<double> a,
                       std::optional<double> b, nb::handle mask, uint64_t seed,
                       const std::optional<std::filesystem::path>& weights,
                       const std::string& device) {
  const Image image = to_rgb(source, "image");
  PreprocessOptions options{a, b, {}, seed};
  if (!mask.is_none()) options.mask = to_image(mask, "mask");
  return without_gil([&] {
    const Preprocessor& preprocessor = preprocessor_named(name);
    if (!preprocessor.is_network() || !weights) return preprocess(preprocessor, image, options);
    return Annotator(name, *weights, {.device = device}).annotate(image, options);
  });
}

}  // namespace

const std::vector<PictureField<Control>>& control_pictures() {
  static const std::vector<PictureField<Control>> all{
      picture_field("image", "The picture; None: the request's own.", &Control::image),
      picture_field("mask",
                    "Of the preprocessor \"inpaint\": white where the picture is to be painted.",
                    &Control::mask, true)};
  return all;
}

std::vector<Control> to_controls(nb::handle given) {
  std::vector<Control> controls;
  if (given.is_none()) return controls;
  if (!PySequence_Check(given.ptr()) || nb::isinstance<nb::str>(given))
    throw Error(ErrorKind::bad_argument, std::string("controls: ") + nb::repr(given).c_str() +
                                             ", expected a list of Control");
  for (nb::handle one : nb::iter(given)) {
    if (nb::isinstance<Control>(one)) {
      controls.push_back(nb::cast<const Control&>(one));
      continue;
    }
    if (!nb::hasattr(one, "keys"))
      throw Error(ErrorKind::bad_argument,
                  "controls[" + std::to_string(controls.size()) +
                      "]: " + nb::repr(one.type()).c_str() +
                      ", expected a Control, or a mapping of its keywords");
    const nb::object own = nb::module_::import_("builtins").attr("dict")(one);
    update_control(controls.emplace_back(), nb::borrow<nb::kwargs>(own));
  }
  return controls;
}

nb::tuple from_controls(const std::vector<Control>& controls) {
  nb::list all;
  for (const Control& control : controls) all.append(nb::cast(control));
  return nb::tuple(all);
}

void add_control(nb::module_& module) {
  nb::class_<Control> type(
      module, "Control", nb::is_weak_referenceable(),
      lasting("A picture that steers a drawing, and the ControlNet that it steers through.\n\n"
              "All fields are keywords and attributes:\n\n" +
              list_of(control_pictures()) + list_of(control_fields()) +
              "\nPictures are what `Image` takes. A step i of n is steered unless i/n < start or "
              "(i+1)/n > end. Raises BadArgument naming the field."));
  type.def(
          "__init__",
          [](Control* self, const nb::kwargs& fields) {
            Control control;
            update_control(control, fields);
            new (self) Control(std::move(control));
          },
          nb::sig(lasting("def __init__(self, *" + keywords_of(control_pictures()) +
                          keywords_of(control_fields()) + ") -> None")))
      .def("__repr__", &repr_of_control)
      .def(
          "__getstate__",
          [](const Control& control) {
            Request bearer;
            bearer.controls = {control};
            return nb::make_tuple(to_json(bearer), control.image, control.mask);
          },
          nb::sig("def __getstate__(self) -> object"))
      .def(
          "__setstate__",
          [](Control& control, const nb::tuple& state) {
            Request bearer;
            read_json(nb::cast<std::string>(state[0]), "json", bearer);
            new (&control) Control(bearer.controls.at(0));
            control.image = nb::cast<Image>(state[1]);
            control.mask = nb::cast<Image>(state[2]);
          },
          nb::sig("def __setstate__(self, state: object, /) -> None"));
  add_fields(type, control_fields());
  add_fields(type, control_pictures());
  module.def(
      "preprocessors", &all_preprocessors,
      nb::sig("def preprocessors() -> dict[str, dict[str, typing.Any]]"),
      "By name: the kinds of ControlNet that each goes with, what it makes, the numbers that "
      "it takes, and what files with its weights are called where it is a network.");
  module.def(
      "preprocess", &run_preprocessor, nb::arg("name"), nb::arg("image"), nb::kw_only(),
      nb::arg("threshold_a") = nb::none(), nb::arg("threshold_b") = nb::none(),
      nb::arg("mask") = nb::none(), nb::arg("seed") = 0, nb::arg("weights") = nb::none(),
      nb::arg("device") = "auto",
      nb::sig("def preprocess(name: str, image: drypoint._types.ImageLike, *, threshold_a: float | "
              "None = None, threshold_b: float | None = None, mask: drypoint._types.ImageLike | "
              "None = None, seed: int = 0, weights: str | os.PathLike[str] | None = None, device: "
              "str = "
              "\"auto\") -> Image"),
      R"(The hint that a ControlNet sees of a picture, of its size: see `preprocessors`.

`mask` is of "inpaint", as large as the picture; `seed` of "shuffle"; `weights`, a file or a folder
with one of `files` and all `further_files`, and `device` of those that are networks. Raises BadArgument, OutOfMemory.)");
}

}  // namespace drypoint::python
