// The ControlNets in a text.
#pragma once

#include "recall/findings.h"

namespace drypoint {

/// One that a request's own picture can steer through becomes fields (`strength`, `guess_mode`,
/// thresholds), any other or several become controls.
void find_controls(Findings& found);

/// One of a text as a control without pictures and name. Adds to `found` what it does not say.
Control control_of(const ControlParameters& said, size_t number, Findings& found);

/// "control_v11p_sd15_canny [d14c016b]" in two.
struct NamedFile {
  std::string_view name, hash;
};
NamedFile without_hash(std::string_view model);

}  // namespace drypoint
