// Samplers by the names that people know them by.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "diffusion/samplers/samplers.h"
#include "drypoint/sampling.h"

namespace drypoint {

/// A sampler as one asks for it.
struct NamedSampler {
  std::string_view name;                      ///< the web UI's: "DPM++ 2M"
  std::vector<std::string_view> other_names;  ///< in the web UI's API, diffusers and ComfyUI
  Sampler function;
  ScheduleKind schedule;     ///< where none is asked for
  SamplerSettings settings;  ///< where they are not asked for
  /// Which of the settings it obeys.
  bool eta = false, s_noise = false, churn = false, lower_order_final = false;
  int highest_order = 0;             ///< 0: it has but one
  std::vector<Solver> solvers = {};  ///< none: it has but one
  /// The web UI counts two evaluations a step where a prompt's schedule says when.
  bool second_order = false;
  /// It ends at the first trained level rather than without noise.
  bool ends_at_first_level = false;
  /// Over clean + sigma * n, it begins with noise of the sample's whole deviation, sqrt(sigma^2 +
  /// 1), as diffusers does, rather than sigma.
  bool begins_whole = false;
  /// It can begin where no signal is left. Others divide by it, and begin at sigma 4519 then.
  bool takes_no_signal = false;
  /// One more level, and the last but one left out, as the web UI does.
  bool leaves_out_last_but_one = false;
  /// In the web UI and ComfyUI its fresh noise is that of a Brownian path.
  bool brownian = false;
  /// Of the spacings of timesteps one more, and the last left out, as diffusers does.
  bool leaves_out_last = false;
};

const std::vector<NamedSampler>& named_samplers();

/// A sampler with the schedule that its name or its own default tells.
struct SamplerChoice {
  const NamedSampler& sampler;
  ScheduleKind schedule;
  bool schedule_was_asked = false;  ///< rather than the sampler's own
};

/// "DPM++ 2M", "dpmpp_2m", "DPM++ 2M Karras": case aside, `_` as good as a space. A schedule in the
/// name counts where `schedule` is automatic. Throws bad_argument naming the nearest, and where
/// both name a schedule and they differ.
SamplerChoice choose_sampler(std::string_view name,
                             ScheduleKind schedule = ScheduleKind::automatic);

/// As the web UI writes it: "Karras".
std::string_view label(ScheduleKind kind);

}  // namespace drypoint
