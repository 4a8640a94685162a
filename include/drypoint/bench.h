// How fast a model draws: the parts of a picture, timed over and over.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "drypoint/workload.h"

namespace drypoint {

/// Of a list of times. Percentiles are interpolated linearly between the sorted values: p90 of n
/// values lies at position 0.9 (n - 1). The deviation is the sample's (n - 1).
struct Summary {
  size_t count = 0;
  double min = 0, mean = 0, median = 0, p90 = 0, p95 = 0, p99 = 0, max = 0, deviation = 0;
};
/// All zero for an empty list.
Summary summarize(std::vector<double> values);

struct BenchOptions {
  Workload workload;
  std::vector<ImageSize> sizes;  ///< at least one; sides are multiples of 8
  int warmup = 1;                ///< pictures drawn before any counts, from 0
  int iterations = 10;           ///< pictures that count, at least; from 1
  double duration = 0;           ///< seconds to go on for, at least
  bool transfers = true;         ///< with the copies to and from the device
  bool spin = false;             ///< on a GPU: wait for it by asking all the time
  bool profiler_range = false;   ///< mark the part that counts for Nsight
};

/// Seconds, one value for each time that the part ran. `device`: between two marks in the order of
/// the device's work. `host`: until the call that ordered the work returned; on a CPU that does the
/// work, so both are the same but for noise.
struct PartTimes {
  std::string name;  ///< see `bench`
  std::vector<double> host, device;
};

struct SizeBench {
  ImageSize size;
  double ready_seconds = 0;  ///< compiling, packing weights, warming up
  std::vector<PartTimes> parts;
  double pictures_per_second = 0;  ///< batch / median of the whole picture
  uint64_t peak_bytes = 0;         ///< in use: on a GPU by all processes, on a CPU by this one
  int iterations = 0;
};

/// Clocks while it ran, looked at after each picture; 0 where unknown.
struct Clocks {
  double lowest_mhz = 0, highest_mhz = 0, possible_mhz = 0;
};

struct BenchResult {
  std::string version, model, control, device;
  int threads = 0, batch = 1, steps = 20;
  double guidance_scale = 9;
  bool transfers = true;
  Clocks clocks;
  std::vector<SizeBench> sizes;
  std::vector<std::string> warnings;  ///< what makes the figures doubtful
};

/// Called before each picture.
struct BenchProgress {
  ImageSize size;
  int done = 0, of = 0;  ///< pictures, warming up included; `of` at least
};
struct BenchCallbacks {
  std::function<void(const BenchProgress&)> progress;
  std::function<bool()> stop;
};

/// Draws the same pictures over and over and times their parts:
///   text        the text encoder, both prompts
///   hint        what the denoiser does once a picture: the edges, keys and values, time embeddings
///   first_step  the first step after that
///   step        each further one (none if there is one step)
///   vae         the decoder, each picture
///   copies      all between host and device, and waiting for it (not without transfers)
///   picture     all of the above, from the first to the last
///   generate    `Pipeline::generate`, prompt to 8-bit pixels in host memory, as on a wall clock
///               (not without transfers)
/// Steps are those of all latents denoised together. Throws bad_argument, and what `Pipeline`
/// throws.
BenchResult bench(const BenchOptions& options, const BenchCallbacks& callbacks = {});

/// The result with all its times.
std::string to_json(const BenchResult& result);
/// Throws bad_file if `path` is not what `to_json` writes.
BenchResult read_bench_result(const std::filesystem::path& path);

struct PartComparison {
  ImageSize size;
  std::string part;
  double before = 0, now = 0;  ///< medians of device time, seconds
  double ratio = 0;            ///< now / before
  double low = 0, high = 0;    ///< where the ratio lies, with 99 % confidence
  bool beyond_noise = false;   ///< 1 does not lie between low and high
};

struct Comparison {
  std::vector<PartComparison> parts;     ///< those that both results have
  std::vector<std::string> differences;  ///< in what was measured: "batch: 1 before, 8 now"
};

/// Confidence by a bootstrap of both medians: 2000 times, pictures are drawn with replacement (all
/// steps of a picture together, since what disturbs one step disturbs its neighbours), always with
/// the same random numbers, and of more than 2000 pictures 2000, evenly chosen. It knows nothing of
/// what differs from one run of the program to the next: another order of memory, another clock.
/// With under 5 pictures nothing is beyond noise.
Comparison compare(const BenchResult& before, const BenchResult& now);

}  // namespace drypoint
