#include "fields.h"

#include <nanobind/stl/filesystem.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <algorithm>
#include <deque>
#include <sstream>

#include "drypoint/nearest.h"
#include "drypoint/plan.h"

namespace drypoint::python {
namespace {

[[noreturn]] void refuse(const FieldInfo& field, nb::handle value, const std::string& kind) {
  throw Error(ErrorKind::bad_argument, field.name + ": " + nb::repr(value).c_str() + ", expected " +
                                           kind + (kind.empty() ? "" : ", ") + field.expected);
}

bool is_real_number(nb::handle value) {
  return PyNumber_Check(value.ptr()) && !PyBool_Check(value.ptr());
}

/// (256, 384) -> "256x384", [14.6, 0] -> "14.6,0"
std::string joined(const FieldInfo& field, nb::handle numbers) {
  const bool sides = field.expected.starts_with("HEIGHT");
  std::string text;
  for (nb::handle number : nb::iter(numbers)) {
    if (sides ? !PyIndex_Check(number.ptr()) : !is_real_number(number)) refuse(field, numbers, "");
    const nb::object plain = PyIndex_Check(number.ptr()) ? nb::borrow(number) : nb::float_(number);
    text += (text.empty() ? "" : sides ? "x" : ",") + std::string(nb::str(plain).c_str());
  }
  return text;
}

}  // namespace

const char* lasting(std::string text) {
  static std::deque<std::string> all;
  return all.emplace_back(std::move(text)).c_str();
}

bool FieldInfo::is_optional() const {
  switch (type) {
    case FieldType::integer: return usual.empty() || usual == "-1";
    case FieldType::number:
    case FieldType::file: return usual.empty();
    default: return false;
  }
}

std::string FieldInfo::python_type() const {
  const std::string optional = is_optional() ? " | None" : "";
  switch (type) {
    case FieldType::text: return "str";
    case FieldType::word: return name == "size" ? "str | tuple[int, int]" : "str";
    case FieldType::integer: return "int" + optional;
    case FieldType::number: return "float" + optional;
    case FieldType::flag: return "bool";
    case FieldType::file: return "str | os.PathLike[str]" + optional;
    case FieldType::list: return "collections.abc.Sequence[str]";
  }
  return "object";
}

std::string FieldInfo::described() const {
  std::string text = name + ": " + help;
  std::replace(text.begin(), text.end(), '\n', ' ');
  if (type == FieldType::integer || type == FieldType::number) text += "; " + expected;
  if (is_optional()) return text + "; None by default.";
  if (type == FieldType::flag) return text + (usual == "true" ? "; on" : "; off") + " by default.";
  return text + "; \"" + usual + "\" by default.";
}

std::string to_text(const FieldInfo& field, nb::handle value) {
  if (value.is_none()) {
    if (!field.is_optional()) refuse(field, value, "");
    return field.usual;
  }
  switch (field.type) {
    case FieldType::text:
      if (!nb::isinstance<nb::str>(value)) refuse(field, value, "a str");
      return nb::cast<std::string>(value);
    case FieldType::word:
      if (nb::isinstance<nb::tuple>(value) || nb::isinstance<nb::list>(value))
        return joined(field, value);
      if (!nb::isinstance<nb::str>(value)) refuse(field, value, "a str");
      return nb::cast<std::string>(value);
    case FieldType::integer: {
      if (!PyIndex_Check(value.ptr()) || PyBool_Check(value.ptr())) refuse(field, value, "an int");
      const nb::object index = nb::steal(PyNumber_Index(value.ptr()));
      if (!index.is_valid()) throw nb::python_error();
      return nb::str(index).c_str();
    }
    case FieldType::number: {
      if (!is_real_number(value)) refuse(field, value, "");
      return nb::repr(nb::float_(value)).c_str();
    }
    case FieldType::flag:
      if (!PyBool_Check(value.ptr())) refuse(field, value, "a bool");
      return value.is(nb::handle(Py_True)) ? "true" : "false";
    case FieldType::file: {
      std::filesystem::path path;
      if (!nb::try_cast(value, path)) refuse(field, value, "a path");
      return path.string();
    }
    case FieldType::list: {
      if (nb::isinstance<nb::str>(value)) refuse(field, value, "a list of str");
      std::vector<std::string> lines;
      if (!nb::try_cast(value, lines)) refuse(field, value, "a list of str");
      std::string text;
      for (const std::string& line : lines) text += (text.empty() ? "" : "\n") + line;
      return text;
    }
  }
  return {};
}

nb::object from_text(const FieldInfo& field, const std::string& text) {
  if (field.is_optional() && text == field.usual) return nb::none();
  switch (field.type) {
    case FieldType::integer: return nb::int_(nb::str(text.c_str()));
    case FieldType::number: return nb::float_(nb::str(text.c_str()));
    case FieldType::flag: return nb::bool_(text == "true");
    case FieldType::list: {
      nb::list lines;
      std::istringstream stream(text);
      for (std::string line; std::getline(stream, line);) lines.append(nb::str(line.c_str()));
      return lines;
    }
    default: return nb::str(text.c_str(), text.size());
  }
}

bool Keywords::take(const char* name, nb::object& value) {
  known_.emplace_back(name);
  if (!given_.contains(name)) return false;
  value = nb::borrow(given_[name]);
  nb::del(given_[name]);
  return true;
}

void Keywords::expect_none_left(std::string_view of) const {
  for (const auto& [key, value] : given_) {
    const std::string name = nb::str(key).c_str();
    throw Error(ErrorKind::bad_argument, "\"" + name + "\" is no keyword of " + std::string(of) +
                                             "; the nearest is \"" + nearest(name, known_) + "\"");
  }
}

}  // namespace drypoint::python
