#include "recall/controls_of.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "base/error.h"
#include "base/utf8.h"
#include "drypoint/fields.h"
#include "drypoint/preprocess.h"

namespace drypoint {
namespace {

/// The extension's name of a preprocessor, which may be followed by words in brackets.
const Preprocessor* preprocessor_called(std::string_view module) {
  module = module.substr(0, module.find(" ("));
  if (module == "None" || module.empty()) module = "none";
  for (const Preprocessor& one : preprocessors())
    if (one.name == module || std::ranges::find(one.aliases, module) != one.aliases.end())
      return &one;
  return nullptr;
}

/// -1 is the extension's own, which is ours.
std::optional<double> threshold(double said, const PreprocessNumber& number) {
  if (number.meaning.empty() || said < number.least || said > number.most || said == number.usual)
    return std::nullopt;
  return said;
}

/// Whether a request says the same by its own picture. That is for edges to be found in.
bool is_of_own_picture(const Control& control) {
  return control.preprocessor == "canny" && control.start == 0 && control.end == 1 &&
         control.mode != ControlMode::prompt && control.resolution == 0 &&
         control.layer_weights.empty();
}

void set_own_picture(const Control& control, Findings& found) {
  found.set("strength", fmt::to_string(control.weight), "ControlNet 0: Weight");
  if (control.mode == ControlMode::control) found.set("guess_mode", "true", "");
  if (control.threshold_a)
    found.set("low_threshold", fmt::to_string(*control.threshold_a), "ControlNet 0: Threshold A");
  if (control.threshold_b)
    found.set("high_threshold", fmt::to_string(*control.threshold_b), "ControlNet 0: Threshold B");
}

std::string lower_case(std::string_view text) {
  std::string result(text);
  for (char& c : result)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return result;
}

/// The place of the model's ControlNet that a text means, or none.
std::optional<size_t> net_called(std::string_view said, const ModelDescription& model) {
  const NamedFile called = without_hash(said);
  const auto first = [&](const auto& is_it) -> std::optional<size_t> {
    for (size_t i = 0; i < model.controls.size(); ++i)
      if (is_it(i)) return i;
    return std::nullopt;
  };
  const auto stem = [](const std::filesystem::path& file) { return file.stem().string(); };
  if (!called.hash.empty())
    if (auto found = first([&](size_t i) { return model.control_hashes[i] == called.hash; }))
      return found;
  if (auto found = first([&](size_t i) {
        return model.controls[i].file == called.name || stem(model.controls[i].file) == called.name;
      }))
    return found;
  return first([&](size_t i) {
    return lower_case(called.name).find(lower_case(model.controls[i].name)) != std::string::npos;
  });
}

}  // namespace

NamedFile without_hash(std::string_view model) {
  const size_t bracket = model.rfind(" [");
  if (!model.ends_with(']') || bracket == model.npos) return {model, {}};
  return {model.substr(0, bracket), model.substr(bracket + 2, model.size() - bracket - 3)};
}

Control control_of(const ControlParameters& said, size_t number, Findings& found) {
  const std::string place = fmt::format("ControlNet {}: ", number);
  Control control;
  const auto set = [&](const char* field, const std::string& value, const char* key) {
    const Field<Control>& described = *find_field(control_fields(), field);
    try {
      Control scratch = control;
      described.set(scratch, value);
      described.check(scratch);
      control = scratch;
    } catch (const Error& error) {
      found.miss("controls", fmt::format("{}{}: {}", place, key, error.what()));
    }
  };
  set("weight", fmt::to_string(said.weight), "Weight");
  set("start", fmt::to_string(said.guidance_start), "Guidance Start");
  set("end", fmt::to_string(said.guidance_end), "Guidance End");
  const auto word = [&](const char* field, const std::string& value, const char* key,
                        std::initializer_list<std::pair<std::string_view, const char*>> words) {
    std::string all;
    for (const auto& [label, ours] : words) {
      if (label == value) return set(field, ours, key);
      all += (all.empty() ? "" : ", ") + std::string(label);
    }
    found.miss("controls", fmt::format("{}{}: {}, expected one of {}", place, key, value, all));
  };
  word("mode", said.control_mode, "Control Mode",
       {{"Balanced", "balanced"},
        {"My prompt is more important", "prompt"},
        {"ControlNet is more important", "control"}});
  word("resize", said.resize_mode, "Resize Mode",
       {{"Just Resize", "stretch"},
        {"Crop and Resize", "crop"},
        {"Scale to Fit (Inner Fit)", "crop"},
        {"Inner Fit (Scale to Fit)", "crop"},
        {"Resize and Fill", "fill"},
        {"Envelope (Outer Fit)", "fill"},
        {"Outer Fit (Shrink to Fit)", "fill"}});
  control.layer_weights = said.layer_weights;
  for (const auto& [key, value] : said.others)
    if (!is_off(value) && value != "Both" && key != "Low Vram" && key != "Save Detected Map")
      found.miss("controls",
                 fmt::format("{}{}: {}: what it does is not known here", place, key, value));

  const Preprocessor* preprocessor = preprocessor_called(said.module);
  if (!preprocessor) {
    control.preprocessor = "none";
    found.note(fmt::format("{}its hint was made by \"{}\": give the ready one as its picture",
                           place, said.module));
    return control;
  }
  control.preprocessor = preprocessor->name;
  control.threshold_a = threshold(said.threshold_a, preprocessor->threshold_a);
  control.threshold_b = threshold(said.threshold_b, preprocessor->threshold_b);
  const std::string* drawn = found.other("Resolution");  // ours alone
  const int as_drawn = std::min(found.text().width, found.text().height);
  const bool is_as_drawn = said.pixel_perfect || control.preprocessor == "none" ||
                           (drawn ? *drawn == fmt::to_string(said.processor_resolution)
                                  : said.processor_resolution == as_drawn);
  if (!is_as_drawn) set("resolution", fmt::to_string(said.processor_resolution), "Processor Res");
  return control;
}

void find_controls(Findings& found) {
  const std::vector<ControlParameters>& said = found.text().controls;
  std::vector<Control> controls;
  for (size_t i = 0; i < said.size(); ++i) controls.push_back(control_of(said[i], i, found));
  if (controls.size() == 1 && is_of_own_picture(controls[0]))
    return set_own_picture(controls[0], found);
  for (Control& control : controls) found.add(std::move(control));
}

void Recalled::name_controls(const ModelDescription& model, std::string_view picture) {
  const std::vector<ControlParameters>& said = parameters.controls;
  for (size_t i = 0; i < said.size(); ++i) {
    std::optional<size_t> net = net_called(said[i].model, model);
    if (!net && said.size() == 1 && !model.controls.empty()) {
      net = 0;
      if (const auto called = without_hash(said[0].model).name; !called.empty())
        notices.push_back(fmt::format("ControlNet 0: the picture was drawn with {}, this is {}",
                                      printable(called),
                                      printable(model.controls[0].file.string())));
    }
    if (!net && !model.controls.empty())
      fail(ErrorKind::unsupported,
           "{}: ControlNet {}: {}: no ControlNet of this name is loaded, expected control, as in "
           "depth=FILE",
           picture, i, printable(said[i].model));
    if (!net) continue;
    if (controls.empty() && *net > 0) {  // no longer what the request's own picture steers through
      std::erase_if(fields, [](const auto& field) {
        return field.first == "strength" || field.first == "guess_mode" ||
               field.first == "low_threshold" || field.first == "high_threshold";
      });
      Recalled scratch;
      Findings ignored(scratch);
      controls.push_back(control_of(said[i], i, ignored));
    }
    if (!controls.empty()) controls.at(i).name = model.controls[*net].name;
  }
}

}  // namespace drypoint
