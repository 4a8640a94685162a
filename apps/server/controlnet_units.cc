#include "server/controlnet_units.h"

#include <algorithm>
#include <cctype>

#include "drypoint/nearest.h"
#include "server/encoding.h"
#include "server/requests.h"

namespace drypoint::server {
namespace {

std::string small(std::string text) {
  for (char& c : text) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return text;
}

/// One of the words, or its number, as older clients send it.
std::string choice(const Fields& fields, const std::string& name,
                   const std::vector<std::vector<std::string>>& words) {
  const Json* value = fields.find(name);
  if (!value) return "";
  if (value->is_number_unsigned() && value->get<uint64_t>() < words.size())
    return words[value->get<size_t>()][0];
  const std::string text = fields.text(name);
  for (const auto& names : words)
    for (const std::string& known : names)
      if (small(known) == small(text)) return names[0];
  std::string all;
  for (const auto& names : words) all += (all.empty() ? "" : ", ") + ("\"" + names[0] + "\"");
  refuse_field(422, fields.where() + name, "\"{}\", expected one of {}", text.substr(0, 60), all);
}

/// Base64, {image, mask} or [image, mask]; empty strings are none.
std::string picture_text(const Fields& fields, const std::string& name, std::string& mask) {
  const Json* value = fields.find(name);
  if (!value) return "";
  if (value->is_object()) {
    const Fields both(*value, fields.where() + name + ".");
    mask = both.text("mask");
    return both.text("image");
  }
  if (value->is_array() && !value->empty() && value->at(0).is_string()) {
    if (value->size() > 1 && value->at(1).is_string()) mask = value->at(1).get<std::string>();
    return value->at(0).get<std::string>();
  }
  return fields.text(name);
}

/// Settings of the extension that no engine here obeys: only their defaults are taken.
void refuse_what_is_missing(const Fields& fields) {
  const auto refuse_it = [&](const char* name, const char* expected) {
    refuse_field(422, fields.where() + name, "expected {}: nothing else is there yet", expected);
  };
  for (const char* name :
       {"mask", "mask_image", "effective_region_mask", "advanced_weighting", "ipadapter_input"}) {
    const Json* value = fields.find(name);
    if (value && !(value->is_string() && value->get<std::string>().empty()) &&
        !(value->is_array() && value->empty()))
      refuse_it(name, "none");
  }
  if (small(fields.text("hr_option", "Both")) != "both") refuse_it("hr_option", "\"Both\"");
}

Unit read_unit(const Json& json, const std::string& where) {
  const Fields fields(json, where);
  Unit unit{.where = where};
  std::string mask;
  std::string picture = picture_text(fields, "image", mask);
  if (picture.empty()) picture = picture_text(fields, "input_image", mask);
  if (!mask.empty()) refuse_field(422, where + "mask", "expected none: there are no masks yet");
  refuse_what_is_missing(fields);
  if (!picture.empty()) unit.image = picture_from(picture, where + "image").image;
  const Module& module = module_named(fields.text("module", "none"), where + "module");
  unit.module = module.name;
  unit.model = fields.text("model", "None");
  if (small(unit.model) == "none") unit.model.clear();
  unit.weight = fields.number("weight", 1);
  const std::string resize =
      choice(fields, "resize_mode",
             {{"Just Resize"},
              {"Crop and Resize", "Scale to Fit (Inner Fit)", "Inner Fit (Scale to Fit)"},
              {"Resize and Fill", "Envelope (Outer Fit)", "Outer Fit (Shrink to Fit)"}});
  if (!resize.empty()) unit.resize_mode = resize;
  const int64_t resolution = fields.integer("processor_res", -1);
  if (resolution > 0) unit.processor_res = resolution;
  const auto threshold = [&](const char* name, double usual) {
    const double value = fields.number(name, -1);
    return value >= 1 && value <= 255 ? value : usual;
  };
  unit.threshold_a = threshold("threshold_a", 100);
  unit.threshold_b = threshold("threshold_b", 200);
  unit.guidance_start = fields.number("guidance_start", 0);
  unit.guidance_end = fields.number("guidance_end", fields.number("guidance", 1));
  unit.pixel_perfect = fields.flag("pixel_perfect", false);
  const std::string mode =
      choice(fields, "control_mode",
             {{"Balanced"}, {"My prompt is more important"}, {"ControlNet is more important"}});
  if (!mode.empty()) unit.control_mode = mode;
  unit.save_detected_map = fields.flag("save_detected_map", true);
  return unit;
}

bool same_proportions(const Image& image, ImageSize size) {
  const double k = static_cast<double>(size.width) / image.width;
  return std::abs(image.height * k - size.height) <= 1;
}

}  // namespace

const std::vector<Module>& modules() {
  static const std::vector<Module> all{{"none", "None"},
                                       {"canny",
                                        "Canny",
                                        {{"Resolution", 512, 64, 2048, 1},
                                         {"Low Threshold", 100, 1, 255, 1},
                                         {"High Threshold", 200, 1, 255, 1}}}};
  return all;
}

const Module& module_named(const std::string& text, const std::string& field) {
  std::vector<std::string> names;
  for (const Module& module : modules()) {
    if (small(text) == module.name || small(text) == small(module.label)) return module;
    names.push_back(module.name);
  }
  refuse_field(422, field, "\"{}\" is no module that is here, did you mean \"{}\"?",
               text.substr(0, 60), nearest(text, names));
}

std::vector<Unit> read_units(const Json& alwayson_scripts) {
  std::vector<Unit> units;
  for (const auto& [name, script] : alwayson_scripts.items()) {
    const std::string path = "alwayson_scripts." + name;
    const Fields fields(script, path + ".");
    const Json& args = fields.list("args");
    if (small(name) != "controlnet") {
      // Scripts that are told to do nothing: no arguments, or {"args": [false]}.
      if (args.empty() || (args[0].is_boolean() && !args[0].get<bool>())) continue;
      refuse_field(422, path, "always on script {} not found", name.substr(0, 60));
    }
    for (size_t i = 0; i < args.size(); ++i) {
      const std::string where = fmt::format("{}.args[{}].", path, i);
      if (args[i].is_null()) continue;
      const Fields unit(args[i], where);
      if (unit.flag("enabled", true)) units.push_back(read_unit(args[i], where));
    }
  }
  return units;
}

void put_units(const std::vector<Unit>& units, Request& request) {
  if (units.empty()) return;
  if (units.size() > 1)
    refuse_field(422, units[1].where + "enabled", "expected one unit: there are no more yet");
  const Unit& unit = units[0];
  const auto expect = [&](bool good, const char* name, const char* what) {
    if (!good) refuse_field(422, unit.where + name, "expected {}: nothing else is there yet", what);
  };
  expect(unit.image.width > 0, "image", "a picture");
  expect(unit.guidance_start == 0, "guidance_start", "0");
  expect(unit.guidance_end == 1, "guidance_end", "1");
  expect(unit.control_mode != "My prompt is more important", "control_mode",
         "\"Balanced\" or \"ControlNet is more important\"");
  const ImageSize size = request.size;
  expect(unit.resize_mode == "Crop and Resize" || same_proportions(unit.image, size), "resize_mode",
         "\"Crop and Resize\" where the picture has other proportions");
  set_field(request, "strength", fmt::to_string(unit.weight), unit.where + "weight");
  request.guess_mode = unit.control_mode == "ControlNet is more important";
  request.is_edges = unit.module == "none";
  if (request.is_edges) {
    const bool fits = unit.image.width == size.width && unit.image.height == size.height;
    request.image = fits ? unit.image : resize_for_control(unit.image, size);
    return;
  }
  // Edges are found at the picture's own size.
  expect(unit.pixel_perfect || unit.processor_res == std::min(size.width, size.height),
         "processor_res", "the shorter side, or pixel_perfect");
  set_field(request, "low_threshold", fmt::to_string(unit.threshold_a), unit.where + "threshold_a");
  set_field(request, "high_threshold", fmt::to_string(unit.threshold_b),
            unit.where + "threshold_b");
  request.image = unit.image;
}

}  // namespace drypoint::server
