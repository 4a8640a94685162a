// What the keys in a text mean.
#pragma once

#include <string_view>

namespace drypoint {

enum class KeyKind { without_effect, with_effect, unknown };

/// Of a key that no field of a request has. Those of the web UI and of extensions that are often
/// met are known.
KeyKind kind_of_key(std::string_view key);

/// What is said of it where it has an effect.
std::string_view reason_of_key(std::string_view key);

}  // namespace drypoint
