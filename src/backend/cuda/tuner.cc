#include "backend/cuda/tuner.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <iterator>
#include <limits>
#include <nlohmann/json.hpp>

#include "backend/cuda/graph.h"
#include "backend/cuda/instruments.h"
#include "base/file.h"
#include "base/json.h"

extern "C" const char drypoint_tuned_hopper[], drypoint_tuned_hopper_end[];  // tuned/choices.S

namespace drypoint::cuda {
namespace {

constexpr int version = 1;  // of what keys and names mean

double rounded(double microseconds) { return std::round(microseconds * 100) / 100; }

}  // namespace

Tuner::Tuner(int level, std::string cache, std::string device, bool is_common_hopper)
    : level_(level), cache_(std::move(cache)), device_(std::move(device)) {
  if (is_common_hopper)
    read(nlohmann::json::parse(drypoint_tuned_hopper, drypoint_tuned_hopper_end), shipped_);
  if (cache_.empty() || !std::filesystem::exists(cache_)) return;
  const auto json = read_json_object(cache_, "a tuning cache", {"version", "device", "choices"});
  try {
    // A cache of another device or version is no error: its choices just do not hold here.
    if (json.at("version") == version && json.at("device") == device_) read(json, choices_);
  } catch (const nlohmann::json::exception& error) {
    fail(ErrorKind::bad_file, "{}: is not a tuning cache: {}", cache_, reason(error));
  }
}

Tuner::~Tuner() {
  try {
    save();
  } catch (...) {  // measured again next time
  }
}

void Tuner::read(const nlohmann::json& json, Choices& choices) {
  for (const auto& [key, choice] : json.at("choices").items())
    choices[key] = {choice.at(0).get<std::string>(), choice.at(1).get<double>(),
                    choice.size() > 2 ? choice.at(2).get<std::map<std::string, double>>()
                                      : std::map<std::string, double>()};
}

std::string Tuner::write(const Choices& choices) const {
  nlohmann::ordered_json json = {
      {"version", version}, {"device", device_}, {"choices", nlohmann::ordered_json::object()}};
  for (const auto& [key, choice] : choices) {
    json["choices"][key] = {choice.name, rounded(choice.microseconds)};
    if (!choice.others.empty()) json["choices"][key].push_back(choice.others);
  }
  return json.dump(1);
}

void Tuner::save() {
  if (cache_.empty() || !changed_) return;
  write_file(cache_, write(choices_));
  changed_ = false;
}

std::string Tuner::taken() const { return write(taken_); }

void Tuner::take(const std::string& json, const std::string& source) {
  planned_.clear();
  if (json.empty()) return;
  try {
    const auto parsed = nlohmann::json::parse(json);
    if (parsed.at("version") == version && parsed.at("device") == device_) read(parsed, planned_);
  } catch (const nlohmann::json::exception& error) {
    fail(ErrorKind::bad_file, "{}: the plan's choices cannot be read: {}", source, reason(error));
  }
}

Tuner::Choice Tuner::best(const Context& context, const Question& question) {
  const std::string& key = question.key;
  const auto holds = [&](const Choice& choice) {
    if (question.can_be_made(choice.name)) return true;
    absent_[key] = choice.name;
    return false;
  };
  // At level 0 a plan's choices are taken whatever they came from, so that it computes the same
  // everywhere; else those that were measured.
  if (const auto plan = planned_.find(key); plan != planned_.end() &&
                                            (level_ == 0 || plan->second.microseconds > 0) &&
                                            holds(plan->second))
    return plan->second;
  if (const auto known = choices_.find(key); known != choices_.end() && holds(known->second))
    return known->second;
  std::vector<std::string> keys{key};
  std::ranges::copy(question.alike, std::back_inserter(keys));
  for (const std::string& one : keys)
    if (const auto shipped = shipped_.find(one); shipped != shipped_.end() &&
                                                 (level_ == 0 || (level_ < 5 && one == key)) &&
                                                 question.can_be_made(shipped->second.name))
      return {shipped->second.name, 0, {}};
  if (level_ == 0) return {question.guess, 0, {}};
  Choice least{question.guess, std::numeric_limits<double>::infinity(), {}};
  for (const Candidate& candidate : question.candidates()) {
    double time = 0;
    try {
      time = measure(context, candidate.run, least.microseconds);
    } catch (const Error& error) {
      if (error.kind() != ErrorKind::unsupported) throw;
      continue;  // a library has changed its mind
    }
    least.others[candidate.name] = rounded(time);
    if (time < least.microseconds) least.microseconds = time, least.name = candidate.name;
  }
  least.others.erase(least.name);
  changed_ = true;
  return choices_[key] = least;
}

std::string Tuner::choose(const Context& context, const Question& question) {
  return (taken_[question.key] = best(context, question)).name;
}

std::vector<std::string> Tuner::notices() const {
  if (absent_.empty()) return {};
  const auto& [key, name] = *absent_.begin();
  return {fmt::format(
      "{} of the choices in the plan or the tuning cache cannot be made here, as {} for {}: a "
      "library is missing or another, or one picture is computed otherwise; other kernels stand in",
      absent_.size(), name, key)};
}

/// Microseconds of one run, found out less exactly where it is clear that it is not the least.
double Tuner::measure(const Context& context, const std::function<void()>& run, double least) {
  const double first = time(context, run, 3);
  const int runs = static_cast<int>(std::clamp(500 / first, 3.0, 20.0));
  // Of short ones the start of the launch is too large a part of the first time.
  if (runs < 20 && first > 1.4 * least) return first;
  return std::min(time(context, run, runs), time(context, run, runs));
}

/// Microseconds that one run of `run` takes among others of its kind, which begin with nothing of
/// theirs in the cache: in a step, each kernel's weights were last read a step ago.
double Tuner::time(const Context& context, const std::function<void()>& run, int runs) {
  constexpr size_t sweep_bytes = 64 << 20;
  if (!sweep_) {
    void* block = nullptr;
    DRYPOINT_CUDA(cudaMalloc(&block, sweep_bytes));
    sweep_ = {static_cast<std::byte*>(block), [](std::byte* p) { cudaFree(p); }};
  }
  const Graph graph(context.stream, [&] {
    for (int i = 0; i < runs; ++i) run();
  });
  const auto instruments = make_instruments(context, true);
  DRYPOINT_CUDA(cudaMemsetAsync(sweep_.get(), 0, sweep_bytes, context.stream));
  const auto start = instruments->now();
  graph.launch();
  return 1e6 * instruments->now()->seconds_since(*start) / runs;
}

}  // namespace drypoint::cuda
