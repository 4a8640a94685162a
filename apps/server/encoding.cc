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
  base64_decode_ctx state;
  base64_decode_init(&state);
  std::string bytes(BASE64_DECODE_LENGTH(text.size()), '\0');
  size_t size = bytes.size();
  if (!base64_decode_update(&state, &size, reinterpret_cast<uint8_t*>(bytes.data()), text.size(),
                            text.data()) ||
      !base64_decode_final(&state))
    return std::nullopt;
  bytes.resize(size);
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
