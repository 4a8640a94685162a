#include <cmath>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/json.h"
#include "drypoint/bench.h"
#include "measure/setting_json.h"

namespace drypoint {
namespace {

using Json = nlohmann::ordered_json;

Json to_json(const std::vector<double>& times) {
  const Summary s = summarize(times);
  return {{"min", s.min},     {"mean", s.mean}, {"median", s.median}, {"p90", s.p90},
          {"p95", s.p95},     {"p99", s.p99},   {"max", s.max},       {"deviation", s.deviation},
          {"count", s.count}, {"times", times}};
}

Json to_json(const SizeBench& size) {
  Json json{{"height", size.size.height},
            {"width", size.size.width},
            {"ready_seconds", size.ready_seconds},
            {"iterations", size.iterations},
            {"pictures_per_second", size.pictures_per_second},
            {"peak_bytes", size.peak_bytes},
            {"parts", Json::array()}};
  for (const PartTimes& part : size.parts)
    json["parts"].push_back({{"name", part.name},
                             {"host_seconds", to_json(part.host)},
                             {"device_seconds", to_json(part.device)}});
  return json;
}

std::vector<double> times_from(const nlohmann::json& json) {
  auto times = json.at("times").get<std::vector<double>>();
  for (const double time : times)
    if (!std::isfinite(time) || time <= 0) throw std::domain_error("a time is not positive");
  return times;
}

SizeBench size_from(const nlohmann::json& json) {
  SizeBench size;
  size.size = {json.at("width").get<int>(), json.at("height").get<int>()};
  size.ready_seconds = json.at("ready_seconds").get<double>();
  size.iterations = json.at("iterations").get<int>();
  size.pictures_per_second = json.at("pictures_per_second").get<double>();
  size.peak_bytes = json.at("peak_bytes").get<uint64_t>();
  for (const auto& part : json.at("parts"))
    size.parts.push_back({part.at("name").get<std::string>(), times_from(part.at("host_seconds")),
                          times_from(part.at("device_seconds"))});
  return size;
}

BenchResult result_from(const nlohmann::json& json) {
  BenchResult result;
  result.version = json.at("version").get<std::string>();
  result.model = json.at("model").get<std::string>();
  result.control = json.at("control").get<std::string>();
  result.device = json.at("device").get<std::string>();
  result.threads = json.at("threads").get<int>();
  result.batch = json.at("batch").get<int>();
  result.steps = json.at("steps").get<int>();
  result.guidance_scale = json.at("scale").get<double>();
  result.transfers = json.at("transfers").get<bool>();
  for (const auto& size : json.at("sizes")) result.sizes.push_back(size_from(size));
  return result;
}

}  // namespace

std::string to_json(const BenchResult& result) {
  Json json = setting_json(result);
  json["transfers"] = result.transfers;
  json["clocks_mhz"] = {{"lowest", result.clocks.lowest_mhz},
                        {"highest", result.clocks.highest_mhz},
                        {"possible", result.clocks.possible_mhz}};
  json["sizes"] = Json::array();
  json["warnings"] = result.warnings;
  for (const SizeBench& size : result.sizes) json["sizes"].push_back(to_json(size));
  return json.dump(2, ' ', false, Json::error_handler_t::replace);
}

BenchResult read_bench_result(const std::filesystem::path& path) {
  return at_border(path.string(), [&] {
    constexpr std::string_view expected = "what \"drypoint bench --json\" prints";
    const auto json = read_json_object(path, expected,
                                       {"version", "model", "control", "device", "threads", "batch",
                                        "steps", "scale", "transfers", "sizes"});
    try {
      return result_from(json);
    } catch (const std::exception& error) {
      fail(ErrorKind::bad_file, "{}: is not {}: {}", path.string(), expected, reason(error));
    }
  });
}

}  // namespace drypoint
