#include "recall/findings.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/error.h"
#include "base/utf8.h"
#include "drypoint/fields.h"

namespace drypoint {

const std::string* Findings::other(std::string_view key) const {
  for (const auto& [name, value] : text().others)
    if (name == key) return &value;
  return nullptr;
}

void Findings::set(const std::string& field, const std::string& value, const std::string& key) {
  const Field<Request>& described = *find_field(request_fields(), field);
  try {
    Request scratch;
    described.set(scratch, value);
    described.check(scratch);
    recalled_.fields.emplace_back(field, value);
  } catch (const Error& error) {
    miss(field, key.empty() ? error.what() : fmt::format("{}: {}", key, error.what()));
  }
}

void Findings::miss(const std::string& field, const std::string& what) {
  recalled_.missing.push_back({field, printable(what)});
}

void Findings::note(const std::string& what) { recalled_.notices.push_back(printable(what)); }

bool is_off(std::string_view value) {
  constexpr std::string_view words[] = {"",     "0",    "0.0",  "1.0",     "False",
                                        "None", "none", "Full", "Disable", "Automatic"};
  return std::ranges::find(words, value) != std::end(words);
}

}  // namespace drypoint
