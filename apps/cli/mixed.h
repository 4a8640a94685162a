// --precision mixed:QUALITY: finding what it stands for, and telling.
#pragma once

#include <vector>

#include "drypoint/mixed.h"
#include "terminal.h"

namespace drypoint::cli {

/// With a line of progress.
FoundMixed find_with_progress(const MixedOptions& options);

/// "precision: mixed:32: int8 in 40 of 52 modules, ... 33.1 dB"
std::string mixed_notice(const FoundMixed& found, double quality);
/// Each module's error and gain, on standard error.
void print_mixed_table(const FoundMixed& found);
Json mixed_json(const FoundMixed& found);

}  // namespace drypoint::cli
