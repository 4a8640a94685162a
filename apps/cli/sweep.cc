#include "sweep.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <functional>
#include <map>

#include "options.h"

namespace drypoint::cli {
namespace {

using Set = std::function<void(ScoreVariant&, const std::string& value)>;

template <class Number, class Field>
Set number_into(Field field) {
  return [field](ScoreVariant& variant, const std::string& value) {
    Number number;
    if (!parse(value, number)) bad_option(fmt::format("--sweep: \"{}\", expected a number", value));
    field(variant) = number;
  };
}

void set_schedule(ScoreVariant& variant, const std::string& value) {
  if (value != "exact" && value != "official")
    bad_option(fmt::format("--sweep: schedule: \"{}\", expected exact or official", value));
  variant.request.schedule = value == "exact" ? ScheduleKind::exact : ScheduleKind::official;
}

void set_precision(ScoreVariant&, const std::string& value) {
  if (value != "fp32")
    throw Error(ErrorKind::unsupported,
                fmt::format("--sweep: precision: \"{}\", expected fp32", value));
}

const std::map<std::string, Set>& keys() {
  static const std::map<std::string, Set> all{
      {"steps", number_into<int>([](ScoreVariant& v) -> int& { return v.request.steps; })},
      {"scale",
       number_into<double>([](ScoreVariant& v) -> double& { return v.request.guidance_scale; })},
      {"strength",
       number_into<double>([](ScoreVariant& v) -> double& { return v.request.strength; })},
      {"eta", number_into<double>([](ScoreVariant& v) -> double& { return v.request.eta; })},
      {"seed", number_into<uint64_t>([](ScoreVariant & v) -> auto& { return v.request.seed; })},
      {"schedule", set_schedule},
      {"device", [](ScoreVariant& v, const std::string& value) { v.options.device = value; }},
      {"threads", number_into<int>([](ScoreVariant& v) -> int& { return v.options.threads; })},
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
  std::vector<ScoreVariant> result;
  for (const ScoreVariant& variant : variants)
    for (const std::string& value : split(sweep.substr(equals + 1), ',')) {
      ScoreVariant next = variant;
      set->second(next, value);
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
  for (const std::string& sweep : sweeps) variants = varied(variants, sweep);
  return variants;
}

}  // namespace drypoint::cli
