// Units of the web UI's ControlNet extension, as they stand in alwayson_scripts.controlnet.args.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "drypoint/preprocess.h"
#include "server/context.h"

namespace drypoint::server {

/// A preprocessor as that extension shows it.
struct Module {
  const Preprocessor* preprocessor;
  struct Slider {
    std::string name;
    double usual, least, most, step;
    /// What is beyond the slider's ends means the usual, as there.
    double taken(double value) const { return value >= least && value <= most ? value : usual; }
  };
  std::vector<Slider> sliders;  ///< the resolution, if it counts, and the thresholds there are
  bool has_resolution = false;

  std::string name() const { return std::string(preprocessor->name); }
  /// As the preprocessor takes it, of what a client says; none where it takes none.
  std::optional<double> threshold(size_t number, double value) const;
};
const std::vector<Module>& modules();
/// Whether it is for pictures with a mask.
bool takes_mask(std::string_view module);
/// By name, or as the extension calls it, "invert (from white bg & black line)". Throws 422 naming
/// the nearest.
const Module& module_named(const std::string& text, const std::string& field);

struct Unit {
  std::string where;  ///< "alwayson_scripts.controlnet.args[0]."
  Control control;    ///< its name that of the catalog, or empty: the first there is
  bool save_detected_map = true;
};

/// Those that are enabled. Throws 422 naming what is wrong, and what nothing here obeys.
std::vector<Unit> read_units(const Json& alwayson_scripts);

/// Lets them steer a request that has its initial picture and mask, which those without a picture
/// take. Throws 422 where there is none.
void put_units(const std::vector<Unit>& units, Request& request);

}  // namespace drypoint::server
