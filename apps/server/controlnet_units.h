// Units of the web UI's ControlNet extension, as they stand in alwayson_scripts.controlnet.args.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "server/context.h"

namespace drypoint::server {

/// A preprocessor as that extension calls it.
struct Module {
  std::string name, label;  ///< "canny", "Canny"
  struct Slider {
    std::string name;
    double usual, least, most, step;
  };
  std::vector<Slider> sliders = {};  ///< the first is the resolution
};
const std::vector<Module>& modules();
/// By name or label, case aside. Throws 422 naming the nearest.
const Module& module_named(const std::string& text, const std::string& field);

struct Unit {
  std::string where;  ///< "alwayson_scripts.controlnet.args[0]."
  Image image;        ///< empty: none was given
  std::string module = "none";
  std::string model;  ///< empty: the first there is
  double weight = 1;
  std::string resize_mode = "Crop and Resize";
  int64_t processor_res = 512;
  double threshold_a = 100, threshold_b = 200;
  double guidance_start = 0, guidance_end = 1;
  bool pixel_perfect = false;
  std::string control_mode = "Balanced";
  bool save_detected_map = true;
};

/// Those that are enabled. Throws 422 naming what is wrong, and what is not there yet.
std::vector<Unit> read_units(const Json& alwayson_scripts);

/// Lets them steer a request whose size is set.
void put_units(const std::vector<Unit>& units, Request& request);

}  // namespace drypoint::server
