#include "server/json.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace drypoint::server {
namespace {

/// Whether JSON has the text as it stands. Blocks without a branch inside, as pictures are long.
bool is_plain(std::string_view text) {
  constexpr size_t block = 4096;
  for (; !text.empty(); text.remove_prefix(std::min(block, text.size()))) {
    uint8_t special = 0;
    for (const char c : text.substr(0, block))
      special |=
          static_cast<uint8_t>((static_cast<signed char>(c) < ' ') | (c == '"') | (c == '\\'));
    if (special != 0) return false;
  }
  return true;
}

/// As the library reads, whose walk over a picture's text, letter by letter, takes longer than all
/// else that becomes of it here. It is left what is short.
class Reader {
 public:
  explicit Reader(std::string_view text) : text_(text) {}

  Json read() {
    Json all = value(0);
    if (next() != '\0' || at_ < text_.size()) refuse_it();
    return all;
  }

 private:
  [[noreturn]] static void refuse_it() { refuse(400, "body: is no JSON, expected a JSON object"); }

  /// What comes after blanks; 0 at the end.
  char next() {
    at_ = std::min(text_.find_first_not_of(" \t\n\r", at_), text_.size());
    return at_ < text_.size() ? text_[at_] : '\0';
  }
  bool takes(char expected) {
    if (next() != expected) return false;
    ++at_;
    return true;
  }
  void expect(char expected) {
    if (!takes(expected)) refuse_it();
  }

  /// The library's copies and prints recurse, so depth is stack.
  Json value(int depth) {
    if (++values_ > 100'000) refuse(400, "body: has more than 100000 values");
    const auto deeper = [&] {
      if (depth == 32) refuse(400, "body: is nested deeper than 32");
      return depth + 1;
    };
    if (takes('{')) return object(deeper());
    if (takes('[')) return list(deeper());
    return next() == '"' ? string() : scalar();
  }
  Json object(int depth) {
    Json result = Json::object();
    if (takes('}')) return result;
    do {
      if (next() != '"') refuse_it();
      Json name = string();
      if (name.get_ref<const std::string&>().size() > 200)
        refuse(400, "body: has a name of more than 200 letters");
      expect(':');
      result[std::move(name.get_ref<std::string&>())] = value(depth);
      // Each is looked for among those before it.
      if (result.size() > 1000) refuse(400, "body: has an object of more than 1000 fields");
    } while (takes(','));
    expect('}');
    return result;
  }
  Json list(int depth) {
    Json result = Json::array();
    if (takes(']')) return result;
    do result.push_back(value(depth));
    while (takes(','));
    expect(']');
    return result;
  }
  Json string() {
    const auto is_escaped = [&](size_t quote) {
      return (quote - text_.find_last_not_of('\\', quote - 1)) % 2 == 0;
    };
    size_t end = at_;
    do end = text_.find('"', end + 1);
    while (end != text_.npos && is_escaped(end));
    if (end == text_.npos) refuse_it();
    const std::string_view quoted = text_.substr(at_, end + 1 - at_);
    const std::string_view inside = quoted.substr(1, quoted.size() - 2);
    at_ = end + 1;
    return is_plain(inside) ? Json(inside) : parsed(quoted);
  }
  Json scalar() {
    const size_t end = std::min(text_.find_first_of(",]} \t\n\r", at_), text_.size());
    const std::string_view token = text_.substr(at_, end - at_);
    if (token.find_first_not_of("+-.0123456789Eaeflnrstu") != token.npos) refuse_it();
    at_ = end;
    return parsed(token);
  }
  static Json parsed(std::string_view token) {
    Json value = Json::parse(token, nullptr, /*allow_exceptions=*/false);
    if (value.is_discarded()) refuse_it();
    return value;
  }

  std::string_view text_;
  size_t at_ = 0, values_ = 0;  // a value takes 30 times as much memory as text
};

/// As the library prints, with the same haste.
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
  constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF";  // which some clients send
  if (body.starts_with(byte_order_mark)) body.remove_prefix(byte_order_mark.size());
  if (body.empty()) return Json::object();
  Json json = Reader(body).read();
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
