#include "request.h"

#include <nanobind/stl/string.h>

#include <vector>

#include "drypoint/fields.h"
#include "fields.h"
#include "image.h"

namespace drypoint::python {
namespace {

/// A picture among a request's members.
struct PictureField {
  const char* name;
  const char* help;
  Image Request::*member;
  bool is_edges;
};

const std::vector<PictureField>& picture_fields() {
  static const std::vector<PictureField> all{
      {"image", "The picture whose edges steer the drawing.", &Request::image, false},
      {"edges",
       "Instead, the edges themselves, taken at their own size, whose sides are multiples of 8.",
       &Request::image, true}};
  return all;
}

void set_picture(const PictureField& field, Request& request, nb::handle source) {
  if (source.is_none()) {
    if (request.is_edges == field.is_edges) request.*field.member = {};
    return;
  }
  request.*field.member =
      field.is_edges ? to_image(source, field.name) : to_rgb(source, field.name);
  request.is_edges = field.is_edges;
}

nb::object get_picture(const PictureField& field, nb::handle self) {
  auto& request = nb::cast<Request&>(self);
  Image& image = request.*field.member;
  if (image.pixels.empty() || request.is_edges != field.is_edges) return nb::none();
  return nb::cast(image);  // a copy: the request may be given another
}

nb::dict to_dict(const Request& request) {
  nb::dict fields;
  for (const auto& field : request_fields()) fields[field.name.c_str()] = get_field(field, request);
  return fields;
}

/// Fields that are not as usual: "prompt='a bird', steps=8".
std::string changes_of(const Request& request) {
  std::string text;
  for (const auto& field : request_fields())
    if (field.get(request) != field.get({}))
      text += (text.empty() ? "" : ", ") + field.name + "=" +
              nb::repr(get_field(field, request)).c_str();
  for (const auto& field : picture_fields())
    if (!(request.*field.member).pixels.empty() && request.is_edges == field.is_edges)
      text += (text.empty() ? "" : ", ") + std::string(field.name) + "=<" +
              std::to_string(request.image.width) + "x" + std::to_string(request.image.height) +
              ">";
  return text;
}

/// ", image: ..., edges: ..., added_prompt: ..."
std::string keywords_but(std::string_view without) {
  std::string all;
  for (const PictureField& field : picture_fields())
    all += ", " + std::string(field.name) + ": drypoint._types.ImageLike | None = ...";
  return all + keywords_of(request_fields(), without);
}

}  // namespace

void update(Request& request, const nb::kwargs& given) {
  Keywords keywords(given);
  bool has_picture = false;
  for (const PictureField& field : picture_fields()) {
    nb::object source;
    if (!keywords.take(field.name, source) || source.is_none()) continue;
    if (has_picture)
      throw Error(ErrorKind::bad_argument, "image and edges: found both, expected one of them");
    has_picture = true;
    set_picture(field, request, source);
  }
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
  nb::class_<Request> type(module, "Request", nb::is_weak_referenceable(),
                           lasting("Everything that decides a picture.\n\n"
                                   "All fields are keywords and attributes:\n\n"
                                   "    image: The picture whose edges steer the drawing.\n"
                                   "    edges: Instead, ready edges, taken at their own size.\n" +
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
      .def("__repr__",
           [](const Request& request) { return "drypoint.Request(" + changes_of(request) + ")"; })
      .def(
          "__getstate__",
          [](const Request& request) {
            return nb::make_tuple(to_json(request), request.image, request.is_edges);
          },
          nb::sig("def __getstate__(self) -> object"))
      .def(
          "__setstate__",
          [](Request& request, const nb::tuple& state) {
            new (&request) Request;
            read_json(nb::cast<std::string>(state[0]), "json", request);
            request.image = nb::cast<Image>(state[1]);
            request.is_edges = nb::cast<bool>(state[2]);
          },
          nb::sig("def __setstate__(self, state: object, /) -> None"));
  add_fields(type, request_fields());
  for (const PictureField& field : picture_fields())
    type.def_prop_rw(
        field.name, [&field](nb::handle self) { return get_picture(field, self); },
        [&field](Request& request, nb::handle source) { set_picture(field, request, source); },
        nb::for_getter(
            nb::sig(lasting("def " + std::string(field.name) + "(self, /) -> Image | None"))),
        nb::for_setter(
            nb::sig(lasting("def " + std::string(field.name) +
                            "(self, value: drypoint._types.ImageLike | None, /) -> None"))),
        nb::for_setter(nb::arg("value").none()), field.help);
}

}  // namespace drypoint::python
