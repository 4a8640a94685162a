#include "request.h"

#include <nanobind/stl/string.h>

#include <utility>
#include <vector>

#include "control.h"
#include "drypoint/fields.h"
#include "fields.h"
#include "pictures.h"

namespace drypoint::python {
namespace {

/// One of the two that may be the picture that steers.
PictureField<Request> steering(const char* name, const char* help, bool is_edges) {
  return {name,
          help,
          [=](const Request& request) {
            const bool is_there = !request.image.pixels.empty() && request.is_edges == is_edges;
            return is_there ? &request.image : nullptr;
          },
          [=](Request& request, Image image) {
            request.image = std::move(image);
            request.is_edges = is_edges;
          },
          [=](Request& request) {
            if (request.is_edges == is_edges) request.image = {};
          },
          is_edges};
}

const std::vector<PictureField<Request>>& request_pictures() {
  static const std::vector<PictureField<Request>> all{
      steering("image", "The picture whose edges steer the drawing.", false),
      steering(
          "edges",
          "Instead, the edges themselves, taken at their own size, whose sides are multiples of 8.",
          true),
      picture_field("init_image", "The picture to begin with; None: noise alone.",
                    &Request::init_image),
      picture_field("mask",
                    "What of the initial picture is to be painted: white. Of the same size.",
                    &Request::mask, true)};
  return all;
}

nb::dict to_dict(const Request& request) {
  nb::dict fields;
  for (const auto& field : request_fields()) fields[field.name.c_str()] = get_field(field, request);
  return fields;
}

std::string repr_of_request(const Request& request) {
  std::string text = changes_of(request, request_pictures(), changes_of(request, request_fields()));
  if (!request.controls.empty())
    text += (text.empty() ? "" : ", ") + std::string("controls=") +
            nb::repr(from_controls(request.controls)).c_str();
  return "drypoint.Request(" + text + ")";
}

const char* controls_type = "collections.abc.Sequence[Control | dict[str, typing.Any]]";

/// ", image: ..., controls: ..., added_prompt: ..."
std::string keywords_but(std::string_view without) {
  return keywords_of(request_pictures()) + ", controls: " + controls_type + " = ..." +
         keywords_of(request_fields(), without);
}

}  // namespace

void update(Request& request, const nb::kwargs& given) {
  Keywords keywords(given);
  bool is_steered = false;
  for (const auto& field : request_pictures()) {
    nb::object source;
    if (!keywords.take(field.name, source)) continue;
    const std::string_view name = field.name;
    if ((name == "image" || name == "edges") && !source.is_none() &&
        std::exchange(is_steered, true))
      throw Error(ErrorKind::bad_argument, "image and edges: found both, expected one of them");
    set_picture(field, request, source);
  }
  nb::object controls;
  if (keywords.take("controls", controls)) request.controls = to_controls(controls);
  keywords.set(request, request_fields());
  keywords.expect_none_left("a request");
}

Request to_request(nb::handle given, const Request& usual, const nb::kwargs& keywords) {
  Request request = nb::isinstance<Request>(given) ? nb::cast<const Request&>(given) : usual;
  if (nb::isinstance<nb::str>(given))
    request.prompt = nb::cast<std::string>(given);
  else if (!given.is_none() && !nb::isinstance<Request>(given))
    throw Error(ErrorKind::bad_argument, std::string("request: ") + nb::repr(given.type()).c_str() +
                                             ", expected a Request, a prompt or None");
  update(request, keywords);
  return request;
}

std::string request_keywords() { return keywords_but({}); }

void add_request(nb::module_& module) {
  nb::class_<Request> type(
      module, "Request", nb::is_weak_referenceable(),
      lasting("Everything that decides a picture.\n\n"
              "All fields are keywords and attributes:\n\n" +
              list_of(request_pictures()) +
              "    controls: What steers instead, each through its ControlNet: "
              "`Control`s, at most 8.\n" +
              list_of(request_fields()) +
              "\nPictures are what `Image` takes. Raises BadArgument, naming "
              "the field, what was found, and what was expected."));
  type.def(
          "__init__",
          [](Request* self, nb::handle prompt, const nb::kwargs& fields) {
            new (self) Request(to_request(prompt, {}, fields));
          },
          nb::arg("prompt") = nb::none(), nb::arg("fields"),
          nb::sig(lasting("def __init__(self, prompt: str = '', *" + keywords_but("prompt") +
                          ") -> None")))
      .def(
          "replace",
          [](const Request& self, const nb::kwargs& fields) {
            return to_request(nb::none(), self, fields);
          },
          nb::sig(lasting("def replace(self, *" + request_keywords() + ") -> Request")),
          "A copy with other values for these fields.")
      .def("to_dict", &to_dict, nb::sig("def to_dict(self) -> dict[str, typing.Any]"),
           "All fields but pictures.")
      .def(
          "to_json", [](const Request& request) { return to_json(request); },
          "All fields but pictures, as the command line's --json-request takes them.")
      .def_static(
          "from_json",
          [](const std::string& text) {
            Request request;
            read_json(text, "json", request);
            return request;
          },
          nb::arg("text"), "The reverse. Raises BadArgument, BadFile.")
      .def("__repr__", &repr_of_request)
      .def(
          "__getstate__",
          [](const Request& request) {
            return nb::make_tuple(to_json(request), request.image, request.is_edges,
                                  request.init_image, request.mask,
                                  from_controls(request.controls));
          },
          nb::sig("def __getstate__(self) -> object"))
      .def(
          "__setstate__",
          [](Request& request, const nb::tuple& state) {
            new (&request) Request;
            read_json(nb::cast<std::string>(state[0]), "json", request);
            request.image = nb::cast<Image>(state[1]);
            request.is_edges = nb::cast<bool>(state[2]);
            request.init_image = nb::cast<Image>(state[3]);
            request.mask = nb::cast<Image>(state[4]);
            request.controls = to_controls(state[5]);
          },
          nb::sig("def __setstate__(self, state: object, /) -> None"));
  add_fields(type, request_fields());
  add_fields(type, request_pictures());
  type.def_prop_rw(
      "controls", [](const Request& request) { return from_controls(request.controls); },
      [](Request& request, nb::handle given) { request.controls = to_controls(given); },
      nb::for_getter(nb::sig("def controls(self, /) -> tuple[Control, ...]")),
      nb::for_setter(nb::sig(
          lasting("def controls(self, value: " + std::string(controls_type) + ", /) -> None"))),
      "What steers instead of `image`, each through its ControlNet; to change one, set all.");
}

}  // namespace drypoint::python
