// The devices that tests of several threads run on.
#pragma once

#include <initializer_list>
#include <vector>

#include "drypoint/device.h"
#include "drypoint/error.h"

namespace drypoint::testing {

/// The CPU with two threads, and a GPU, if there is one, in these precisions.
inline std::vector<DeviceOptions> devices(std::initializer_list<const char*> precisions) {
  std::vector<DeviceOptions> all{{.device = "cpu", .threads = 2}};
  for (const char* precision : precisions) {
    const DeviceOptions gpu{.device = "cuda", .precision = precision};
    try {
      const Device device(gpu);
      all.push_back(gpu);
    } catch (const Error& error) {  // no GPU here, or not in this precision
      if (error.kind() != ErrorKind::unsupported) throw;
    }
  }
  return all;
}

}  // namespace drypoint::testing
