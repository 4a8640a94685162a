#include "inspect/tuning_cache.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/json.h"

namespace drypoint {

TuningCache read_tuning_cache(const std::filesystem::path& path) {
  const auto json = read_json_object(path, "a tuning cache", {"version", "device", "choices"});
  try {
    TuningCache cache;
    cache.device = json.at("device").get<std::string>();
    for (const auto& [key, choice] : json.at("choices").items()) {
      auto& kernels = cache.choices[key];
      kernels.push_back({choice.at(0).get<std::string>(), choice.at(1).get<double>()});
      if (choice.size() > 2)
        for (const auto& [name, microseconds] : choice.at(2).items())
          kernels.push_back({name, microseconds.get<double>()});
      std::stable_sort(kernels.begin(), kernels.end(), [](const auto& a, const auto& b) {
        return a.microseconds < b.microseconds;
      });
    }
    return cache;
  } catch (const nlohmann::json::exception& error) {
    fail(ErrorKind::bad_file, "{}: is not a tuning cache: {}", path.string(), reason(error));
  }
}

}  // namespace drypoint
