// Settings in pictures, and pictures drawn again from them.
#include <nanobind/stl/filesystem.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <filesystem>
#include <string>
#include <vector>

#include "drypoint/fields.h"
#include "drypoint/parameters.h"
#include "drypoint/picture_text.h"
#include "drypoint/recall.h"
#include "fields.h"
#include "request.h"
#include "tools.h"

namespace drypoint::python {
namespace {

nb::dict to_dict(const Parameters& read) {
  nb::dict found;
  found["prompt"] = read.prompt;
  found["negative_prompt"] = read.negative_prompt;
  found["steps"] = read.steps;
  found["sampler"] = read.sampler;
  found["schedule_type"] = read.schedule_type;
  found["cfg_scale"] = read.cfg_scale;
  found["seed"] = read.seed;
  found["width"] = read.width;
  found["height"] = read.height;
  found["model"] = read.model;
  found["model_hash"] = read.model_hash;
  found["eta"] = read.eta;
  found["rng"] = read.rng;
  found["version"] = read.version;
  for (const auto& [key, value] : read.others) found[key.c_str()] = value;
  return found;
}

/// Of a path or a file's bytes; with what to call it in messages.
std::pair<PictureText, std::string> text_in(nb::handle picture) {
  if (nb::isinstance<nb::bytes>(picture)) {
    const nb::bytes bytes = nb::borrow<nb::bytes>(picture);
    const auto* data = static_cast<const std::byte*>(bytes.data());
    return {read_picture_text({data, bytes.size()}, "picture"), "picture"};
  }
  std::filesystem::path path;
  if (!nb::try_cast(picture, path))
    throw Error(ErrorKind::bad_argument, std::string("picture: ") +
                                             nb::repr(picture.type()).c_str() +
                                             ", expected a path, or a file's bytes");
  return {read_picture_text(path), path.string()};
}

Recalled recalled_of(nb::handle picture) {
  const auto [text, name] = text_in(picture);
  return recall(text, name);
}

nb::dict fields_of(const Recalled& recalled) {
  Request request;
  recalled.apply(request);
  nb::dict all;
  for (const auto& [name, value] : recalled.fields)
    if (const auto* field = find_field(request_fields(), name))
      all[name.c_str()] = get_field(*field, request);
  return all;
}

std::vector<std::string> missing_of(const Recalled& recalled) {
  std::vector<std::string> all;
  for (const auto& missing : recalled.missing) all.push_back(missing.what);
  return all;
}

Request request_from(const Recalled& recalled, nb::handle usual, const nb::kwargs& given) {
  Request request = usual.is_none() ? Request() : nb::cast<const Request&>(usual);
  std::vector<std::string> names;
  for (const auto& [name, value] : given) names.emplace_back(nb::str(name).c_str());
  recalled.expect_complete("picture", names);
  recalled.apply(request);
  update(request, given);
  return request;
}

}  // namespace

void add_text(nb::module_& module) {
  nb::class_<Recalled>(module, "Recalled", "What the settings in a picture ask for.")
      .def_prop_ro(
          "source", [](const Recalled& recalled) { return std::string(name(recalled.source)); },
          "Whose: \"drypoint\", \"a1111\" or \"comfy\".")
      .def_prop_ro(
          "parameters", [](const Recalled& recalled) { return to_dict(recalled.parameters); },
          nb::sig("def parameters(self) -> dict[str, typing.Any]"), "As they stand there.")
      .def_prop_ro("fields", &fields_of, nb::sig("def fields(self) -> dict[str, typing.Any]"),
                   "Fields of a request, and their values.")
      .def_prop_ro("missing", &missing_of,
                   "Settings that cannot be had; drawn without them it is another picture.")
      .def_ro("notices", &Recalled::notices)
      .def("request", &request_from, nb::arg("usual") = nb::none(), nb::arg("fields"),
           nb::sig(lasting("def request(self, usual: Request | None = None, *" +
                           request_keywords() + ") -> Request")),
           "A request for that picture: what `usual` is otherwise, and then these fields. Raises "
           "Unsupported, naming all that is missing and not among them.")
      .def("__repr__", [](const Recalled& recalled) {
        return "<drypoint.Recalled of " + std::string(name(recalled.source)) + ", " +
               std::to_string(recalled.fields.size()) + " fields>";
      });
  module.def(
      "recall", &recalled_of, nb::arg("picture"),
      nb::sig("def recall(picture: str | os.PathLike[str] | bytes) -> Recalled"),
      "The settings in a picture (a path, or a file's bytes), as a request has them; the web "
      "UI's, ComfyUI's and our own. Raises BadFile where there are none.");
  module.def(
      "picture_text",
      [](nb::handle picture) {
        const PictureText text = text_in(picture).first;
        nb::dict found;
        found["parameters"] = text.parameters;
        found["graph"] = text.graph;
        return found;
      },
      nb::arg("picture"),
      nb::sig("def picture_text(picture: str | os.PathLike[str] | bytes) -> dict[str, str]"),
      "What tools wrote into a picture: \"parameters\", and ComfyUI's \"graph\" as JSON; \"\" "
      "where "
      "there is none. Raises BadFile, Unsupported.");
  module.def(
      "parse_parameters", [](const std::string& text) { return to_dict(parse_parameters(text)); },
      nb::arg("text"), nb::sig("def parse_parameters(text: str) -> dict[str, typing.Any]"),
      "The settings in the text that pictures carry (`Result.parameters`), any tool's.");
}

}  // namespace drypoint::python
