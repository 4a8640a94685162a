// Counts and times for Prometheus.
#pragma once

#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <vector>

namespace drypoint::server {

/// What is counted; each is told once, in metrics.cc.
enum class Metric {
  requests,
  request_seconds,
  jobs,
  wait_seconds,
  stage_seconds,
  together,
  refused
};

class Metrics {
 public:
  /// `labels` as they stand between braces: `state="done"`.
  void add(Metric metric, const std::string& labels = {}, double by = 1);
  /// Of a histogram.
  void observe(Metric metric, const std::string& labels, double value);
  /// A number that is asked for when it is shown.
  void show(std::string name, std::string help, std::function<double()> value);
  /// The text format, version 0.0.4.
  std::string text() const;

 private:
  struct Histogram {
    std::vector<double> counts;  // of each bucket alone, the last without a bound
    double sum = 0;
  };
  struct Gauge {
    std::string name, help;
    std::function<double()> value;
  };
  mutable std::mutex mutex_;
  std::map<Metric, std::map<std::string, double>> counters_;
  std::map<Metric, std::map<std::string, Histogram>> histograms_;
  std::vector<Gauge> gauges_;
};

}  // namespace drypoint::server
