#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/json.h"
#include "base/utf8.h"
#include "drypoint/fields.h"

namespace drypoint {
namespace {

using Json = nlohmann::ordered_json;

bool is_string(FieldType type) {
  return type == FieldType::text || type == FieldType::word || type == FieldType::file;
}

template <class Settings>
bool fits(const nlohmann::json& value, const Field<Settings>& field) {
  if (value.is_null()) return field.get({}).empty();
  switch (field.type) {
    case FieldType::text:
    case FieldType::word:
    case FieldType::file: return value.is_string();
    case FieldType::integer: return value.is_number_integer();
    case FieldType::number: return value.is_number();
    case FieldType::flag: return value.is_boolean();
    case FieldType::list:
      return value.is_array() && std::ranges::all_of(value, [](const auto& one) {
               return one.is_string() &&
                      one.template get<std::string>().find('\n') == std::string::npos;
             });
  }
  return false;
}

std::vector<std::string> lines_of(std::string_view text) {
  std::vector<std::string> lines;
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    lines.emplace_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return lines;
}

/// "a whole number, 1 to 999"
template <class Settings>
std::string expected(const Field<Settings>& field) {
  if (field.type == FieldType::integer) return "a whole number, " + field.expected;
  if (field.type == FieldType::number) return "a number, " + field.expected;
  if (field.type == FieldType::list) return "a list of strings, " + field.expected;
  return field.type == FieldType::flag ? field.expected : "a string, " + field.expected;
}

std::string as_text(const nlohmann::json& value) {
  if (value.is_null()) return "";
  if (value.is_array()) {
    std::string lines;
    for (const auto& line : value) {
      if (!lines.empty()) lines += '\n';
      lines += line.get<std::string>();
    }
    return lines;
  }
  return value.is_string() ? value.get<std::string>() : value.dump();
}

template <class Settings>
Json json_of(const Settings& settings, const std::vector<Field<Settings>>& fields) {
  Json json = Json::object();
  for (const auto& field : fields) {
    const std::string text = field.get(settings);
    if (field.type == FieldType::list)
      json[field.name] = lines_of(text);
    else if (is_string(field.type))
      json[field.name] = text;
    else if (text.empty())  // absent
      json[field.name] = nullptr;
    else
      json[field.name] = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  }
  return json;
}

/// False: there is no such field.
template <class Settings>
bool set_field(Settings& settings, const std::vector<Field<Settings>>& fields,
               const std::string& name, const nlohmann::json& value, const std::string& place) {
  const Field<Settings>* field = find_field(fields, name);
  if (!field) return false;
  if (!fits(value, *field))
    fail(ErrorKind::bad_argument, "{}{}: {}, expected {}", place, name, printable(value.dump()),
         expected(*field));
  field->set(settings, as_text(value));
  return true;
}

using Other = std::function<bool(const std::string&, const std::string&)>;

std::vector<Control> controls_in(const nlohmann::json& list, std::string_view source,
                                 const Other& other) {
  if (!list.is_array())
    fail(ErrorKind::bad_argument, "controls: {}, expected a list of objects",
         printable(list.dump()));
  std::vector<Control> controls(list.size());
  for (size_t i = 0; i < list.size(); ++i) {
    const std::string place = fmt::format("controls[{}].", i);
    if (!list[i].is_object())
      fail(ErrorKind::bad_argument, "controls[{}]: {}, expected an object", i,
           printable(list[i].dump()));
    for (const auto& [name, value] : list[i].items())
      if (!set_field(controls[i], control_fields(), name, value, place) &&
          (!other || value.is_structured() || !other(place + name, as_text(value))))
        fail(ErrorKind::bad_argument, "{}: \"{}\" is no field of a control", source,
             printable(place + name));
  }
  return controls;
}

}  // namespace

std::string to_json(const Request& request) {
  Json json = json_of(request, request_fields());
  for (const Control& control : request.controls)
    json["controls"].push_back(json_of(control, control_fields()));
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

void read_json(std::string_view text, std::string_view source, Request& request,
               const Other& other) {
  const nlohmann::json json = parse_json(text);
  if (!json.is_object())
    fail(ErrorKind::bad_file, "{}: is {}, expected a JSON object", source,
         json.is_discarded() ? "no JSON" : std::string("JSON of type ") + json.type_name());
  for (const auto& [name, value] : json.items()) {
    if (name == "controls") {
      request.controls = controls_in(value, source, other);
      continue;
    }
    if (set_field(request, request_fields(), name, value, "")) continue;
    if (other && !value.is_structured() && other(name, as_text(value))) continue;
    fail(ErrorKind::bad_argument, "{}: \"{}\" is no field of a request", source, printable(name));
  }
}

}  // namespace drypoint
