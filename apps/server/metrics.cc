#include "server/metrics.h"

#include <fmt/format.h>

#include <algorithm>

namespace drypoint::server {
namespace {

struct Told {
  Metric metric;
  std::string_view name, help;
  std::vector<double> buckets = {};  // of a histogram; a counter has none
};

const std::vector<Told>& told() {
  static const std::vector<double> seconds{0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2,
                                           0.5,   1,     2,     5,    10,   20,   60,  300};
  static const std::vector<Told> all{
      {Metric::requests, "drypoint_http_requests_total", "Answered requests."},
      {Metric::request_seconds, "drypoint_http_request_seconds",
       "From a request's header to its answer's end.", seconds},
      {Metric::jobs, "drypoint_pictures_total", "Pictures by how they ended."},
      {Metric::wait_seconds, "drypoint_wait_seconds", "A picture's time in line.", seconds},
      {Metric::stage_seconds, "drypoint_stage_seconds", "A picture's time in each stage.", seconds},
      {Metric::together,
       "drypoint_batch_size",
       "For each picture, how many were drawn as one batch.",
       {1, 2, 4, 8, 16, 32, 64}},
      {Metric::refused, "drypoint_refused_total", "Requests beyond a limit, by the limit."}};
  return all;
}

const Told& of_metric(Metric metric) { return *std::ranges::find(told(), metric, &Told::metric); }

std::string braced(const std::string& labels) { return labels.empty() ? "" : "{" + labels + "}"; }

}  // namespace

void Metrics::add(Metric metric, const std::string& labels, double by) {
  const std::lock_guard lock(mutex_);
  counters_[metric][labels] += by;
}

void Metrics::observe(Metric metric, const std::string& labels, double value) {
  const auto& buckets = of_metric(metric).buckets;
  const auto at = std::ranges::lower_bound(buckets, value) - buckets.begin();
  const std::lock_guard lock(mutex_);
  Histogram& histogram = histograms_[metric][labels];
  histogram.counts.resize(buckets.size() + 1);
  histogram.counts[static_cast<size_t>(at)] += 1;
  histogram.sum += value;
}

void Metrics::show(std::string name, std::string help, std::function<double()> value) {
  const std::lock_guard lock(mutex_);
  gauges_.push_back({std::move(name), std::move(help), std::move(value)});
}

std::string Metrics::text() const {
  std::string text;
  const auto head = [&](std::string_view name, std::string_view help, std::string_view type) {
    text += fmt::format("# HELP {} {}\n# TYPE {} {}\n", name, help, name, type);
  };
  std::vector<Gauge> gauges;
  {
    const std::lock_guard lock(mutex_);
    gauges = gauges_;
    for (const Told& one : told()) {
      head(one.name, one.help, one.buckets.empty() ? "counter" : "histogram");
      if (const auto found = counters_.find(one.metric); found != counters_.end())
        for (const auto& [labels, value] : found->second)
          text += fmt::format("{}{} {}\n", one.name, braced(labels), value);
      const auto found = histograms_.find(one.metric);
      if (found == histograms_.end()) continue;
      for (const auto& [labels, histogram] : found->second) {
        double count = 0;
        for (size_t i = 0; i < histogram.counts.size(); ++i) {
          count += histogram.counts[i];
          text += fmt::format(
              "{}_bucket{{{}{}le=\"{}\"}} {}\n", one.name, labels, labels.empty() ? "" : ",",
              i < one.buckets.size() ? fmt::to_string(one.buckets[i]) : "+Inf", count);
        }
        text += fmt::format("{0}_sum{1} {2}\n{0}_count{1} {3}\n", one.name, braced(labels),
                            histogram.sum, count);
      }
    }
  }
  for (const Gauge& gauge : gauges) {  // which may ask who is counting
    head(gauge.name, gauge.help, "gauge");
    text += fmt::format("{} {}\n", gauge.name, gauge.value());
  }
  return text;
}

}  // namespace drypoint::server
