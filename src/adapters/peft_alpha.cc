#include "adapters/peft_alpha.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/json.h"
#include "base/utf8.h"

namespace drypoint {
namespace {

double number_in(const nlohmann::json& value, const std::string& source, const std::string& key) {
  if (!value.is_number() || !std::isfinite(value.get<double>()))
    fail(ErrorKind::bad_file, "{}: {}: found {}, expected a number", source, key,
         printable(value.dump()));
  return value.get<double>();
}

std::optional<PeftAlphas::Said> said_in(const nlohmann::json& json, const std::string& prefix,
                                        const std::string& source) {
  const auto alpha = json.find(prefix + "lora_alpha");
  if (alpha == json.end() || alpha->is_null()) return {};
  PeftAlphas::Said said{number_in(*alpha, source, prefix + "lora_alpha"), false, {}};
  if (const auto root = json.find(prefix + "use_rslora"); root != json.end())
    said.by_root = root->is_boolean() && root->get<bool>();
  const auto patterns = json.find(prefix + "alpha_pattern");
  if (patterns != json.end() && patterns->is_object())
    for (const auto& [module, value] : patterns->items()) {
      if (module.find_first_of("*+?[](){}|^$\\") != module.npos)
        fail(ErrorKind::unsupported,
             "{}: {}alpha_pattern: \"{}\" is a regular expression, expected the end of a module's "
             "name",
             source, prefix, printable(module));
      said.patterns[module] = number_in(value, source, prefix + "alpha_pattern");
    }
  return said;
}

}  // namespace

std::optional<double> PeftAlphas::of(const std::string& module, const Tensor& down) const {
  for (const auto& [prefix, said] : by_prefix) {
    if (!module.starts_with(prefix)) continue;
    // Of several the first counts, as PEFT writes them: sorted.
    const auto found = std::ranges::find_if(said.patterns, [&](const auto& pattern) {
      return module == pattern.first || module.ends_with("." + pattern.first);
    });
    const double alpha = found == said.patterns.end() ? said.alpha : found->second;
    return said.by_root ? alpha * std::sqrt(static_cast<double>(down.shape()[0])) : alpha;
  }
  return {};
}

PeftAlphas peft_alphas(const Metadata& metadata, const std::filesystem::path& file) {
  PeftAlphas alphas;
  if (const auto found = metadata.find("lora_adapter_metadata"); found != metadata.end()) {
    const auto json = parse_json(found->second);
    const std::string source = file.string() + ": metadata lora_adapter_metadata";
    if (!json.is_object()) fail(ErrorKind::bad_file, "{}: is no JSON object", source);
    for (const std::string prefix : {"unet.", "text_encoder."})
      if (auto said = said_in(json, prefix, source)) alphas.by_prefix[prefix] = std::move(*said);
    return alphas;
  }
  std::error_code ignored;
  const auto config = file.parent_path() / "adapter_config.json";
  if (file.stem() != "adapter_model" || !std::filesystem::is_regular_file(config, ignored))
    return alphas;
  if (auto said =
          said_in(read_json_object(config, "an adapter's configuration", {}), "", config.string()))
    alphas.by_prefix[""] = std::move(*said);
  return alphas;
}

}  // namespace drypoint
