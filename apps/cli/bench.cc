#include "drypoint/bench.h"

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <optional>

#include "commands.h"
#include "options.h"
#include "size_options.h"
#include "terminal.h"
#include "workload_options.h"

namespace drypoint::cli {
namespace {

struct BenchArguments {
  WorkloadOptions workload;
  SizeOptions sizes;
  std::string compare;
  int warmup = 1, iterations = 10;
  double duration = 0;
  bool no_transfers = false, spin = false, profiler_range = false, json = false;
};

std::string doing(const BenchProgress& progress) {
  return fmt::format("{}x{}: picture {}/{}", progress.size.height, progress.size.width,
                     progress.done + 1, std::max(progress.done + 1, progress.of));
}

void print_size(const BenchResult& result, const SizeBench& size) {
  fmt::print("\n{}x{}, batch {}, {} steps, {} pictures after {:.1f} s of preparing\n",
             size.size.height, size.size.width, result.batch, result.steps, size.iterations,
             size.ready_seconds);
  fmt::print("{:10} {:>6} {:>9} {:>9} {:>9} {:>9} {:>9} {:>9} {:>9} {:>9}\n", "ms", "times", "min",
             "mean", "median", "p90", "p95", "p99", "deviation", "host");
  for (const PartTimes& part : size.parts) {
    const Summary s = summarize(part.device);
    const auto ms = [](double seconds) { return fmt::format("{:>9.3f}", seconds * 1e3); };
    fmt::print("{:10} {:>6} {} {} {} {} {} {} {} {}\n", part.name, s.count, ms(s.min), ms(s.mean),
               ms(s.median), ms(s.p90), ms(s.p95), ms(s.p99), ms(s.deviation),
               ms(summarize(part.host).median));
  }
  fmt::print("{:.4g} pictures/s, at most {} MiB of memory in use\n", size.pictures_per_second,
             size.peak_bytes >> 20);
}

void print_comparison(const Comparison& comparison) {
  if (comparison.parts.empty()) return;
  fmt::print("\n{:9} {:10} {:>10} {:>10} {:>7}  {:15} {}\n", "size", "part", "before ms", "now ms",
             "ratio", "99 % between", "beyond noise");
  for (const PartComparison& part : comparison.parts)
    fmt::print("{:9} {:10} {:>10.3f} {:>10.3f} {:>7.3f}  {:15} {}\n",
               fmt::format("{}x{}", part.size.height, part.size.width), part.part,
               part.before * 1e3, part.now * 1e3, part.ratio,
               fmt::format("{:.3f} and {:.3f}", part.low, part.high),
               !part.beyond_noise ? "no"
               : part.ratio < 1   ? "faster"
                                  : "slower");
}

Json to_json(const Comparison& comparison) {
  Json json{{"differences", comparison.differences}, {"parts", Json::array()}};
  for (const PartComparison& part : comparison.parts)
    json["parts"].push_back({{"height", part.size.height},
                             {"width", part.size.width},
                             {"part", part.part},
                             {"before_seconds", part.before},
                             {"now_seconds", part.now},
                             {"ratio", part.ratio},
                             {"low", part.low},
                             {"high", part.high},
                             {"beyond_noise", part.beyond_noise}});
  return json;
}

void print_table(const BenchResult& result, const std::optional<Comparison>& comparison) {
  fmt::print("{} on {}, {} host thread{}", result.model, result.device, result.threads,
             result.threads == 1 ? "" : "s");
  if (result.clocks.highest_mhz > 0)
    fmt::print(", clock {:.0f} to {:.0f} MHz", result.clocks.lowest_mhz, result.clocks.highest_mhz);
  if (result.clocks.possible_mhz > 0) fmt::print(" of {:.0f}", result.clocks.possible_mhz);
  fmt::print("\n");
  for (const SizeBench& size : result.sizes) print_size(result, size);
  if (comparison) print_comparison(*comparison);
}

void run(const BenchArguments& options) {
  auto sizes = options.sizes.sizes();
  if (sizes.empty()) sizes.push_back({.width = 384, .height = 256});
  BenchOptions bench_options{.sizes = sizes,
                             .warmup = options.warmup,
                             .iterations = options.iterations,
                             .duration = options.duration,
                             .transfers = !options.no_transfers,
                             .spin = options.spin,
                             .profiler_range = options.profiler_range};
  std::optional<BenchResult> before;
  if (!options.compare.empty()) before = read_bench_result(options.compare);
  std::vector<std::string> notices;
  bench_options.workload = options.workload.workload(notices, "measuring with");
  const BenchResult result = [&] {
    ProgressLine line;
    return bench(bench_options,
                 {[&](const BenchProgress& progress) { line.show(doing(progress)); }, interrupted});
  }();

  std::optional<Comparison> comparison;
  if (before) comparison = compare(*before, result);
  options.workload.device.note_vain(result.device, notices);
  if (options.spin && (result.device == "cpu" || result.device == "reference"))
    notices.push_back(fmt::format("--spin is for GPUs, and this runs on {}", result.device));
  notices.insert(notices.end(), result.warnings.begin(), result.warnings.end());
  if (comparison)
    for (const auto& difference : comparison->differences)
      notices.push_back(fmt::format("{}: other {}", options.compare, difference));
  for (const auto& notice : notices) print_notice(notice);
  if (options.json) {
    Json json = Json::parse(to_json(result));
    if (comparison) json["comparison"] = to_json(*comparison);
    json["notices"] = notices;
    print_json(json);
  } else {
    print_table(result, comparison);
  }
}

}  // namespace

void add_bench(CLI::App& program) {
  auto* command =
      program.add_subcommand("bench", "How fast: each part of a picture, timed over and over");
  auto o = std::make_shared<BenchArguments>();
  o->workload.add_to(*command);
  o->sizes.add_to(*command, /*several=*/true, "256x384");
  command->add_option("--warmup", o->warmup, "Pictures drawn before any counts [1]")
      ->check(whole_number());
  command->add_option("--iterations", o->iterations, "Pictures that count, at least [10]")
      ->check(whole_number());
  command->add_option("--duration", o->duration, "Seconds to go on for, at least [0]")
      ->check(number());
  command->add_flag("--no-transfers", o->no_transfers,
                    "Leave out copies between host and device, and with them\n"
                    "the time of a whole picture in host memory");
  command->add_flag("--spin", o->spin,
                    "GPU: wait by asking all the time: sooner, but for a whole core");
  command->add_flag("--profiler-range", o->profiler_range,
                    "Mark the part that counts for Nsight, and name its parts");
  command
      ->add_option("--compare", o->compare,
                   "What --json printed before: says what became slower or faster,\n"
                   "and whether that exceeds the noise")
      ->transform(path());
  command->add_flag("--json", o->json, "Print the result, with all times, as JSON");
  command->footer(
      "Times are the device's; \"host\" is the median until the call that ordered the work\n"
      "returned.\n\n"
      "  drypoint bench -m random:sd15 --sizes 256x384,512x512 --json >before.json\n"
      "  drypoint bench -m random:sd15 --sizes 256x384,512x512 --compare before.json\n");
  command->callback([o] { run(*o); });
}

}  // namespace drypoint::cli
