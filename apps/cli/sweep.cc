#include "sweep.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <functional>
#include <map>
#include <set>

#include "device_options.h"
#include "options.h"

namespace drypoint::cli {
namespace {

using Set = std::function<void(ScoreVariant&, const std::string& value)>;

[[noreturn]] void expect(const char* what) { bad_option(fmt::format("expected {}", what)); }

template <class Number, class Field>
Set number_into(Field field, const char* expected) {
  return [=](ScoreVariant& variant, const std::string& value) {
    Number number;
    if (!parse(value, number)) expect(expected);
    field(variant) = number;
  };
}

template <class Field>
Set whole_number_into(Field field) {
  return number_into<int>(field, "a whole number");
}

template <class Field>
Set number_into(Field field) {
  return number_into<double>(field, "a number");
}

void set_schedule(ScoreVariant& variant, const std::string& value) {
  variant.request.schedule = schedule_named(value);
}

void set_precision(ScoreVariant& variant, const std::string& value) {
  const auto& known = DeviceOptions::precisions();
  if (std::find(known.begin(), known.end(), value) == known.end()) expect(listed(known).c_str());
  variant.options.precision = value;
}

const std::map<std::string, Set>& keys() {
  static const std::map<std::string, Set> all{
      {"steps", whole_number_into([](ScoreVariant& v) -> int& { return v.request.steps; })},
      {"scale", number_into([](ScoreVariant& v) -> double& { return v.request.guidance_scale; })},
      {"strength", number_into([](ScoreVariant& v) -> double& { return v.request.strength; })},
      {"eta", number_into([](ScoreVariant& v) -> double& { return v.request.eta.emplace(); })},
      {"seed",
       number_into<uint64_t>(
           [](ScoreVariant & v) -> auto& { return v.request.seed; }, "0 to 18446744073709551615")},
      {"sampler", [](ScoreVariant& v, const std::string& value) { v.request.sampler = value; }},
      {"schedule", set_schedule},
      {"device", [](ScoreVariant& v, const std::string& value) { v.options.device = value; }},
      {"threads", whole_number_into([](ScoreVariant& v) -> int& { return v.options.threads; })},
      {"precision", set_precision}};
  return all;
}

std::vector<ScoreVariant> varied(const std::vector<ScoreVariant>& variants,
                                 const std::string& sweep) {
  const auto equals = std::min(sweep.find('='), sweep.size());
  const std::string key = sweep.substr(0, equals);
  const auto set = keys().find(key);
  if (set == keys().end() || equals == sweep.size()) {
    std::vector<std::string> known;
    for (const auto& [name, _] : keys()) known.push_back(name);
    bad_option(fmt::format("--sweep: \"{}\", expected KEY=VALUE,VALUE,... with a KEY of {}", sweep,
                           fmt::join(known, ", ")));
  }
  const auto values = split(sweep.substr(equals + 1), ',');
  for (auto value = values.begin(); value != values.end(); ++value)
    if (std::find(values.begin(), value, *value) != value)
      bad_option(fmt::format("--sweep: {}: {} is there twice, expected it once", key, *value));
  std::vector<ScoreVariant> result;
  for (const ScoreVariant& variant : variants)
    for (const std::string& value : values) {
      ScoreVariant next = variant;
      try {
        set->second(next, value);
      } catch (const Error& error) {
        throw Error(error.kind(), fmt::format("--sweep: {}: \"{}\", {}", key, value, error.what()));
      }
      next.name += fmt::format("{}{}={}", next.name.empty() ? "" : " ", key, value);
      result.push_back(std::move(next));
    }
  return result;
}

}  // namespace

std::vector<ScoreVariant> variants_of(const ScoreVariant& base,
                                      const std::vector<std::string>& sweeps) {
  std::vector<ScoreVariant> variants{base};
  if (sweeps.empty()) return variants;
  variants[0].name.clear();
  std::set<std::string> swept;
  for (const std::string& sweep : sweeps) {
    variants = varied(variants, sweep);
    const std::string key = sweep.substr(0, sweep.find('='));
    if (!swept.insert(key).second)
      bad_option(fmt::format("--sweep: {} is there twice, expected all its values in one", key));
  }
  return variants;
}

}  // namespace drypoint::cli
