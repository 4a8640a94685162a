// Pictures among the members of settings, as Python's keywords and attributes.
#pragma once

#include <nanobind/nanobind.h>

#include <functional>
#include <string>
#include <vector>

#include "drypoint/error.h"
#include "fields.h"
#include "image.h"

namespace drypoint::python {

template <class Settings>
struct PictureField {
  const char* name;
  const char* help;
  /// The picture, or null where there is none.
  std::function<const Image*(const Settings&)> get;
  std::function<void(Settings&, Image)> set;
  std::function<void(Settings&)> clear;
  /// Grey ones are kept as they are.
  bool keeps_grey = false;
};

/// One that is there where it has pixels.
template <class Settings>
PictureField<Settings> picture_field(const char* name, const char* help, Image Settings::*member,
                                     bool keeps_grey = false) {
  return {name,
          help,
          [=](const Settings& settings) {
            return (settings.*member).pixels.empty() ? nullptr : &(settings.*member);
          },
          [=](Settings& settings, Image image) { settings.*member = std::move(image); },
          [=](Settings& settings) { settings.*member = {}; },
          keeps_grey};
}

template <class Settings>
void set_picture(const PictureField<Settings>& field, Settings& settings, nb::handle source) {
  if (source.is_none()) return field.clear(settings);
  field.set(settings, field.keeps_grey ? to_image(source, field.name) : to_rgb(source, field.name));
}

/// ", image: ImageLike | None = ...", for a function's signature.
template <class Settings>
std::string keywords_of(const std::vector<PictureField<Settings>>& fields) {
  std::string all;
  for (const auto& field : fields)
    all += ", " + std::string(field.name) + ": drypoint._types.ImageLike | None = ...";
  return all;
}

/// "    image: The picture ...\n"
template <class Settings>
std::string list_of(const std::vector<PictureField<Settings>>& fields) {
  std::string all;
  for (const auto& field : fields)
    all += "    " + std::string(field.name) + ": " + field.help + "\n";
  return all;
}

/// ", image=<512x512>" for those there are.
template <class Settings>
std::string changes_of(const Settings& settings, const std::vector<PictureField<Settings>>& fields,
                       std::string text = {}) {
  for (const auto& field : fields)
    if (const Image* image = field.get(settings))
      text += (text.empty() ? "" : ", ") + std::string(field.name) + "=<" +
              std::to_string(image->width) + "x" + std::to_string(image->height) + ">";
  return text;
}

/// An attribute for each: what is got is a copy, as the settings may be given another.
template <class Settings, class Class>
void add_fields(Class& type, const std::vector<PictureField<Settings>>& fields) {
  for (const auto& field : fields)
    type.def_prop_rw(
        field.name,
        [&field](const Settings& settings) {
          const Image* image = field.get(settings);
          return image ? nb::cast(*image) : nb::none();
        },
        [&field](Settings& settings, nb::handle source) { set_picture(field, settings, source); },
        nb::for_getter(
            nb::sig(lasting("def " + std::string(field.name) + "(self, /) -> Image | None"))),
        nb::for_setter(
            nb::sig(lasting("def " + std::string(field.name) +
                            "(self, value: drypoint._types.ImageLike | None, /) -> None"))),
        nb::for_setter(nb::arg("value").none()), field.help);
}

}  // namespace drypoint::python
