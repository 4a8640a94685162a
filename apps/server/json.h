// JSON from anybody, and the fields of its objects by name.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "server/refusal.h"

namespace drypoint::server {

using Json = nlohmann::ordered_json;

/// The object that a request's body holds; an empty body is an empty one. Throws 400 for what is no
/// JSON (or UTF-8), no object, nested deeper than 32, or has an object of over 1000 fields.
Json parse_object(std::string_view body);
std::string dumped(const Json& json);

/// The fields of an object; null is as good as absent. Throws 422 naming the field.
class Fields {
 public:
  /// `where` stands before the names: "override_settings."
  explicit Fields(const Json& object, std::string where = {});

  const Json* find(const std::string& name) const;
  bool has(const std::string& name) const { return find(name) != nullptr; }
  std::string text(const std::string& name, std::string fallback = {}) const;
  double number(const std::string& name, double fallback) const;
  int64_t integer(const std::string& name, int64_t fallback) const;
  bool flag(const std::string& name, bool fallback) const;
  /// An empty object or list where there is none.
  const Json& object(const std::string& name) const;
  const Json& list(const std::string& name) const;
  const Json& all() const { return *object_; }
  const std::string& where() const { return where_; }

 private:
  [[noreturn]] void expect(const std::string& name, std::string_view what) const;
  const Json* object_;
  std::string where_;
};

}  // namespace drypoint::server
