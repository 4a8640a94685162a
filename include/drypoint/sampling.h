// The choices that decide which numbers a run draws and which noise levels it visits.
#pragma once

#include <cstdint>

namespace drypoint {

enum class RandomKind : uint8_t {
  cpu,   ///< what PyTorch draws on a CPU: Mersenne twister, of which only the seed's low 32 bits
         ///< count
  cuda,  ///< what it draws on an NVIDIA GPU: Philox 4x32-10
};

struct RandomOptions {
  RandomKind kind = RandomKind::cpu;
  /// The GPU to imitate: its number of multiprocessors, 1 to 1024, and how many threads each
  /// holds, 256 to 4096. They matter for draws of more numbers than all threads together. The
  /// default is an H100's.
  int multiprocessors = 132, threads = 2048;
};

enum class ScheduleKind : uint8_t {
  exact,     ///< as many steps as asked for: the first of the official list, as diffusers does
  official,  ///< the official ControlNet code's list, longer where `steps` does not divide 1000
};

/// How the noise of several samples is drawn.
enum class NoiseKind : uint8_t {
  batch,       ///< in one draw for all, as the reference does
  per_sample,  ///< sample i from seed + i: the same whatever the number of samples
};

}  // namespace drypoint
