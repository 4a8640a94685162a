// ControlNets and how they steer, as options and JSON say it.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "drypoint/control.h"
#include "drypoint/model_files.h"

namespace drypoint::cli {

/// "canny=FILE", or with settings "depth=FILE,image=map.png,weight=0.6".
struct ControlOption {
  NamedControl net;
  std::map<std::string, std::string> settings;  // by the names of `control_fields`, image, mask
};

/// Throws bad_argument.
ControlOption parse_control_option(const std::string& text);

/// A control whose pictures are not read yet.
struct ControlFiles {
  Control control;
  std::string image, mask;  // paths or empty
};

/// Throws bad_argument naming the setting.
ControlFiles control_files(const ControlOption& option);
/// Controls that are known otherwise, each with what an option of its name says, in their order,
/// and behind them those of the options that are left.
std::vector<ControlFiles> with_options(std::vector<ControlFiles> controls,
                                       const std::vector<ControlOption>& options);

/// What JSON says of the pictures of "controls": takes "controls[1].image" and "controls[1].mask".
class ControlPictures {
 public:
  bool take(const std::string& name, const std::string& path);
  std::string of(size_t control, std::string_view what) const;

 private:
  std::map<std::string, std::string> paths_;
};

}  // namespace drypoint::cli
