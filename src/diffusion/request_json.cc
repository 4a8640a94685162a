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

bool fits(const nlohmann::json& value, const Field<Request>& field) {
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
std::string expected(const Field<Request>& field) {
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

}  // namespace

std::string to_json(const Request& request) {
  Json json = Json::object();
  for (const auto& field : request_fields()) {
    const std::string text = field.get(request);
    if (field.type == FieldType::list)
      json[field.name] = lines_of(text);
    else if (is_string(field.type))
      json[field.name] = text;
    else if (text.empty())  // absent
      json[field.name] = nullptr;
    else
      json[field.name] = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  }
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

void read_json(std::string_view text, std::string_view source, Request& request,
               const std::function<bool(const std::string&, const std::string&)>& other) {
  const nlohmann::json json = parse_json(text);
  if (!json.is_object())
    fail(ErrorKind::bad_file, "{}: is {}, expected a JSON object", source,
         json.is_discarded() ? "no JSON" : std::string("JSON of type ") + json.type_name());
  for (const auto& [name, value] : json.items()) {
    const Field<Request>* field = find_field(request_fields(), name);
    if (!field) {
      if (other && !value.is_structured() && other(name, as_text(value))) continue;
      fail(ErrorKind::bad_argument, "{}: \"{}\" is no field of a request", source, printable(name));
    }
    if (!fits(value, *field))
      fail(ErrorKind::bad_argument, "{}: {}, expected {}", name, printable(value.dump()),
           expected(*field));
    field->set(request, as_text(value));
  }
}

}  // namespace drypoint
