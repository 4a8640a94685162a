#include <fmt/format.h>

#include "drypoint/calibrate.h"
#include "inspect_views.h"
#include "terminal.h"

namespace drypoint::cli {

void inspect_calibration_file(const std::string& path, bool json) {
  const CalibrationFile file = inspect_calibration(path);
  Json how = Json::parse(file.how, nullptr, /*allow_exceptions=*/false);
  if (!how.is_object()) how = Json::object();
  how.erase("kept");
  if (!json) {
    fmt::print("calibration of {} modules\n\n", file.modules.size());
    for (const auto& [key, value] : how.items())
      fmt::print("{:<12} {}\n", in_one_line(key),
                 in_one_line(value.is_string() ? value.get<std::string>() : value.dump()));
    fmt::print("{:<12} {} for fp8, {} for int8\n\n{:>10} {:>10}  module\n", "kept",
               file.kept_f8.size(), file.kept_i8.size(), "fp8 range", "int8 range");
    for (const CalibratedModule& module : file.modules)
      fmt::print("{:>10.3f} {:>10.3f}  {}\n", module.range_f8, module.range_i8,
                 in_one_line(module.name));
    return;
  }
  Json all{{"how", how},
           {"kept", {{"fp8", file.kept_f8}, {"int8", file.kept_i8}}},
           {"modules", Json::array()}};
  for (const CalibratedModule& module : file.modules)
    all["modules"].push_back(
        {{"name", module.name}, {"range_fp8", module.range_f8}, {"range_int8", module.range_i8}});
  print_json(all);
}

}  // namespace drypoint::cli
