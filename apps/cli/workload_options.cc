#include "workload_options.h"

#include "options.h"

namespace drypoint::cli {

void WorkloadOptions::add_to(CLI::App& command) {
  model.add_to(command);
  command.add_option("--batch", batch, "Pictures drawn together, 1 to 64 [1]")
      ->check(whole_number());
  command.add_option("--steps", steps, "Denoising steps of each, 1 to 999 [20]")
      ->check(whole_number());
  command.add_option("--scale", scale, "Guidance; at 1 a step costs half [9]")->check(number());
  device.add_to(command);
  model.add_details_to(command);
}

Workload WorkloadOptions::workload(std::vector<std::string>& notices,
                                   const std::string& doing) const {
  return {.files = model.files(notices, doing),
          .options = device.pipeline_options(),
          .batch = batch,
          .steps = steps,
          .guidance_scale = scale};
}

}  // namespace drypoint::cli
