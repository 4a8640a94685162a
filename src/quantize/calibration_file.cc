#include <map>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/json.h"
#include "checkpoint/formats.h"
#include "diffusion/model/calibration.h"
#include "drypoint/calibrate.h"

namespace drypoint {

bool is_calibration(const std::filesystem::path& path) {
  // Checkpoints are larger by far, and not read for this.
  constexpr uintmax_t most_bytes = 16 << 20;
  std::error_code ignored;
  if (!std::filesystem::is_regular_file(path, ignored) ||
      std::filesystem::file_size(path, ignored) > most_bytes)
    return false;
  try {
    return read_tensor_file_as_it_is(path).tensors.metadata.contains(calibration_key);
  } catch (const Error&) {
    return false;
  }
}

CalibrationFile inspect_calibration(const std::filesystem::path& path) {
  return at_border(path.string(), [&] {
    CalibrationFile file;
    std::map<std::string, CalibratedModule> modules;
    for (const DType type : {DType::f8, DType::i8}) {
      const Quantization found = read_calibration(path, type);
      for (const auto& [module, range] : found.ranges) {
        modules[module].name = module;
        (type == DType::f8 ? modules[module].range_f8 : modules[module].range_i8) = range;
      }
      (type == DType::f8 ? file.kept_f8 : file.kept_i8)
          .assign(found.kept.begin(), found.kept.end());
    }
    for (auto& [_, module] : modules) file.modules.push_back(std::move(module));
    file.how = read_tensor_file_as_it_is(path).tensors.metadata.at(calibration_key);
    return file;
  });
}

}  // namespace drypoint
