#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "drypoint/profile.h"
#include "measure/setting_json.h"

extern "C" const char drypoint_profile_page[], drypoint_profile_page_end[];  // page.S

namespace drypoint {
namespace {

using Json = nlohmann::ordered_json;

Json to_json(const OperationProfile& operation) {
  Json json{{"module", operation.module},
            {"kind", operation.kind},
            {"attributes", operation.attributes},
            {"output", operation.output},
            {"begin", operation.begin},
            {"span", operation.span},
            {"seconds", operation.seconds},
            {"gap", operation.gap},
            {"flops", operation.flops},
            {"bytes", operation.bytes},
            {"limit_seconds", operation.limit_seconds},
            {"bound_by", operation.bound_by_memory ? "memory" : "arithmetic"},
            {"inputs", Json::array()},
            {"kernels", Json::array()}};
  for (const OperandProfile& input : operation.inputs)
    json["inputs"].push_back({{"name", input.name}, {"type", input.type}, {"from", input.from}});
  for (const KernelProfile& kernel : operation.kernels)
    json["kernels"].push_back(
        {{"name", kernel.name}, {"begin", kernel.begin}, {"seconds", kernel.seconds}});
  return json;
}

Json to_json(const std::vector<GroupProfile>& groups) {
  Json json = Json::array();
  for (const GroupProfile& group : groups)
    json.push_back({{"name", group.name},
                    {"operations", group.operations},
                    {"seconds", group.seconds},
                    {"flops", group.flops},
                    {"bytes", group.bytes},
                    {"limit_seconds", group.limit_seconds}});
  return json;
}

Json to_json(const PartProfile& part) {
  Json json{{"name", part.name},
            {"method", part.method},
            {"alone_seconds", part.alone_seconds},
            {"profiled_seconds", part.profiled_seconds},
            {"sum", part.sum},
            {"busy", part.busy},
            {"gaps", part.gaps},
            {"overlap", part.overlap},
            {"groups",
             {{"module", to_json(group(part, Grouping::module))},
              {"kind", to_json(group(part, Grouping::kind))},
              {"shape", to_json(group(part, Grouping::shape))}}},
            {"operations", Json::array()}};
  for (const OperationProfile& operation : part.operations)
    json["operations"].push_back(to_json(operation));
  return json;
}

std::string dumped(const Json& json, int indent) {
  return json.dump(indent, ' ', false, Json::error_handler_t::replace);
}

/// Tracks on which intervals that overlap do not hide each other.
class Lanes {
 public:
  int take(double begin, double end) {
    size_t lane = 0;
    while (lane < ends_.size() && ends_[lane] > begin) ++lane;
    if (lane == ends_.size()) ends_.push_back(0);
    ends_[lane] = end;
    return static_cast<int>(lane);
  }

 private:
  std::vector<double> ends_;
};

Json event(const std::string& name, int track, double begin, double seconds, Json arguments) {
  return {{"name", name},
          {"ph", "X"},
          {"pid", 1},
          {"tid", track},
          {"ts", begin * 1e6},
          {"dur", seconds * 1e6},
          {"args", std::move(arguments)}};
}

Json named_track(int track, const std::string& name) {
  return {
      {"name", "thread_name"}, {"ph", "M"}, {"pid", 1}, {"tid", track}, {"args", {{"name", name}}}};
}

constexpr int parts_track = 1, operations_track = 2, kernels_track = 3;

Json trace_events(const ProfileResult& result) {
  Json events = Json::array();
  events.push_back({{"name", "process_name"},
                    {"ph", "M"},
                    {"pid", 1},
                    {"args", {{"name", result.model + " on " + result.device}}}});
  events.push_back(named_track(parts_track, "parts"));
  events.push_back(named_track(operations_track, "operations"));
  int tracks = 0;
  double at = 0;
  for (const PartProfile& part : result.parts) {
    events.push_back(event(part.name, parts_track, at, part.busy + part.gaps,
                           {{"method", part.method}, {"alone_seconds", part.alone_seconds}}));
    Lanes lanes;
    for (const OperationProfile& o : part.operations) {
      if (o.kernels.empty()) continue;
      events.push_back(event(o.module, operations_track, at + o.begin + o.span - o.seconds,
                             o.seconds,
                             {{"operation", o.attributes},
                              {"result", o.output},
                              {"TFLOP/s", o.seconds > 0 ? o.flops / o.seconds / 1e12 : 0},
                              {"GB/s", o.seconds > 0 ? o.bytes / o.seconds / 1e9 : 0},
                              {"limit us", o.limit_seconds * 1e6}}));
      for (const KernelProfile& kernel : o.kernels) {
        const int lane = lanes.take(kernel.begin, kernel.begin + kernel.seconds);
        tracks = std::max(tracks, lane + 1);
        events.push_back(event(kernel.name, kernels_track + lane, at + kernel.begin, kernel.seconds,
                               {{"module", o.module}}));
      }
    }
    at += part.busy + part.gaps;
  }
  for (int i = 0; i < tracks; ++i)
    events.push_back(named_track(kernels_track + i, i == 0 ? "kernels" : "kernels, overlapping"));
  return events;
}

Json to_json_value(const ProfileResult& result) {
  Json json = setting_json(result);
  json["height"] = result.size.height;
  json["width"] = result.size.width;
  json["limits"] = {{"flops_per_second", result.limits.flops_per_second},
                    {"bytes_per_second", result.limits.bytes_per_second},
                    {"product", result.limits.product},
                    {"move", result.limits.move}};
  json["parts"] = Json::array();
  json["notices"] = result.notices;
  for (const PartProfile& part : result.parts) json["parts"].push_back(to_json(part));
  return json;
}

}  // namespace

std::string to_json(const ProfileResult& result) { return dumped(to_json_value(result), 1); }

std::string to_trace(const ProfileResult& result) {
  return at_border("profile", [&] {
    return dumped({{"displayTimeUnit", "ns"}, {"traceEvents", trace_events(result)}}, -1);
  });
}

std::string to_page(const ProfileResult& result) {
  return at_border("profile", [&] {
    constexpr std::string_view mark = "{{profile}}";
    std::string page(drypoint_profile_page, drypoint_profile_page_end);
    std::string data;
    for (const char c : dumped(to_json_value(result), -1))  // no "</script>" inside
      c == '<' ? data += "\\u003c" : data += c;
    const size_t at = page.find(mark);
    DRYPOINT_EXPECT(at != page.npos, "the page has no {}", mark);
    return page.replace(at, mark.size(), data);
  });
}

}  // namespace drypoint
