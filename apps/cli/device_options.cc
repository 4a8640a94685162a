#include "device_options.h"

#include "options.h"

namespace drypoint::cli {

void DeviceOptions::add_to(CLI::App& command) {
  command.add_option("--threads", threads, "Threads to use; 0: all cores [0]")
      ->check(whole_number());
  command.add_option("--device", device,
                     "auto (a GPU where there is one), cpu, cuda, cuda:N or reference [auto]");
  command
      .add_option("--precision", precision,
                  "Of the computation; auto: fp16 on a GPU, fp32 on a CPU [auto]")
      ->check(one_of({"auto", "fp16", "bf16", "tf32", "fp32"}));
  command
      .add_option("--level", level,
                  "GPU: effort of tuning, 0 (take what is known) to 5 (time\n"
                  "every choice) [0]")
      ->check(whole_number());
  command.add_option("--tuning-cache", tuning_cache,
                     "GPU: file of measured choices, read and added to");
  command.add_flag("--no-graph", no_graph, "GPU: launch kernel by kernel, for measurements");
}

PipelineOptions DeviceOptions::pipeline_options() const {
  return {.device = device,
          .threads = threads,
          .precision = precision,
          .graphs = !no_graph,
          .level = level,
          .tuning_cache = tuning_cache};
}

}  // namespace drypoint::cli
