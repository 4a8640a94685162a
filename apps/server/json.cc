#include "server/json.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace drypoint::server {
namespace {

/// The library's copies and prints recurse, so depth would be stack.
bool nests_deeper(std::string_view text, int deepest) {
  int depth = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '"')  // to the string's end
      for (++i; i < text.size() && text[i] != '"'; ++i) i += text[i] == '\\' ? 1 : 0;
    else if (c == '{' || c == '[')
      depth += 1;
    else if (c == '}' || c == ']')
      depth -= 1;
    if (depth > deepest) return true;
  }
  return false;
}

/// Whether JSON has the text as it stands. Blocks without a branch inside, as pictures are long.
bool is_plain(std::string_view text) {
  constexpr size_t block = 4096;
  for (; !text.empty(); text.remove_prefix(std::min(block, text.size()))) {
    unsigned special = 0;
    for (const char c : text.substr(0, block))
      special |=
          unsigned{static_cast<signed char>(c) < ' '} | unsigned{c == '"'} | unsigned{c == '\\'};
    if (special != 0) return false;
  }
  return true;
}

/// As the library prints, whose walk over a picture's text takes longer than packing some PNGs.
void print(const Json& json, std::string& out) {
  const auto print_text = [&](const std::string& text) {
    if (is_plain(text))
      out.append(1, '"').append(text).append(1, '"');
    else
      out += Json(text).dump(-1, ' ', false, Json::error_handler_t::replace);
  };
  const char* between = "";
  if (json.is_object()) {
    out += '{';
    for (const auto& [name, value] : json.items()) {
      out += std::exchange(between, ",");
      print_text(name);
      out += ':';
      print(value, out);
    }
    out += '}';
  } else if (json.is_array()) {
    out += '[';
    for (const Json& value : json) {
      out += std::exchange(between, ",");
      print(value, out);
    }
    out += ']';
  } else if (json.is_string()) {
    print_text(json.get_ref<const std::string&>());
  } else {
    out += json.dump();
  }
}

const Json nothing = Json::object(), no_list = Json::array();

}  // namespace

int status_of(ErrorKind kind, int invalid) {
  switch (kind) {
    case ErrorKind::bad_argument:
    case ErrorKind::bad_file:
    case ErrorKind::unsupported: return invalid;
    case ErrorKind::cancelled: return 409;
    case ErrorKind::out_of_memory:
    case ErrorKind::device_failure: return 503;
    case ErrorKind::write_failed:
    case ErrorKind::non_finite:
    case ErrorKind::internal: return 500;
  }
  return 500;
}

Json parse_object(std::string_view body) {
  if (body.empty()) return Json::object();
  if (nests_deeper(body, 32)) refuse(400, "body: is nested deeper than 32");
  Json json = Json::parse(body, nullptr, /*allow_exceptions=*/false);
  if (json.is_discarded()) refuse(400, "body: is no JSON, expected a JSON object");
  if (!json.is_object())
    refuse(400, "body: is JSON of type {}, expected a JSON object", json.type_name());
  return json;
}

std::string dumped(const Json& json) {
  std::string text;
  print(json, text);
  return text;
}

Fields::Fields(const Json& object, std::string where) : object_(&object), where_(std::move(where)) {
  if (!object.is_object()) {
    if (where_.ends_with('.')) where_.pop_back();
    refuse_field(422, where_, "found {}, expected an object", object.type_name());
  }
}

void Fields::expect(const std::string& name, std::string_view what) const {
  std::string found = dumped(object_->at(name));
  if (found.size() > 60) found = found.substr(0, 40) + "...";
  refuse_field(422, where_ + name, "{}, expected {}", found, what);
}

const Json* Fields::find(const std::string& name) const {
  const auto found = object_->find(name);
  return found == object_->end() || found->is_null() ? nullptr : &*found;
}

std::string Fields::text(const std::string& name, std::string fallback) const {
  const Json* value = find(name);
  if (!value) return fallback;
  if (!value->is_string()) expect(name, "a string");
  return value->get<std::string>();
}

double Fields::number(const std::string& name, double fallback) const {
  const Json* value = find(name);
  if (!value) return fallback;
  if (!value->is_number()) expect(name, "a number");
  return value->get<double>();
}

int64_t Fields::integer(const std::string& name, int64_t fallback) const {
  const Json* value = find(name);
  if (!value) return fallback;
  if (value->is_number_integer() && !(value->is_number_unsigned() && value->get<uint64_t>() >> 63))
    return value->get<int64_t>();
  const double number = value->is_number() ? value->get<double>() : 0.5;
  if (number != std::floor(number) || std::abs(number) > 1e15) expect(name, "a whole number");
  return static_cast<int64_t>(number);
}

bool Fields::flag(const std::string& name, bool fallback) const {
  const Json* value = find(name);
  if (!value) return fallback;
  if (!value->is_boolean()) expect(name, "true or false");
  return value->get<bool>();
}

const Json& Fields::object(const std::string& name) const {
  const Json* value = find(name);
  if (!value) return nothing;
  if (!value->is_object()) expect(name, "an object");
  return *value;
}

const Json& Fields::list(const std::string& name) const {
  const Json* value = find(name);
  if (!value) return no_list;
  if (!value->is_array()) expect(name, "a list");
  return *value;
}

}  // namespace drypoint::server
