#include "base/json.h"

#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/file.h"
#include "base/utf8.h"

namespace drypoint {

nlohmann::json parse_json(std::string_view text) {
  using nlohmann::json;
  constexpr int deepest = 32;
  bool too_deep = false;
  json value = json::parse(
      text,
      [&](int depth, json::parse_event_t, const json&) {
        too_deep = too_deep || depth > deepest;
        return !too_deep;  // false: what follows is read but not kept
      },
      /*allow_exceptions=*/false);
  return too_deep ? json(json::value_t::discarded) : value;
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
