#include "checkpoint/json.h"

#include <nlohmann/json.hpp>

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

}  // namespace drypoint
