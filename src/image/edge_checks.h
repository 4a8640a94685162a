// What the options of finding edges may be: the one place for pictures drawn and edges alone.
#pragma once

namespace drypoint {

/// Throw bad_argument naming the option, what it is and what it may be.
void check_resolution(int resolution);
void check_thresholds(double low, double high);

}  // namespace drypoint
