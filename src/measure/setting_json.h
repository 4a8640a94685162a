// What the JSON of a benchmark and of a profile begin with: what was measured, where, and how.
#pragma once

#include <nlohmann/json.hpp>

namespace drypoint {

template <class Result>
nlohmann::ordered_json setting_json(const Result& result) {
  return {{"version", result.version}, {"model", result.model},         {"control", result.control},
          {"device", result.device},   {"threads", result.threads},     {"batch", result.batch},
          {"steps", result.steps},     {"scale", result.guidance_scale}};
}

}  // namespace drypoint
