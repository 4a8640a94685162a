// Any bytes are a picture or an `Error`.
#include "drypoint/edges.h"
#include "drypoint/error.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  try {
    const auto read = drypoint::read_image(std::as_bytes(std::span(data, size)), "fuzz");
    if (read.image.pixels.size() !=
        size_t(3) * size_t(read.image.width) * size_t(read.image.height))
      __builtin_trap();
  } catch (const drypoint::Error&) {
  }
  return 0;
}
