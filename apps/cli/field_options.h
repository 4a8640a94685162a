// Options made from a list of fields: a command takes those that it names, and keeps what was
// given.
#pragma once

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "drypoint/fields.h"
#include "options.h"

namespace drypoint::cli {

template <class Settings>
class FieldOptions {
 public:
  explicit FieldOptions(const std::vector<Field<Settings>>& fields) : fields_(&fields) {}

  /// Adds the option of a field. `defaults` is what help says applies without it.
  CLI::Option* add(CLI::App& command, std::string_view name, const Settings& defaults) {
    const Field<Settings>& field = *find_field(*fields_, name);
    const std::string option =
        (field.letter.empty() ? "" : "-" + field.letter + ",") + "--" + field.option;
    const auto given = given_;
    if (field.type == FieldType::flag)
      return command.add_flag_callback(
          option, [=] { (*given)[field.name] = "true"; }, field.help);
    if (field.type == FieldType::list)
      return command
          .add_option_function<std::vector<std::string>>(
              option,
              [=](const std::vector<std::string>& lines) {
                std::string text;
                for (const std::string& line : lines) text += (text.empty() ? "" : "\n") + line;
                Settings scratch;
                field.set(scratch, text);
                (*given)[field.name] = text;
              },
              described(field, defaults))
          ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)
          ->allow_extra_args(false);
    auto* added = command.add_option_function<std::string>(
        option,
        [=](const std::string& text) {
          Settings scratch;
          field.set(scratch, text);  // says at once what is none of its values
          (*given)[field.name] = text;
        },
        described(field, defaults));
    return field.type == FieldType::file ? added->transform(path()) : added;
  }

  bool has(const std::string& name) const { return given_->contains(name); }
  /// The fields whose options were given.
  std::vector<std::string> names() const {
    std::vector<std::string> all;
    for (const auto& [name, _] : *given_) all.push_back(name);
    return all;
  }
  /// Refuses two options of which one takes the other's place.
  void expect_one_of(const std::string& name, const std::string& other) const {
    if (has(name) && has(other))
      bad_option(fmt::format("--{} and --{}: found both, expected one of them", name, other));
  }
  /// Puts what was given into `settings`, and checks that.
  void apply(Settings& settings) const {
    for (const auto& [name, text] : *given_) {
      const Field<Settings>& field = *find_field(*fields_, name);
      field.set(settings, text);
      field.check(settings);
    }
  }

 private:
  /// "Denoising steps, 1 to 999 [20]"
  static std::string described(const Field<Settings>& field, const Settings& defaults) {
    std::string text = field.help;
    const bool has_range = field.type == FieldType::integer || field.type == FieldType::number;
    if (has_range && text.find(" to ") == text.npos && field.expected.find(" to ") != text.npos)
      text += ", " + field.expected;
    std::string usual = field.get(defaults);
    if (usual.size() > 40) usual = usual.substr(0, usual.find(',', 25)) + ", ...";
    return usual.empty() ? text : text + " [" + usual + "]";
  }

  const std::vector<Field<Settings>>* fields_;
  std::shared_ptr<std::map<std::string, std::string>> given_ =
      std::make_shared<std::map<std::string, std::string>>();
};

}  // namespace drypoint::cli
