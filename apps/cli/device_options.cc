#include "device_options.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <thread>

#include "options.h"

namespace drypoint::cli {

const std::vector<std::string>& DeviceOptions::precisions() {
  static const std::vector<std::string> all{"auto", "fp16", "bf16", "tf32", "fp32"};
  return all;
}

void DeviceOptions::add_to(CLI::App& command) {
  command.add_option("--threads", threads, "Threads to use; 0: all cores [0]")
      ->check(whole_number());
  command.add_option("--device", device,
                     "auto (a GPU where there is one), cpu, cuda, cuda:N or reference [auto]");
  command
      .add_option("--precision", precision,
                  "Of the computation; auto: fp16 on a GPU, fp32 on a CPU [auto]")
      ->check(one_of(precisions()));
  command
      .add_option("--level", level,
                  "GPU: tuning, 0 (take what is known), 1 to 4 (time what is\n"
                  "not known) or 5 (time all that the cache does not have) [0]")
      ->check(whole_number());
  command
      .add_option("--tuning-cache", tuning_cache,
                  "GPU: file of measured choices, read and added to")
      ->transform(path());
  command.add_flag("--no-tf32", no_tf32,
                   "GPU: fp32 where --precision says tf32: all bits of both factors");
  command
      .add_option("--aux-streams", aux_streams,
                  "GPU: streams beside the main one, for work that need not\n"
                  "wait for its turn, 0 to 7 [0]")
      ->check(whole_number());
  command.add_flag("--no-graph", no_graph, "GPU: launch kernel by kernel, for measurements");
}

PipelineOptions DeviceOptions::pipeline_options() const {
  return {.device = device,
          .threads = threads,
          .precision = no_tf32 && precision == "tf32" ? "fp32" : precision,
          .graphs = !no_graph,
          .aux_streams = aux_streams,
          .level = level,
          .tuning_cache = tuning_cache};
}

void DeviceOptions::note_vain(std::string_view used, std::vector<std::string>& notices) const {
  if (used != "cpu" && used != "reference") return;
  std::vector<std::string> given;
  for (const auto& [option, is_given] : {std::pair("--level", level != 0),
                                         {"--tuning-cache", !tuning_cache.empty()},
                                         {"--aux-streams", aux_streams != 0},
                                         {"--no-graph", no_graph},
                                         {"--no-tf32", no_tf32}})
    if (is_given) given.emplace_back(option);
  if (!given.empty())
    notices.push_back(fmt::format("{} {} for GPUs, and this runs on {}", fmt::join(given, ", "),
                                  given.size() == 1 ? "is" : "are", used));
  // The standard library counts the cores that this process may use.
  if (const auto cores = static_cast<int>(std::thread::hardware_concurrency());
      cores > 0 && threads > cores)
    notices.push_back(
        fmt::format("--threads {} on {} core{}: threads that share a core wait for one "
                    "another, and are slower than {}",
                    threads, cores, cores == 1 ? "" : "s", cores));
}

}  // namespace drypoint::cli
