#include "server/encoding.h"

#include <fmt/format.h>
#include <nettle/base64.h>
#include <nettle/memops.h>
#include <nettle/sha2.h>
#include <sys/random.h>

#include <array>
#include <semaphore>
#include <span>

#include "server/refusal.h"

namespace drypoint::server {
namespace {

constexpr int64_t most_input_pixels = 16'000'000;

/// A picture that is being read may take some hundred MB.
std::counting_semaphore<> reading(4);

std::array<uint8_t, SHA256_DIGEST_SIZE> sha256(std::string_view bytes) {
  sha256_ctx state;
  sha256_init(&state);
  sha256_update(&state, bytes.size(), reinterpret_cast<const uint8_t*>(bytes.data()));
  std::array<uint8_t, SHA256_DIGEST_SIZE> digest;
  sha256_digest(&state, digest.size(), digest.data());
  return digest;
}

/// Of letters their six bits, of all else -1.
constexpr auto base64_values = [] {
  std::array<int32_t, 256> values;
  values.fill(-1);
  constexpr std::string_view letters =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  for (size_t i = 0; i < letters.size(); ++i)
    values[static_cast<uint8_t>(letters[i])] = static_cast<int32_t>(i);
  return values;
}();

/// Nettle goes letter by letter, which takes seven times as long. -> how many letters there are
/// before the first four that are not letters alone
size_t decode_fours(std::string_view text, uint8_t* to) {
  size_t i = 0;
  for (; i + 4 <= text.size(); i += 4, to += 3) {
    const auto value = [&](size_t at) { return base64_values[static_cast<uint8_t>(text[i + at])]; };
    const int32_t a = value(0), b = value(1), c = value(2), d = value(3);
    if ((a | b | c | d) < 0) break;
    to[0] = static_cast<uint8_t>(a << 2 | b >> 4);
    to[1] = static_cast<uint8_t>(b << 4 | c >> 2);
    to[2] = static_cast<uint8_t>(c << 6 | d);
  }
  return i;
}

uint64_t random_bits() {
  uint64_t bits = 0;
  if (::getrandom(&bits, sizeof(bits), 0) != sizeof(bits))
    throw Error(ErrorKind::internal, "random numbers: the system has none");
  return bits;
}

}  // namespace

std::string to_base64(std::string_view bytes) {
  std::string text(BASE64_ENCODE_RAW_LENGTH(bytes.size()), '\0');
  base64_encode_raw(text.data(), bytes.size(), reinterpret_cast<const uint8_t*>(bytes.data()));
  return text;
}

std::optional<std::string> from_base64(std::string_view text) {
  std::string bytes(BASE64_DECODE_LENGTH(text.size()), '\0');
  auto* to = reinterpret_cast<uint8_t*>(bytes.data());
  const size_t plain = decode_fours(text, to);
  text.remove_prefix(plain);
  const size_t done = plain / 4 * 3;
  base64_decode_ctx state;
  base64_decode_init(&state);
  size_t size = bytes.size() - done;
  if (!base64_decode_update(&state, &size, to + done, text.size(), text.data()) ||
      !base64_decode_final(&state))
    return std::nullopt;
  bytes.resize(done + size);
  return bytes;
}

ReadImage picture_of(std::string_view bytes, const std::string& field) {
  reading.acquire();
  struct Release {
    ~Release() { reading.release(); }
  } release;
  try {
    ReadImage read = read_image(std::as_bytes(std::span(bytes)), field);
    const int64_t pixels = int64_t{read.image.width} * read.image.height;
    if (pixels > most_input_pixels)
      refuse_field(413, field, "{}x{} pixels, expected at most {} megapixels", read.image.width,
                   read.image.height, most_input_pixels / 1'000'000);
    return read;
  } catch (const Error& error) {
    throw Refusal(status_of(error.kind(), 422), error.what(), field);
  }
}

ReadImage picture_from(std::string_view text, const std::string& field) {
  if (text.starts_with("http:") || text.starts_with("https:") || text.starts_with("file:"))
    refuse_field(422, field, "is a URL, expected base64 or a data URL: nothing is fetched");
  if (text.starts_with("data:")) {
    const size_t comma = text.find(',');
    if (comma == text.npos || !text.substr(0, comma).ends_with(";base64"))
      refuse_field(422, field, "is a data URL without base64");
    text.remove_prefix(comma + 1);
  }
  const auto bytes = from_base64(text);
  if (!bytes || bytes->empty()) refuse_field(422, field, "is no base64, expected a picture in it");
  return picture_of(*bytes, field);
}

std::string random_id() { return fmt::format("{:016x}{:016x}", random_bits(), random_bits()); }
uint64_t random_seed() { return random_bits() % 4294967294u; }

std::string hex_sha256(std::string_view bytes) {
  std::string text;
  for (const uint8_t byte : sha256(bytes)) text += fmt::format("{:02x}", byte);
  return text;
}

bool same_secret(std::string_view a, std::string_view b) {
  const auto of_a = sha256(a), of_b = sha256(b);
  return memeql_sec(of_a.data(), of_b.data(), of_a.size()) != 0;
}

}  // namespace drypoint::server
