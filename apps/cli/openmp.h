#pragma once

namespace drypoint::cli {

/// Makes idle worker threads sleep soon instead of spinning for milliseconds, which on a machine
/// that is busy with other work costs whole time slices at each of a step's hundreds of barriers.
/// GNU's OpenMP reads this from the environment before main, so the program starts itself anew,
/// unless the user has chosen for themselves, in the environment or with `--spin`.
void spin_briefly(char** argv);

}  // namespace drypoint::cli
