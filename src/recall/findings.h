// What has been found in a text so far.
#pragma once

#include <string>
#include <string_view>

#include "drypoint/recall.h"

namespace drypoint {

class Findings {
 public:
  explicit Findings(Recalled& recalled) : recalled_(recalled) {}

  const Parameters& text() const { return recalled_.parameters; }
  bool is_own() const { return recalled_.source == Recalled::Source::drypoint; }
  bool is_web_ui() const { return recalled_.source == Recalled::Source::a1111; }
  /// What the text says under a key beyond the usual, or null.
  const std::string* other(std::string_view key) const;

  /// A field of a request; one that does not take the value is missing. `key` is the text's own
  /// name of it, for messages.
  void set(const std::string& field, const std::string& value, const std::string& key);
  /// `field`, if not empty, is what one can set to do without.
  void miss(const std::string& field, const std::string& what);
  void note(const std::string& what);
  void add(Control control) { recalled_.controls.push_back(std::move(control)); }

 private:
  Recalled& recalled_;
};

/// What a setting has in a text that does nothing: "0", "False", "None" ...
bool is_off(std::string_view value);

}  // namespace drypoint
