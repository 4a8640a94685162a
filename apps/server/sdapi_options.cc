#include "server/sdapi_options.h"

#include "server/requests.h"

namespace drypoint::server {
namespace {

struct Option {
  std::string name;
  Json usual;
  /// Of a request, whose words are the option's in lower case.
  std::string field = {};
  std::vector<std::string> words = {};  ///< what it may be, where no field says so
};

const std::vector<Option>& options() {
  static const std::vector<Option> all{
      {"sd_model_checkpoint", nullptr},  // the model that is chosen
      {"sd_vae", "Automatic"},
      {"CLIP_stop_at_last_layers", 1, "clip_skip"},
      {"emphasis", "Original", "emphasis"},
      {"comma_padding_backtrack", 20, "comma_backtrack"},
      {"eta_noise_seed_delta", 0, "ensd"},
      {"randn_source", "CPU", "rng"},
      {"samples_format", "png", "", {"png", "jpg", "jpeg", "webp"}},
      {"control_net_unit_count", 3, "", {"3"}}};
  return all;
}

const Option& option_named(const std::string& name) {
  for (const Option& option : options())
    if (option.name == name) return option;
  refuse_field(422, name, "nothing here obeys this setting (GET /sdapi/v1/options lists them)");
}

std::string text_of(const Option& option, const Json& value) {
  const std::string text = value.is_string() ? value.get<std::string>() : dumped(value);
  if (option.field != "rng") return text;
  if (text == "GPU") return "cuda";
  return text == "CPU" ? "cpu" : text == "NV" ? "nv" : text;
}

void put_option(const Option& option, const Json& value, Request& request) {
  const std::string text = text_of(option, value);
  if (!option.words.empty() && std::ranges::count(option.words, text) == 0)
    refuse_field(422, option.name, "{}, expected {}", dumped(value).substr(0, 60),
                 fmt::join(option.words, ", "));
  if (option.field.empty() || (value == option.usual && !has_field(option.field))) return;
  set_field(request, option.field, text, option.name);
}

}  // namespace

SdapiOptions::SdapiOptions(const Context& context) : context_(context), values_(Json::object()) {
  for (const Option& option : options()) values_[option.name] = option.usual;
}

Json SdapiOptions::all() const {
  Json values;
  {
    const std::lock_guard lock(mutex_);
    values = values_;
  }
  values["sd_model_checkpoint"] =
      context_.catalog.find(FileKind::checkpoint, context_.engines.chosen(), "model").title;
  return values;
}

void SdapiOptions::check(const Json& some) const {
  Request scratch;
  for (const auto& [name, value] : some.items()) {
    const Option& option = option_named(name);
    if (name == "sd_model_checkpoint" && !value.is_null())
      context_.catalog.find(FileKind::checkpoint, Fields(some).text(name), name);
    else if (const std::string own = name == "sd_vae" ? vae(some) : ""; !own.empty())
      context_.catalog.find(FileKind::vae, own, name);
    else
      put_option(option, value, scratch);
  }
}

void SdapiOptions::set(const Json& some) {
  check(some);
  if (const std::string model = Fields(some).text("sd_model_checkpoint"); !model.empty())
    context_.engines.choose(model);
  const std::lock_guard lock(mutex_);
  for (const auto& [name, value] : some.items())
    if (name != "sd_model_checkpoint") values_[name] = value;
}

Json SdapiOptions::with(const Json& overridden) const {
  check(overridden);
  Json values = all();
  for (const auto& [name, value] : overridden.items()) values[name] = value;
  return values;
}

std::string SdapiOptions::vae(const Json& options) {
  const std::string name = Fields(options).text("sd_vae", "Automatic");
  return name == "Automatic" || name == "None" ? "" : name;
}

void SdapiOptions::put(const Json& options_now, Request& request) {
  for (const Option& option : options())
    if (option.name != "sd_model_checkpoint")
      put_option(option, options_now.at(option.name), request);
}

}  // namespace drypoint::server
