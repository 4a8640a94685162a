#include "backend/cuda/chip.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cstring>
#include <vector>

namespace drypoint::cuda {
namespace {

struct Chip {
  std::string_view capability;
  const char* card;
  int multiprocessors;
  int shared_kilobytes, of_block;  // of a multiprocessor
  int threads;                     // of a multiprocessor
  int l2_megabytes;
  CodeFor code;
};

/// CUDA C++ Programming Guide, "Compute Capabilities"; NVIDIA's data sheets.
constexpr Chip chips[] = {
    {"7.5", "T4", 40, 64, 64, 1024, 4, CodeFor::halves},
    {"8.0", "A100", 108, 164, 163, 2048, 40, CodeFor::all},
    {"8.6", "GeForce RTX 3090", 82, 100, 99, 1536, 6, CodeFor::all},
    {"8.9", "GeForce RTX 4090", 128, 100, 99, 1536, 72, CodeFor::f8},
    {"9.0", "H100", 132, 228, 227, 2048, 50, CodeFor::hopper},
    {"10.0", "B200", 148, 228, 227, 2048, 126, CodeFor::clusters},
    {"12.0", "GeForce RTX 5090", 170, 100, 99, 1536, 96, CodeFor::clusters},
};

}  // namespace

Context context_of_chip(std::string_view capability) {
  const auto* chip = std::ranges::find(chips, capability, &Chip::capability);
  if (chip == std::end(chips)) {
    std::vector<std::string_view> known;
    for (const Chip& one : chips) known.push_back(one.capability);
    fail(ErrorKind::unsupported, "device cuda:{}: expected one of {}", capability,
         fmt::join(known, ", "));
  }
  Context context;
  cudaDeviceProp& p = context.properties;
  const size_t point = capability.find('.');
  p.major = std::stoi(std::string(capability.substr(0, point)));
  p.minor = std::stoi(std::string(capability.substr(point + 1)));
  std::strncpy(p.name, chip->card, sizeof p.name - 1);
  p.multiProcessorCount = chip->multiprocessors;
  p.sharedMemPerMultiprocessor = static_cast<size_t>(chip->shared_kilobytes) << 10;
  p.sharedMemPerBlockOptin = static_cast<size_t>(chip->of_block) << 10;
  p.maxThreadsPerMultiProcessor = chip->threads;
  p.l2CacheSize = chip->l2_megabytes << 20;
  context.device = -(p.major * 10 + p.minor);
  context.code = chip->code;
  return context;
}

int blocks_by_room(const Context& context, int threads, int shared_bytes) {
  constexpr int of_the_system = 1024;  // of each block's shared memory
  const auto& p = context.properties;
  return std::min(static_cast<int>(p.sharedMemPerMultiprocessor) / (shared_bytes + of_the_system),
                  p.maxThreadsPerMultiProcessor / threads);
}

}  // namespace drypoint::cuda
