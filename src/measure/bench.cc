#include "drypoint/bench.h"

#include <fmt/format.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <fstream>
#include <thread>

#include "backend/instruments.h"
#include "base/error.h"
#include "diffusion/pipeline_parts.h"
#include "diffusion/request/request.h"
#include "drypoint/version.h"
#include "measure/picture.h"

namespace drypoint {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

/// Parts of a picture, one after the other, between events in the device's stream.
class Laps {
 public:
  Laps(const Instruments& instruments, bool ranges) : instruments_(instruments), ranges_(ranges) {
    stamps_.push_back(instruments_.now());
  }

  /// `part` empty: what does not count.
  template <class Work>
  void lap(const char* part, const Work& work) {
    if (ranges_) instruments_.push_range(part);
    const auto start = Clock::now();
    work();
    laps_.emplace_back(part, seconds_since(start));
    if (ranges_) instruments_.pop_range();
    stamps_.push_back(instruments_.now());
  }

  /// Adds the times of all parts. Waits until they are done.
  void add_to(std::vector<PartTimes>& parts) const {
    double copies_host = 0, copies_device = 0, host = 0, device = 0;
    for (size_t i = 0; i < laps_.size(); ++i) {
      const auto& [part, host_seconds] = laps_[i];
      if (part.empty()) continue;
      const double device_seconds = stamps_[i + 1]->seconds_since(*stamps_[i]);
      host += host_seconds;
      device += device_seconds;
      if (part == "copies") {
        copies_host += host_seconds;
        copies_device += device_seconds;
      } else {
        add(parts, part, host_seconds, device_seconds);
      }
    }
    if (copies_device > 0) add(parts, "copies", copies_host, copies_device);
    add(parts, "picture", host, device);
  }

  static void add(std::vector<PartTimes>& parts, const std::string& name, double host,
                  double device) {
    auto found = std::find_if(parts.begin(), parts.end(),
                              [&](const PartTimes& part) { return part.name == name; });
    if (found == parts.end()) found = parts.insert(parts.end(), {name, {}, {}});
    found->host.push_back(host);
    found->device.push_back(device);
  }

 private:
  const Instruments& instruments_;
  bool ranges_;
  std::vector<std::unique_ptr<Timestamp>> stamps_;
  std::vector<std::pair<std::string, double>> laps_;
};

/// What others take of the processors meanwhile.
class OtherProcesses {
 public:
  /// The share of all processors, 0 to 1; 0 where the system does not tell.
  double share() const {
    const double wall = seconds_since(start_) * std::thread::hardware_concurrency();
    return wall > 0 ? std::max(0.0, (busy() - busy_ - (own() - own_)) / wall) : 0;
  }

 private:
  static double busy() {
    std::ifstream stat("/proc/stat");
    std::string cpu;
    double user = 0, nice = 0, system = 0;
    stat >> cpu >> user >> nice >> system;
    return (user + nice + system) / static_cast<double>(::sysconf(_SC_CLK_TCK));
  }
  static double own() {
    rusage usage{};
    ::getrusage(RUSAGE_SELF, &usage);
    const auto seconds = [](const timeval& t) {
      return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6;
    };
    return seconds(usage.ru_utime) + seconds(usage.ru_stime);
  }

  Clock::time_point start_ = Clock::now();
  double busy_ = busy(), own_ = own();
};

/// Looks at the device after each picture, while it is still warm.
class Watch {
 public:
  explicit Watch(const Instruments& instruments) : instruments_(instruments) {}

  void look(SizeBench& size) {
    const DeviceState state = instruments_.state();
    size.peak_bytes = std::max(size.peak_bytes, state.bytes);
    for (const auto& reason : state.throttled)
      if (std::find(reasons_.begin(), reasons_.end(), reason) == reasons_.end())
        reasons_.push_back(reason);
    if (!state.clock_mhz) return;
    clocks_.lowest_mhz =
        clocks_.lowest_mhz > 0 ? std::min(clocks_.lowest_mhz, *state.clock_mhz) : *state.clock_mhz;
    clocks_.highest_mhz = std::max(clocks_.highest_mhz, *state.clock_mhz);
    clocks_.possible_mhz = state.highest_clock_mhz.value_or(0);
  }

  void report(BenchResult& result) const {
    result.clocks = clocks_;
    if (clocks_.lowest_mhz < 0.97 * clocks_.highest_mhz)
      result.warnings.push_back(fmt::format("the clock moved between {:.0f} and {:.0f} MHz",
                                            clocks_.lowest_mhz, clocks_.highest_mhz));
    for (const auto& reason : reasons_)
      result.warnings.push_back(fmt::format("the device slowed its clocks down: {}", reason));
  }

 private:
  const Instruments& instruments_;
  Clocks clocks_;
  std::vector<std::string> reasons_;
};

class Bench {
 public:
  Bench(const BenchOptions& options, const BenchCallbacks& callbacks)
      : options_(options),
        callbacks_(callbacks),
        pipeline_(options.workload.files, options.workload.options),
        model_(PipelineParts::stages(pipeline_)),
        instruments_(make_instruments(model_.backend(), options.spin)),
        watch_(*instruments_) {}

  BenchResult run() {
    const Workload& workload = options_.workload;
    const ModelDescription description = pipeline_.description();
    BenchResult result{.version = std::string(version()),
                       .model = description.model,
                       .control = description.control,
                       .device = description.device,
                       .threads = description.threads,
                       .batch = workload.batch,
                       .steps = workload.steps,
                       .guidance_scale = workload.guidance_scale,
                       .transfers = options_.transfers};
    const OtherProcesses others;
    for (const ImageSize size : options_.sizes) result.sizes.push_back(measure(size));
    watch_.report(result);
    std::ranges::copy(model_.backend().notices(), std::back_inserter(result.warnings));
    if (const double share = others.share(); share > 0.05 && model_.backend().shares_host_memory())
      result.warnings.push_back(
          fmt::format("other processes used {:.0f} % of the processors meanwhile", 100 * share));
    return result;
  }

 private:
  SizeBench measure(ImageSize size) {
    SizeBench result{.size = size};
    const auto start = Clock::now();
    model_.begin();
    MeasuredPicture picture(model_, options_.workload, size, callbacks_.stop);
    feed(picture);
    std::vector<PartTimes> ignored;
    for (int i = 0; i < options_.warmup; ++i) {
      report(size, i);
      draw(picture, ignored);
    }
    result.ready_seconds = seconds_since(start);
    if (options_.profiler_range) instruments_->profiler_start();
    const auto timed = Clock::now();
    while (result.iterations < options_.iterations || seconds_since(timed) < options_.duration) {
      report(size, options_.warmup + result.iterations);
      draw(picture, result.parts);
      watch_.look(result);
      ++result.iterations;
    }
    if (options_.profiler_range) instruments_->profiler_stop();
    const auto whole =
        std::find_if(result.parts.begin(), result.parts.end(), [&](const auto& part) {
          return part.name == (options_.transfers ? "generate" : "picture");
        });
    result.pictures_per_second = options_.workload.batch / summarize(whole->device).median;
    return result;
  }

  void report(ImageSize size, int done) const {
    if (callbacks_.stop && callbacks_.stop()) fail(ErrorKind::cancelled, "cancelled");
    if (callbacks_.progress)
      callbacks_.progress({size, done, options_.warmup + options_.iterations});
  }

  /// All inputs, once: without transfers they stay.
  void feed(MeasuredPicture& picture) const {
    picture.set_tokens();
    picture.encoder.run(Rate::picture, callbacks_.stop);
    picture.set_picture(picture.context());
    picture.set_first_step();
    picture.decoder.set_input("latent", picture.latent(model_.scaling_factor()));
  }

  /// One picture (or batch), part by part, then once more as a whole.
  void draw(MeasuredPicture& picture, std::vector<PartTimes>& parts) {
    Laps laps(*instruments_, options_.profiler_range);
    const StopRequested& stop = callbacks_.stop;
    const auto copy = [&](const auto& work) {
      if (options_.transfers) laps.lap("copies", work);
    };
    copy([&] { picture.set_tokens(); });
    laps.lap("text", [&] { picture.encoder.run(Rate::picture, stop); });
    copy([&] { picture.set_picture(picture.context()); });
    laps.lap("hint", [&] { picture.denoiser.run(Rate::picture, stop); });
    for (int64_t chunk = 0; chunk < picture.chunks; ++chunk) {
      // Without transfers, too, steps begin at the noise, lest they end in infinity.
      laps.lap(options_.transfers ? "copies" : "", [&] { picture.set_first_step(); });
      while (!picture.loop.done()) {
        laps.lap(picture.loop.row() == 0 ? "first_step" : "step", [&] { picture.loop.run(stop); });
        picture.loop.wait_for_all_but_two();
      }
    }
    for (int i = 0; i < options_.workload.batch; ++i) {
      copy([&] { picture.decoder.set_input("latent", picture.latent(model_.scaling_factor())); });
      laps.lap("vae", [&] { picture.decoder.run(Rate::picture, stop); });
      copy([&] { picture.read_image(); });
    }
    laps.add_to(parts);
    picture.encoder.wait_for_all_but(0);
    picture.denoiser.wait_for_all_but(0);
    picture.decoder.wait_for_all_but(0);
    if (!options_.transfers) return;
    const auto start = Clock::now();
    pipeline_.generate(picture.request, {{}, stop});
    const double seconds = seconds_since(start);
    Laps::add(parts, "generate", seconds, seconds);
  }

  const BenchOptions& options_;
  const BenchCallbacks& callbacks_;
  Pipeline pipeline_;
  Stages& model_;
  std::unique_ptr<Instruments> instruments_;
  Watch watch_;
};

void check(const BenchOptions& options) {
  if (options.sizes.empty()) fail(ErrorKind::bad_argument, "sizes: none, expected at least one");
  for (auto size = options.sizes.begin(); size != options.sizes.end(); ++size) {
    check_size(*size, "sizes");
    if (std::find(options.sizes.begin(), size, *size) != size)
      fail(ErrorKind::bad_argument, "sizes: {}x{} is there twice", size->height, size->width);
  }
  check_samples(options.workload.batch, "batch");
  if (options.workload.steps < 1 || options.workload.steps > 999)
    fail(ErrorKind::bad_argument, "steps: {}, expected 1 to 999", options.workload.steps);
  if (options.warmup < 0 || options.warmup > 1'000'000)
    fail(ErrorKind::bad_argument, "warmup: {}, expected 0 to 1000000", options.warmup);
  if (options.iterations < 1 || options.iterations > 1'000'000)
    fail(ErrorKind::bad_argument, "iterations: {}, expected 1 to 1000000", options.iterations);
  if (!(options.duration >= 0 && options.duration <= 1e6))
    fail(ErrorKind::bad_argument, "duration: {}, expected 0 to 1000000", options.duration);
}

}  // namespace

BenchResult bench(const BenchOptions& options, const BenchCallbacks& callbacks) {
  return at_border("measuring", callbacks, [&](const auto& own) {
    check(options);
    return Bench(options, own).run();
  });
}

}  // namespace drypoint
