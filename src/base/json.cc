#include "base/json.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/file.h"
#include "base/utf8.h"

namespace drypoint {

namespace {

// The library's own watch over depth looks through all of an object's values at each end of one.
bool nests_deeper(std::string_view text, int deepest) {
  int depth = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '"')  // to the string's end
      for (++i; i < text.size() && text[i] != '"'; ++i) i += text[i] == '\\';
    else if (c == '{' || c == '[')
      depth += 1;
    else if (c == '}' || c == ']')
      depth -= 1;
    if (depth > deepest) return true;
  }
  return false;
}

}  // namespace

nlohmann::json parse_json(std::string_view text) {
  using nlohmann::json;
  constexpr int deepest = 32;
  if (nests_deeper(text, deepest)) return json(json::value_t::discarded);
  return json::parse(text, nullptr, /*allow_exceptions=*/false);
}

nlohmann::json read_json_object(const std::filesystem::path& file, std::string_view expected,
                                std::initializer_list<std::string_view> keys) {
  const auto refuse = [&](const std::string& what) {
    fail(ErrorKind::bad_file, "{}: {}, expected {}", file.string(), what, expected);
  };
  const std::string text = read_file(file);
  if (text.empty()) refuse("is empty");
  nlohmann::json value = parse_json(text);
  if (value.is_discarded()) refuse("is not JSON");
  if (!value.is_object()) refuse(fmt::format("is JSON of type {}", value.type_name()));
  for (const std::string_view key : keys)
    if (!value.contains(key)) refuse(fmt::format("lacks \"{}\"", key));
  return value;
}

std::string reason(const std::exception& error) {
  std::string_view text = error.what();
  if (const auto end = text.find("] "); text.starts_with("[json.exception.") && end != text.npos)
    text.remove_prefix(end + 2);
  return printable(text);
}

}  // namespace drypoint
