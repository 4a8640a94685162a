// Settings as Python's keywords and attributes, made from the lists of fields.
#pragma once

#include <nanobind/nanobind.h>
#include <nanobind/stl/string.h>

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "drypoint/fields.h"

namespace drypoint::python {

namespace nb = nanobind;

/// A text that lasts as long as the module.
const char* lasting(std::string text);

/// What there is to know of a field without its settings' type.
struct FieldInfo {
  std::string name;
  FieldType type;
  std::string expected, help;
  std::string usual;  ///< its value by default, as text

  /// Absent by default, which is None in Python.
  bool is_optional() const;
  std::string python_type() const;  ///< "int | None"
  std::string described() const;    ///< "steps: Denoising steps. 1 to 999; 20 by default."
};

template <class Settings>
FieldInfo info_of(const Field<Settings>& field, const Settings& usual = {}) {
  return {field.name, field.type, field.expected, field.help, field.get(usual)};
}

/// A Python value as a field's text. Throws bad_argument.
std::string to_text(const FieldInfo& field, nb::handle value);
nb::object from_text(const FieldInfo& field, const std::string& text);

template <class Settings>
void set_field(const Field<Settings>& field, Settings& settings, nb::handle value) {
  const std::string before = field.get(settings);
  try {
    field.set(settings, to_text(info_of(field), value));
    field.check(settings);
  } catch (const Error&) {
    field.set(settings, before);
    throw;
  }
}

template <class Settings>
nb::object get_field(const Field<Settings>& field, const Settings& settings) {
  return from_text(info_of(field), field.get(settings));
}

/// Keywords that may set something: each is given to the first that knows it.
class Keywords {
 public:
  explicit Keywords(const nb::kwargs& given) : given_(given) {}

  /// Whether it was given.
  bool take(const char* name, nb::object& value);
  template <class Settings>
  void set(Settings& settings, const std::vector<Field<Settings>>& fields) {
    for (const Field<Settings>& field : fields) {
      nb::object value;
      if (take(field.name.c_str(), value)) set_field(field, settings, value);
    }
  }
  /// Throws bad_argument for what nobody knew, with the nearest name that somebody asked for.
  void expect_none_left(std::string_view of) const;

 private:
  nb::kwargs given_;
  std::vector<std::string> known_;
};

/// ", prompt: str = ..., steps: int = ...", for a function's signature.
template <class Settings>
std::string keywords_of(const std::vector<Field<Settings>>& fields, std::string_view without = {}) {
  std::string all;
  for (const auto& field : fields)
    if (field.name != without)
      all += ", " + field.name + ": " + info_of(field).python_type() + " = ...";
  return all;
}

/// "  steps: Denoising steps. 1 to 999; 20 by default.\n..."
template <class Settings>
std::string list_of(const std::vector<Field<Settings>>& fields) {
  std::string all;
  for (const auto& field : fields) all += "    " + info_of(field).described() + "\n";
  return all;
}

/// Those that are not as usual: "prompt='a bird', steps=8".
template <class Settings>
std::string changes_of(const Settings& settings, const std::vector<Field<Settings>>& fields) {
  std::string text;
  for (const auto& field : fields)
    if (field.get(settings) != field.get({}))
      text += (text.empty() ? "" : ", ") + field.name + "=" +
              nb::repr(get_field(field, settings)).c_str();
  return text;
}

/// An attribute for each field.
template <class Settings, class Class>
void add_fields(Class& type, const std::vector<Field<Settings>>& fields) {
  for (const Field<Settings>& field : fields) {
    const FieldInfo info = info_of(field);
    type.def_prop_rw(
        field.name.c_str(),
        [&field](const Settings& settings) { return get_field(field, settings); },
        [&field](Settings& settings, nb::handle value) { set_field(field, settings, value); },
        nb::for_getter(
            nb::sig(lasting("def " + field.name + "(self, /) -> " + info.python_type()))),
        nb::for_setter(nb::sig(
            lasting("def " + field.name + "(self, value: " + info.python_type() + ", /) -> None"))),
        nb::for_setter(nb::arg("value").none()), lasting(info.described()));
  }
}

}  // namespace drypoint::python
