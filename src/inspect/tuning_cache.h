// What the tuner of the CUDA backend has measured, for looking at.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "drypoint/inspect_graph.h"

namespace drypoint {

struct TuningCache {
  std::string device;
  std::map<std::string, std::vector<MeasuredKernel>> choices;  // by gemm_key, fastest first
};

/// Throws bad_file if it is missing or no tuning cache.
TuningCache read_tuning_cache(const std::filesystem::path& path);

}  // namespace drypoint
