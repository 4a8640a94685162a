#include "server/controlnet_units.h"

#include <algorithm>
#include <cctype>

#include "drypoint/fields.h"
#include "drypoint/nearest.h"
#include "server/encoding.h"
#include "server/lower_case.h"
#include "server/requests.h"

namespace drypoint::server {
namespace {

/// A word of a control's field, and what clients call it.
struct Word {
  std::string word;
  std::vector<std::string> names;
};

/// By one of its names, or its number, as older clients send it; empty where nothing is said.
std::string choice(const Fields& fields, const std::string& name, const std::vector<Word>& words) {
  const Json* value = fields.find(name);
  if (!value) return "";
  if (value->is_number_unsigned() && value->get<uint64_t>() < words.size())
    return words[value->get<size_t>()].word;
  const std::string text = fields.text(name);
  std::string all;
  for (const Word& word : words) {
    for (const std::string& known : word.names)
      if (in_lower_case(known) == in_lower_case(text)) return word.word;
    all += (all.empty() ? "" : ", ") + ("\"" + word.names[0] + "\"");
  }
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

/// Settings of the extension that nothing here obeys: only their defaults are taken.
void refuse_what_is_missing(const Fields& fields) {
  const auto refuse_it = [&](const char* name, const char* expected) {
    refuse_field(422, fields.where() + name, "expected {}: nothing here does otherwise", expected);
  };
  for (const char* name : {"effective_region_mask", "ipadapter_input"}) {
    const Json* value = fields.find(name);
    if (value && !(value->is_string() && value->get<std::string>().empty()) &&
        !(value->is_array() && value->empty()))
      refuse_it(name, "none");
  }
  if (in_lower_case(fields.text("hr_option", "Both")) != "both") refuse_it("hr_option", "\"Both\"");
}

void set_control(Control& control, std::string_view field, const std::string& value,
                 const std::string& said) {
  if (value.empty()) return;
  try {
    const Field<Control>& found = *find_field(control_fields(), field);
    found.set(control, value);
    found.check(control);
  } catch (const Error& error) {
    refuse_field(422, said, "{}", error.what());
  }
}

Unit read_unit(const Json& json, const std::string& where) {
  const Fields fields(json, where);
  Unit unit{.where = where};
  Control& control = unit.control;
  std::string mask;
  std::string picture = picture_text(fields, "image", mask);
  if (picture.empty()) picture = picture_text(fields, "input_image", mask);
  for (const char* name : {"mask", "mask_image"})
    if (mask.empty()) mask = fields.text(name);
  refuse_what_is_missing(fields);
  if (!picture.empty()) control.image = picture_from(picture, where + "image").image;
  if (!mask.empty()) control.mask = picture_from(mask, where + "mask").image;
  const Module& module = module_named(fields.text("module", "none"), where + "module");
  control.preprocessor = module.name();
  control.name = fields.text("model", "None");
  if (in_lower_case(control.name) == "none") control.name.clear();
  if (!takes_mask(module.name())) {
    if (!mask.empty())
      refuse_field(422, where + "mask", "expected none: the module {} takes none", module.name());
    control.threshold_a = module.threshold(0, fields.number("threshold_a", -1));
    control.threshold_b = module.threshold(1, fields.number("threshold_b", -1));
  }
  const auto set = [&](const char* field, const std::string& value, const char* said) {
    set_control(control, field, value, where + said);
  };
  const int64_t resolution = fields.integer("processor_res", -1);
  if (module.has_resolution && !fields.flag("pixel_perfect", false))
    set("resolution", fmt::to_string(resolution > 0 ? resolution : 512), "processor_res");
  set("resize",
      choice(fields, "resize_mode",
             {{"stretch", {"Just Resize"}},
              {"crop", {"Crop and Resize", "Scale to Fit (Inner Fit)", "Inner Fit (Scale to Fit)"}},
              {"fill", {"Resize and Fill", "Envelope (Outer Fit)", "Outer Fit (Shrink to Fit)"}}}),
      "resize_mode");
  set("mode",
      choice(fields, "control_mode",
             {{"balanced", {"Balanced"}},
              {"prompt", {"My prompt is more important"}},
              {"control", {"ControlNet is more important"}}}),
      "control_mode");
  set("weight", fmt::to_string(fields.number("weight", 1)), "weight");
  set("start", fmt::to_string(fields.number("guidance_start", 0)), "guidance_start");
  set("end", fmt::to_string(fields.number("guidance_end", fields.number("guidance", 1))),
      "guidance_end");
  for (const Json& weight : fields.list("advanced_weighting")) {
    if (!weight.is_number()) refuse_field(422, where + "advanced_weighting", "expected numbers");
    control.layer_weights.push_back(weight.get<double>());
  }
  unit.save_detected_map = fields.flag("save_detected_map", true);
  return unit;
}

/// In capitals at each word's begin.
std::string titled(std::string_view text) {
  std::string title(text);
  bool begins = true;
  for (char& c : title) {
    if (begins) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
    begins = c == ' ' || c == '-';
  }
  return title;
}

Module module_of(const Preprocessor& preprocessor) {
  const bool is_canny = preprocessor.name == "canny";
  Module module{.preprocessor = &preprocessor, .sliders = {}};
  module.has_resolution = preprocessor.name != "none" && !takes_mask(preprocessor.name);
  if (module.has_resolution) module.sliders.push_back({"Resolution", 512, 64, 2048, 1});
  for (const PreprocessNumber& number : {preprocessor.threshold_a, preprocessor.threshold_b})
    if (!number.meaning.empty())
      module.sliders.push_back({titled(number.meaning), number.usual, is_canny ? 1 : number.least,
                                is_canny ? 255 : number.most, number.most > 16 ? 1 : 0.01});
  return module;
}

}  // namespace

bool takes_mask(std::string_view module) { return module.starts_with("inpaint"); }

std::optional<double> Module::threshold(size_t number, double value) const {
  const size_t at = number + (has_resolution ? 1 : 0);
  return at < sliders.size() ? std::optional(sliders[at].taken(value)) : std::nullopt;
}

const std::vector<Module>& modules() {
  static const std::vector<Module> all = [] {
    std::vector<Module> list;
    for (const Preprocessor& preprocessor : preprocessors())
      list.push_back(module_of(preprocessor));
    return list;
  }();
  return all;
}

const Module& module_named(const std::string& text, const std::string& field) {
  std::vector<std::string> names;
  for (const Module& module : modules()) {
    const auto& aliases = module.preprocessor->aliases;
    if (in_lower_case(text) == module.name() ||
        in_lower_case(text).starts_with(module.name() + " (") ||
        std::ranges::find(aliases, in_lower_case(text)) != aliases.end())
      return module;
    names.push_back(module.name());
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
    if (in_lower_case(name) == "soft inpainting") continue;  // see `put_soft_inpainting`
    if (in_lower_case(name) != "controlnet") {
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
  for (const Unit& unit : units) {
    Control& control = request.controls.emplace_back(unit.control);
    if (control.image.pixels.empty()) {
      control.image = request.init_image;
      if (takes_mask(control.preprocessor)) control.mask = request.mask;
    }
    if (control.image.pixels.empty()) refuse_field(422, unit.where + "image", "expected a picture");
    if (control.start > control.end)
      refuse_field(422, unit.where + "guidance_start", "{}, expected at most guidance_end, {}",
                   control.start, control.end);
  }
}

}  // namespace drypoint::server
