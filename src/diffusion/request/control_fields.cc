#include <limits>

#include "diffusion/request/field_makers.h"
#include "image/edge_checks.h"

namespace drypoint {
namespace fields {
namespace {

/// "0.5 0.6 0.7 ...", of all layers or of none.
Field<Control> layer_weights() {
  const std::string name = "layer_weights", expected = "numbers with spaces between them";
  return field<Control>(
      name, FieldType::word, expected,
      "Of each control tensor, instead of the mode's, from the shallowest",
      [](const Control& c) {
        std::string all;
        for (const double weight : c.layer_weights)
          all += (all.empty() ? "" : " ") + fmt::to_string(weight);
        return all;
      },
      [=](Control& c, std::string_view text) {
        std::vector<double> weights;
        for (size_t at = 0; at < text.size();) {
          const size_t end = std::min(text.find(' ', at), text.size());
          if (end > at && !parse_number(text.substr(at, end - at), weights.emplace_back()))
            refuse(name, text, expected);
          at = end + 1;
        }
        c.layer_weights = std::move(weights);
      },
      [=](const Control& c) {
        for (const double weight : c.layer_weights)
          if (!std::isfinite(weight))
            fail(ErrorKind::bad_argument, "{}: {}, expected finite numbers", name, weight);
      });
}

Field<Control> resolution() {
  Field<Control> all = integer("resolution", &Control::resolution, 0, 4096,
                               "Of the shorter side while it is preprocessed; 0: as drawn");
  all.check = [](const Control& c) {
    if (c.resolution != 0) check_resolution(c.resolution);
  };
  return all;
}

}  // namespace
}  // namespace fields

const std::vector<Field<Control>>& control_fields() {
  using namespace fields;
  using C = Control;
  constexpr double infinity = std::numeric_limits<double>::infinity();
  static const std::vector<Field<C>> all{
      text("name", &C::name, "Of the ControlNet; empty: the first"),
      text("preprocessor", &C::preprocessor, "What makes the hint of the picture, or none"),
      number("threshold_a", &C::threshold_a, 0, infinity, "Of the preprocessor"),
      number("threshold_b", &C::threshold_b, 0, infinity, "Of the preprocessor"),
      choice("resize", &C::resize,
             {{"stretch", ResizeMode::stretch},
              {"crop", ResizeMode::crop},
              {"fill", ResizeMode::fill}},
             "Of a picture of other proportions"),
      resolution(),
      number("weight", &C::weight, 0, infinity, "How closely to follow it"),
      number("start", &C::start, 0, 1, "Share of the steps before it begins"),
      number("end", &C::end, 0, 1, "Share of the steps until it ends"),
      choice("mode", &C::mode,
             {{"balanced", ControlMode::balanced},
              {"prompt", ControlMode::prompt},
              {"control", ControlMode::control}},
             "What counts more: balanced, the prompt or the control"),
      layer_weights(),
      choice("pool", &C::pool,
             {{"auto", PoolControl::automatic},
              {"true", PoolControl::on},
              {"false", PoolControl::off}},
             "Whether its effect is averaged over the picture, as of shuffle's")};
  return all;
}

}  // namespace drypoint
