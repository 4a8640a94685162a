// What bodies hold as text: base64, and pictures in it.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "drypoint/image.h"

namespace drypoint::server {

std::string to_base64(std::string_view bytes);
/// White space aside; none for what is no base64.
std::optional<std::string> from_base64(std::string_view text);

/// A picture as base64 or data URL. Throws 422 naming the field; no URL of other kinds is fetched.
ReadImage picture_from(std::string_view text, const std::string& field);
/// A picture's bytes. Throws 422 for what is none, and 413 for one of more than 16 megapixels.
ReadImage picture_of(std::string_view bytes, const std::string& field);

/// 128 random bits as 32 hexadecimal digits.
std::string random_id();
uint64_t random_seed();  ///< below 2^32 - 2, as the web UI's

std::string hex_sha256(std::string_view bytes);
/// Whether two secrets are the same, in a time that tells nothing of where they differ.
bool same_secret(std::string_view a, std::string_view b);

}  // namespace drypoint::server
