#include "diffusion/units.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "base/utf8.h"
#include "diffusion/request/controls.h"
#include "drypoint/nearest.h"
#include "drypoint/preprocess.h"
#include "image/edge_checks.h"
#include "image/fill.h"
#include "image/formats.h"
#include "models/t2i_adapter.h"

namespace drypoint {
namespace {

size_t net_named(const std::string& name, const Stages& model) {
  const auto& nets = model.checkpoint().controlnets;
  if (nets.empty())
    fail(ErrorKind::bad_argument,
         "{}: holds no ControlNet, and none was given beside it; expected control, as in "
         "canny=FILE, or no picture that steers",
         model.name());
  std::vector<std::string> names;
  for (size_t i = 0; i < nets.size(); ++i) {
    if (name.empty() || nets[i].name == name) return i;
    names.push_back(nets[i].name);
  }
  std::string all;
  for (const std::string& one : names) all += (all.empty() ? "" : ", ") + one;
  fail(ErrorKind::bad_argument, "name: \"{}\", expected one of the ControlNets {} (is it {}?)",
       printable(name), all, nearest(name, names));
}

/// A picture whose own size at the request's resolution is drawn is stretched to that, as the
/// official code does; others are made to fit.
Image fitted(const Image& image, const Request& request, ImageSize size, ResizeMode mode) {
  if (request.size == ImageSize() && mode == ResizeMode::crop &&
      control_size({image.width, image.height}, request.resolution) == size)
    return resize_for_control(image, request.resolution);
  return resize_for_control(image, size, mode);
}

bool takes_mask(const Preprocessor& preprocessor) {
  return preprocessor.name == "inpaint" || preprocessor.name == "inpaint_only";
}

/// As many as a ControlNet has, the rest of which an adapter leaves alone.
std::vector<float> unit_scales(const Control& settings, const ControlConfig& config,
                               const UnetConfig& unet) {
  const auto most = static_cast<size_t>(unet.controls());
  const auto* adapter = std::get_if<T2iAdapterConfig>(&config);
  if (!adapter) return control_scales(settings, most);
  Control of_adapter = settings;
  // The web UI's extension's, where the control does not count as it is.
  if (settings.mode != ControlMode::balanced && settings.layer_weights.empty())
    of_adapter.layer_weights = {0.25, 0.62, 0.825, 1};
  std::vector<float> scales = control_scales(of_adapter, adapter->channels.size());
  scales.resize(most);
  return scales;
}

bool pools(PoolControl pool, const ControlConfig& config) {
  if (pool == PoolControl::automatic) return is_pooled(config);
  if (pool == PoolControl::on && std::holds_alternative<T2iAdapterConfig>(config))
    fail(ErrorKind::bad_argument, "pool: on, but the control is a T2I-Adapter, expected off");
  return pool == PoolControl::on;
}

void expect_adapter_fits(ImageSize size) {
  if (size.width % t2i_adapter_multiple != 0 || size.height % t2i_adapter_multiple != 0)
    fail(ErrorKind::bad_argument,
         "size: {}x{} (height x width), expected multiples of {} with a T2I-Adapter", size.height,
         size.width, t2i_adapter_multiple);
}

Image first_channel(const Image& image) {
  if (image.channels == 1) return image;
  Image grey{image.width, image.height, 1, {}};
  for (size_t i = 0; i < image.pixels.size(); i += static_cast<size_t>(image.channels))
    grey.pixels.push_back(image.pixels[i]);
  return grey;
}

/// The picture as the ControlNet sees it.
Image hint_of(const AskedControl& asked, const Preprocessor& preprocessor,
              const std::string& weights, const Request& request, ImageSize size,
              const PreprocessOptions& options, AnnotatorLibrary& annotators,
              const StopRequested& stop) {
  if (asked.is_ready) return *asked.image;
  const auto& [settings, image, mask, is_ready] = asked;
  const auto hint = [&](const Image& picture) {
    return annotators.hint(preprocessor, weights, picture, options, stop);
  };
  // As in the web UI, what is around it is as the hint's border, not the picture's.
  if (settings.resolution == 0 && settings.resize == ResizeMode::fill && !takes_mask(preprocessor))
    return resize_for_control(hint(resized_within(*image, size)), size, ResizeMode::fill);
  if (settings.resolution == 0) return hint(fitted(*image, request, size, settings.resize));
  return resize_for_control(hint(resize_in_proportion(*image, settings.resolution)), size,
                            settings.resize);
}

}  // namespace

std::vector<float> control_scales(const Control& control, size_t tensors) {
  if (!control.layer_weights.empty() && control.layer_weights.size() != tensors)
    fail(ErrorKind::bad_argument, "layer_weights: {} numbers, expected {}",
         control.layer_weights.size(), tensors);
  std::vector<float> scales;
  for (size_t i = 0; i < tensors; ++i) {
    const double of_layer = !control.layer_weights.empty() ? control.layer_weights[i]
                            : control.mode == ControlMode::balanced
                                ? 1
                                : std::pow(0.825, static_cast<double>(tensors - 1 - i));
    scales.push_back(static_cast<float>(control.weight * of_layer));
  }
  return scales;
}

std::vector<Unit> units_of(const Request& request, const Stages& model, ImageSize size, bool guided,
                           std::vector<std::string>& notices, const StopRequested& stop) {
  std::vector<Unit> units;
  for (AskedControl& asked : asked_controls(request)) {
    const auto make = [&]() -> Unit {
      Control& settings = asked.settings;
      Unit unit;
      unit.net = net_named(settings.name, model);
      settings.name = model.checkpoint().controlnets[unit.net].name;
      const PreprocessorText named = preprocessor_text(settings.preprocessor);
      const Preprocessor& preprocessor = asked.is_ready         ? preprocessor_named("none")
                                         : named.name == "auto" ? preprocessor_for(settings.name)
                                                                : preprocessor_named(named.name);
      settings.preprocessor = preprocessor.name;
      const ControlConfig& config = model.config().controls[unit.net];
      unit.pooled = pools(settings.pool, config);
      unit.positive_only = (settings.mode == ControlMode::control || unit.pooled) && guided;
      if (std::holds_alternative<T2iAdapterConfig>(config)) expect_adapter_fits(size);
      unit.scales = unit_scales(settings, config, model.config().unet);
      PreprocessOptions options{
          settings.threshold_a, settings.threshold_b, {}, request.seed.value_or(0)};
      if (asked.mask) {
        const bool paints_around = takes_mask(preprocessor) && settings.resize == ResizeMode::fill;
        const Image mask =
            first_channel(paints_around ? on_white(*asked.mask, size)
                                        : fitted(*asked.mask, request, size, settings.resize));
        if (takes_mask(preprocessor)) {
          if (settings.resolution != 0)
            fail(ErrorKind::bad_argument, "resolution: {}, expected 0 with a mask",
                 settings.resolution);
          unit.masked = options.mask = mask;
        } else {
          unit.region = mask;
        }
      }
      unit.hint = hint_of(asked, preprocessor, named.weights, request, size, options,
                          model.model()->annotators(), stop);
      if (asked.is_ready && preprocessor_for(settings.name).name == "canny")
        if (auto notice = edge_map_notice(*asked.image)) notices.push_back(std::move(*notice));
      unit.settings = std::move(settings);
      return unit;
    };
    units.push_back(request.controls.empty() ? make() : of_control(units.size(), make));
  }
  return units;
}

bool steer_alike(std::span<const Unit> a, std::span<const Unit> b) {
  return std::ranges::equal(a, b, [](const Unit& x, const Unit& y) {
    return x.net == y.net && x.positive_only == y.positive_only && x.pooled == y.pooled &&
           x.region.pixels.empty() == y.region.pixels.empty() && x.scales == y.scales &&
           x.settings.start == y.settings.start && x.settings.end == y.settings.end;
  });
}

}  // namespace drypoint
