#include "sweep.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <functional>
#include <map>
#include <set>

#include "drypoint/fields.h"
#include "options.h"

namespace drypoint::cli {
namespace {

/// What sets a field by the name of its option, if numbers or words are its values.
using Set = std::function<void(ScoreVariant&, const std::string& value)>;

template <class Settings>
void add_keys(std::map<std::string, Set>& keys, const std::vector<Field<Settings>>& fields,
              Settings ScoreVariant::*settings) {
  for (const Field<Settings>& field : fields)
    if (field.type != FieldType::text && field.type != FieldType::file)
      keys.emplace(field.option, [=](ScoreVariant& variant, const std::string& value) {
        field.set(variant.*settings, value);
        field.check(variant.*settings);
      });
}

const std::map<std::string, Set>& keys() {
  static const auto all = [] {
    std::map<std::string, Set> found;
    add_keys(found, request_fields(), &ScoreVariant::request);
    add_keys(found, pipeline_fields(), &ScoreVariant::options);
    for (const char* fixed : {"samples", "resolution", "size"})  // pictures are compared one by one
      found.erase(fixed);
    for (const auto& field : request_fields())
      if (is_of_painting(field)) found.erase(field.option);
    found["seed"] = [](ScoreVariant& variant, const std::string& value) {
      uint64_t seed = 0;  // none is random here
      if (!parse(value, seed))
        bad_option("seed: \"" + value + "\", expected 0 to 18446744073709551615");
      variant.request.seed = seed;
    };
    return found;
  }();
  return all;
}

/// "steps: "x", expected ..." without the name, which is a field's, not an option's.
std::string without_name(std::string_view message) {
  const size_t colon = message.find(": ");
  return std::string(colon == message.npos ? message : message.substr(colon + 2));
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
        throw Error(error.kind(), fmt::format("--sweep: {}: {}", key, without_name(error.what())));
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
