// How lists of fields are written: one call a field.
#pragma once

#include <charconv>
#include <cmath>
#include <concepts>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/utf8.h"
#include "drypoint/fields.h"

namespace drypoint::fields {

/// "guidance_scale" -> "guidance-scale"
inline std::string option_name(std::string name) {
  for (char& c : name)
    if (c == '_') c = '-';
  return name;
}

[[noreturn]] inline void refuse(std::string_view name, std::string_view text,
                                std::string_view expected) {
  fail(ErrorKind::bad_argument, "{}: \"{}\", expected {}", name, printable(text), expected);
}

/// "a", "b", "c" -> "a, b or c"
std::string listed(const std::vector<std::string>& words);

/// Throws bad_argument naming the field and the byte.
void expect_utf8(std::string_view name, std::string_view text);

template <class Number>
bool parse_number(std::string_view text, Number& number) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() && end == text.data() + text.size();
}

/// A setting whose option has its name.
template <class Settings>
Field<Settings> field(const std::string& name, FieldType type, std::string expected,
                      std::string help, decltype(Field<Settings>::get) get,
                      decltype(Field<Settings>::set) set, decltype(Field<Settings>::check) check) {
  return {name,
          option_name(name),
          "",
          type,
          std::move(expected),
          std::move(help),
          "",
          std::move(get),
          std::move(set),
          std::move(check)};
}

/// A field that differs from what its maker says.
template <class F>
F with(F field, std::string F::*member, const std::string& value) {
  field.*member = value;
  return field;
}

/// From `low` to `high`.
template <class Settings, std::integral Number>
Field<Settings> integer(std::string name, Number Settings::*member, Number low, Number high,
                        std::string help) {
  const std::string expected = fmt::format("{} to {}", low, high);
  return field<Settings>(
      name, FieldType::integer, expected, std::move(help),
      [=](const Settings& s) { return fmt::to_string(s.*member); },
      [=](Settings& s, std::string_view text) {
        if (!parse_number(text, s.*member)) refuse(name, text, "a whole number, " + expected);
      },
      [=](const Settings& s) {
        if (s.*member < low || s.*member > high)
          fail(ErrorKind::bad_argument, "{}: {}, expected {}", name, s.*member, expected);
      });
}

/// From `low` to `high`, which may be infinity, but is not reached then.
template <class Settings>
Field<Settings> number(std::string name, double Settings::*member, double low, double high,
                       std::string help) {
  const std::string expected = std::isinf(high) ? fmt::format("a finite number from {}", low)
                                                : fmt::format("{} to {}", low, high);
  return field<Settings>(
      name, FieldType::number, expected, std::move(help),
      [=](const Settings& s) { return fmt::to_string(s.*member); },
      [=](Settings& s, std::string_view text) {
        if (!parse_number(text, s.*member))
          refuse(name, text,
                 std::isinf(high) ? fmt::format("a number from {}", low) : "a number, " + expected);
      },
      [=](const Settings& s) {
        if (!std::isfinite(s.*member) || s.*member < low || s.*member > high)
          fail(ErrorKind::bad_argument, "{}: {}, expected {}", name, s.*member, expected);
      });
}

/// The same, or absent, as empty text: what is left to others.
template <class Settings>
Field<Settings> number(std::string name, std::optional<double> Settings::*member, double low,
                       double high, std::string help) {
  struct Given {
    double value;
  };
  const Field<Given> inner = number(name, &Given::value, low, high, help);
  return field<Settings>(
      name, FieldType::number, inner.expected, std::move(help),
      [=](const Settings& s) { return s.*member ? fmt::to_string(*(s.*member)) : ""; },
      [=](Settings& s, std::string_view text) {
        Given given{};
        if (text.empty()) return (s.*member).reset();
        inner.set(given, text);
        s.*member = given.value;
      },
      [=](const Settings& s) {
        if (s.*member) inner.check({*(s.*member)});
      });
}

/// UTF-8.
template <class Settings>
Field<Settings> text(std::string name, std::string Settings::*member, std::string help) {
  return field<Settings>(
      name, FieldType::text, "text", std::move(help), [=](const Settings& s) { return s.*member; },
      [=](Settings& s, std::string_view given) { s.*member = given; },
      [=](const Settings& s) { expect_utf8(name, s.*member); });
}

/// "true" or "false", or, as an option, there or not.
template <class Settings>
Field<Settings> flag(std::string name, bool Settings::*member, std::string help) {
  return field<Settings>(
      name, FieldType::flag, "true or false", std::move(help),
      [=](const Settings& s) { return s.*member ? "true" : "false"; },
      [=](Settings& s, std::string_view given) {
        if (given != "true" && given != "false") refuse(name, given, "true or false");
        s.*member = given == "true";
      },
      [](const Settings&) {});
}

/// One of a few words, each of which stands for a value.
template <class Settings, class Value>
Field<Settings> choice(std::string name, Value Settings::*member,
                       std::vector<std::pair<std::string, Value>> values, std::string help) {
  std::vector<std::string> words;
  for (const auto& [word, _] : values) words.push_back(word);
  const std::string expected = listed(words);
  return field<Settings>(
      name, FieldType::word, expected, std::move(help),
      [=](const Settings& s) {
        for (const auto& [word, value] : values)
          if (s.*member == value) return word;
        return std::string("unknown");
      },
      [=](Settings& s, std::string_view given) {
        for (const auto& [word, value] : values)
          if (given == word) return void(s.*member = value);
        refuse(name, given, expected);
      },
      [=](const Settings& s) {
        for (const auto& [word, value] : values)
          if (s.*member == value) return;
        if constexpr (std::convertible_to<Value, std::string_view>)
          refuse(name, s.*member, expected);
        fail(ErrorKind::bad_argument, "{}: is none of {}", name, expected);
      });
}

}  // namespace drypoint::fields
