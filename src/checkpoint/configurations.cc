#include "checkpoint/configurations.h"

#include <algorithm>
#include <charconv>
#include <limits>
#include <nlohmann/json.hpp>
#include <optional>

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "base/utf8.h"
#include "checkpoint/config_rules.h"

namespace drypoint {
namespace {

using nlohmann::json;

std::string text_of(const json& value) {
  return printable(value.dump(-1, ' ', false, json::error_handler_t::replace));
}

json object_in(std::string_view text, const std::string& file) {
  json config = parse_json(text);
  if (config.is_discarded()) fail(ErrorKind::bad_file, "{}: is not JSON", file);
  if (!config.is_object())
    fail(ErrorKind::bad_file, "{}: is JSON of type {}, expected an object", file,
         config.type_name());
  return config;
}

// "1", or "1 or 2"
std::string alternatives(const json& values) {
  std::string text;
  for (const json& value : values) text += (text.empty() ? "" : " or ") + text_of(value);
  return text;
}

void check_value(const KeyRule& rule, const json& value, const std::string& file) {
  if (rule.values.empty()) return;
  const json values = json::parse(rule.values);
  if (std::find(values.begin(), values.end(), value) == values.end())
    fail(ErrorKind::unsupported, "{}: {}: {}, expected {}", file, rule.key, text_of(value),
         alternatives(values));
}

const KeyRule* find(std::span<const KeyRule> rules, std::string_view key) {
  const auto found = std::ranges::find(rules, key, &KeyRule::key);
  return found == rules.end() ? nullptr : &*found;
}

// Parts of a pipeline that are left out.
bool is_absent(const json& value) {
  return value.is_null() || value == json::array({nullptr, nullptr});
}

void check_keys(const json& config, std::string_view place, const std::string& file) {
  const auto rules = rules_of(place);
  for (const auto& [key, value] : config.items()) {
    if (place == pipeline_config && is_absent(value)) continue;
    if (const KeyRule* rule = find(rules, key))
      check_value(*rule, value, file);
    else if (!key.starts_with('_'))
      fail(ErrorKind::unsupported, "{}: {}: {}, a key that is not known here", file, printable(key),
           text_of(value));
  }
}

// A size may be said as one number for all levels, or as a list of a number each.
bool is_size(const json& value, const json& expected) {
  if (value.is_array() && expected.is_number())
    return std::all_of(value.begin(), value.end(),
                       [&](const json& each) { return each == expected; });
  return value == expected;
}

// "tok", or {"content": "tok", ...}
const json& content_of(const json& token) {
  return token.is_object() && token.contains("content") ? token.at("content") : token;
}

bool is_text(const json& value, std::string_view text) {
  return value.is_string() && value.get_ref<const std::string&>() == text;
}

constexpr std::string_view begin_mark = "<|startoftext|>", end_mark = "<|endoftext|>";
constexpr std::string_view openclip_padding = "!";

void check_marks_of(const json& config, const std::string& file) {
  constexpr std::pair<const char*, std::string_view> marks[] = {
      {"bos_token", begin_mark}, {"eos_token", end_mark}, {"unk_token", end_mark}};
  for (const auto& [key, mark] : marks)
    if (const auto found = config.find(key);
        found != config.end() && !found->is_null() && !is_text(content_of(*found), mark))
      fail(ErrorKind::unsupported, "{}: {}: {}, expected \"{}\"", file, key,
           text_of(content_of(*found)), mark);
  if (const auto found = config.find("pad_token"); found != config.end() && !found->is_null() &&
                                                   !is_text(content_of(*found), end_mark) &&
                                                   !is_text(content_of(*found), openclip_padding))
    fail(ErrorKind::unsupported, "{}: pad_token: {}, expected \"{}\" or \"{}\"", file,
         text_of(content_of(*found)), end_mark, openclip_padding);
}

constexpr std::string_view added_tokens_key = "tokenizer/added_tokens";

/// The marks, and a piece of CLIP's vocabulary.
bool is_known_word(const json& word) {
  return is_text(word, begin_mark) || is_text(word, end_mark) || is_text(word, openclip_padding);
}

/// `token`: the word, or an object with it as "content" and how it is found.
void add_token(AddedTokens& all, const json& token, const json& number, const std::string& file) {
  const json& word = content_of(token);
  if (is_known_word(word)) return;
  constexpr int64_t largest = std::numeric_limits<int32_t>::max();
  if (!word.is_string() || word.get_ref<const std::string&>().empty() ||
      !number.is_number_integer() || number < 0 || number > largest)
    fail(ErrorKind::bad_file, "{}: added token {}: {}, expected a word and a number from 0", file,
         text_of(word), text_of(number));
  if (token.is_object() && token.value("single_word", json(false)) == true)
    fail(ErrorKind::unsupported, "{}: added token {}: single_word: true, expected false", file,
         text_of(word));
  const auto [found, is_new] = all.emplace(word, number);
  if (!is_new && found->second != number)
    fail(ErrorKind::bad_file, "{}: added token {}: {}, but another file of the folder says {}",
         file, text_of(word), text_of(number), found->second);
}

/// "49408" of a JSON object's keys.
json number_in(const std::string& key) {
  int64_t number = -1;
  const auto [end, error] = std::from_chars(key.data(), key.data() + key.size(), number);
  if (error != std::errc() || end != key.data() + key.size()) return key;
  return number;
}

std::optional<json> read_object(const std::filesystem::path& file) {
  constexpr size_t largest = 16 << 20;
  std::error_code ignored;
  if (!std::filesystem::is_regular_file(file, ignored)) return {};
  return object_in(read_file(file, largest), file.string());
}

}  // namespace

void check_configuration(const Metadata& metadata, std::string_view place,
                         const std::string& file) {
  const auto found = metadata.find(place);
  if (found == metadata.end()) return;
  check_keys(object_in(found->second, file), place, file);
}

bool says_pooled(std::string_view configuration) {
  const json config = parse_json(configuration);
  return config.is_object() && config.value("global_pool_conditions", json()) == true;
}

void check_sampler(const Metadata& metadata, const std::string& file) {
  const auto found = metadata.find(scheduler_config);
  if (found == metadata.end()) return;
  const json config = object_in(found->second, file);
  if (config.value("_class_name", json("DDIMScheduler")) != "DDIMScheduler") return;
  for (const KeyRule& rule : rules_of("DDIMScheduler"))
    if (const auto value = config.find(rule.key); value != config.end())
      check_value(rule, *value, file);
}

std::string ddim_spacing(const Metadata& metadata, const std::string& file) {
  const auto found = metadata.find(scheduler_config);
  if (found == metadata.end()) return {};
  const json config = object_in(found->second, file);
  const json spacing = config.value("timestep_spacing", json("leading"));
  const bool is_ddim = config.value("_class_name", json("DDIMScheduler")) == "DDIMScheduler";
  return is_ddim && (spacing == "trailing" || spacing == "linspace") ? spacing : json("");
}

void expect_sizes(const Metadata& metadata, std::string_view place, const json& sizes,
                  const std::string& file) {
  const auto found = metadata.find(place);
  if (found == metadata.end()) return;
  const json config = object_in(found->second, file);
  for (const auto& [key, expected] : sizes.items()) {
    const auto value = config.find(key);
    if (value == config.end() || value->is_null() || is_size(*value, expected)) continue;
    fail(ErrorKind::bad_file, "{}: {}: {}, but the tensors' shapes say {}", file, key,
         text_of(*value), text_of(expected));
  }
}

void check_tokenizer_folder(const std::filesystem::path& folder) {
  const auto path_of = [&](const char* name) { return (folder / name).string(); };
  if (const auto config = read_object(folder / "tokenizer_config.json")) {
    const std::string file = path_of("tokenizer_config.json");
    check_keys(*config, tokenizer_config, file);
    check_marks_of(*config, file);
  }
  if (const auto marks = read_object(folder / "special_tokens_map.json"))
    check_marks_of(*marks, path_of("special_tokens_map.json"));
}

AddedTokens added_tokens(const std::filesystem::path& folder) {
  AddedTokens all;
  const auto path_of = [&](const char* name) { return (folder / name).string(); };
  const auto each = [](const std::optional<json>& object, const char* key, const auto& body) {
    if (!object) return;
    if (const auto found = object->find(key); found != object->end() && found->is_structured())
      for (const auto& [name, value] : found->items()) body(name, value);
  };
  if (const auto added = read_object(folder / "added_tokens.json"))
    for (const auto& [word, number] : added->items())
      add_token(all, word, number, path_of("added_tokens.json"));
  each(read_object(folder / "tokenizer_config.json"), "added_tokens_decoder",
       [&](const std::string& number, const json& token) {
         add_token(all, token, number_in(number), path_of("tokenizer_config.json"));
       });
  each(read_object(folder / "tokenizer.json"), "added_tokens",
       [&](const std::string&, const json& token) {
         const std::string file = path_of("tokenizer.json");
         add_token(all, token, token.is_object() ? token.value("id", json()) : json(), file);
       });
  each(read_object(folder / "special_tokens_map.json"), "additional_special_tokens",
       [&](const std::string&, const json& token) {
         const json& word = content_of(token);
         if (!is_known_word(word) && !(word.is_string() && all.contains(word)))
           fail(ErrorKind::unsupported, "{}: {} has no number in added_tokens.json",
                path_of("special_tokens_map.json"), text_of(word));
       });
  return all;
}

void keep_added_tokens(Metadata& metadata, const AddedTokens& tokens) {
  if (!tokens.empty())
    metadata.insert_or_assign(std::string(added_tokens_key), json(tokens).dump());
}

AddedTokens added_tokens(const Metadata& metadata, const std::string& file) {
  AddedTokens all;
  const auto found = metadata.find(added_tokens_key);
  if (found == metadata.end()) return all;
  const json words = object_in(found->second, file);
  for (const auto& [word, number] : words.items()) add_token(all, word, number, file);
  return all;
}

std::optional<std::string> padding_token(const std::filesystem::path& folder) {
  const auto config = read_object(folder / "tokenizer_config.json"),
             marks = read_object(folder / "special_tokens_map.json");
  const bool listed = config && config->contains("added_tokens_decoder");
  const auto token = [](const std::optional<json>& from) -> std::optional<std::string> {
    if (!from) return {};
    const auto found = from->find("pad_token");
    if (found == from->end() || !content_of(*found).is_string()) return {};
    return content_of(*found).get<std::string>();
  };
  const auto first = token(listed ? config : marks);
  return first ? first : token(listed ? marks : config);
}

}  // namespace drypoint
