// A model file that is cut short while the program reads it.
#pragma once

namespace drypoint::cli {

/// From now on such a file ends the program with exit code 3 and a message that names it, instead
/// of by SIGBUS without a word; as JSON, too, if wanted.
void catch_lost_files(bool json);

}  // namespace drypoint::cli
