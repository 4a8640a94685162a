// Operations and their attributes as text, from the list that each operation has of them.
#include <charconv>
#include <cmath>

#include "ops/full_text.h"
#include "tensor/shape.h"

namespace drypoint {
namespace {

std::string text_of(bool value) { return value ? "true" : "false"; }
std::string text_of(int64_t value) { return std::to_string(value); }
std::string text_of(float value) { return fmt::format("{}", value); }
std::string text_of(ActivationKind value) { return std::string(name(value)); }
std::string text_of(DType value) { return std::string(name(value)); }
std::string text_of(const Shape& value) { return to_string(value); }

template <class Number>
bool parse_number(std::string_view text, Number& value) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size();
}

bool parse(std::string_view text, bool& value) {
  value = text == "true";
  return value || text == "false";
}
bool parse(std::string_view text, int64_t& value) {
  return parse_number(text, value) && value >= -most_elements_a_dimension &&
         value <= most_elements_a_dimension;
}
bool parse(std::string_view text, float& value) {
  return parse_number(text, value) && std::isfinite(value);
}
bool parse(std::string_view text, ActivationKind& value) {
  const auto kind = activation_named(text);
  if (kind) value = *kind;
  return kind.has_value();
}
bool parse(std::string_view text, DType& value) {
  const auto dtype = dtype_named(text);
  if (dtype) value = *dtype;
  return dtype.has_value();
}
bool parse(std::string_view text, Shape& value) { return parse_shape(text, value); }

template <size_t index = 0>
std::optional<Op> find_op(std::string_view name) {
  if constexpr (index < std::variant_size_v<Op>) {
    using Found = std::variant_alternative_t<index, Op>;
    return name == Found::name ? std::optional<Op>(Found()) : find_op<index + 1>(name);
  } else {
    return std::nullopt;
  }
}

}  // namespace

std::string to_string(const Op& op) {
  return std::visit(
      [](const auto& o) {
        std::vector<std::string> defaults;
        const std::decay_t<decltype(o)> usual;
        usual.fields(usual, [&](std::string_view, const auto& value) {
          defaults.push_back(text_of(value));
        });
        std::string text(o.name);
        size_t i = 0;
        o.fields(o, [&](std::string_view key, const auto& value) {
          if (const std::string now = text_of(value); now != defaults[i++])
            text += fmt::format(" {}={}", key, now);
        });
        return text;
      },
      op);
}

std::string to_full_string(const Op& op) {
  return std::visit(
      [](const auto& o) {
        std::string text(o.name);
        o.fields(o, [&](std::string_view key, const auto& value) {
          text += fmt::format(" {}={}", key, text_of(value));
        });
        return text;
      },
      op);
}

std::optional<Op> op_named(std::string_view name) { return find_op(name); }

bool has_attribute(const Op& op, std::string_view key) {
  bool has = false;
  std::visit(
      [&](const auto& o) {
        o.fields(o, [&](std::string_view k, const auto&) { has |= k == key; });
      },
      op);
  return has;
}

bool set_attribute(Op& op, std::string_view key, std::string_view text) {
  bool is_set = false;
  std::visit(
      [&](auto& o) {
        o.fields(o, [&](std::string_view k, auto& value) {
          if (k == key) is_set = parse(text, value);
        });
      },
      op);
  return is_set;
}

}  // namespace drypoint
