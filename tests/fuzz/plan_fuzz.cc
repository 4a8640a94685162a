// A plan with any header, its checksums right, is either refused with an Error or says what it is
// for; and so is a plan of any bytes.
#include <zlib.h>

#include <cstring>
#include <nlohmann/json.hpp>

#include "checkpoint/plan_file.h"
#include "drypoint/error.h"
#include "models/assemble.h"

namespace {

std::string plan_with(std::string_view header) {
  using nlohmann::json;
  const json::error_handler_t lenient = json::error_handler_t::replace;
  std::string text =
      json{{"__metadata__", {{"drypoint.plan", "1"}, {"drypoint.plan.header", header}}},
           {"packed f32 a", {{"dtype", "U8"}, {"shape", {64}}, {"data_offsets", {0, 64}}}},
           {"checksums", {{"dtype", "I32"}, {"shape", {2}}, {"data_offsets", {64, 72}}}}}
          .dump(-1, ' ', false, lenient);
  text.append(64 - (text.size() + 8) % 64, ' ');
  std::string plan(8, '\0');
  const uint64_t length = text.size();
  std::memcpy(plan.data(), &length, sizeof length);
  plan += text;
  const std::string data(64, 'x');
  const auto sum = [](const std::string& part) {
    return static_cast<uint32_t>(
        crc32_z(0, reinterpret_cast<const Bytef*>(part.data()), part.size()));
  };
  const uint32_t sums[] = {sum(plan), sum(data)};
  plan += data;
  plan.append(reinterpret_cast<const char*>(sums), sizeof sums);
  return plan;
}

void read(std::span<const std::byte> bytes) {
  using namespace drypoint;
  try {
    const PlanFile plan({"fuzz", bytes, nullptr});
    plan.check_all();
    bool whole = true;
    for (const auto& [part, prefix, name] : part_names) whole &= plan.checkpoint().has(part);
    if (whole) check_fit(plan.checkpoint());
  } catch (const Error&) {
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  read(std::as_bytes(std::span(data, size)));
  const std::string plan = plan_with(std::string_view(reinterpret_cast<const char*>(data), size));
  read(std::as_bytes(std::span(plan)));
  return 0;
}
