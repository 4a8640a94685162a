#include "recall/fields_of.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/error.h"
#include "base/utf8.h"
#include "drypoint/fields.h"
#include "recall/keys.h"

namespace drypoint {
namespace {

/// Samplers whose name alone tells their levels in every version of the web UI.
constexpr std::array<std::string_view, 5> of_their_own{"DDIM", "PLMS", "UniPC", "LCM", "Restart"};

/// The keys that settings without effect have when they are off.
bool is_off(std::string_view value) {
  constexpr std::string_view words[] = {"",     "0",    "0.0",  "1.0",     "False",
                                        "None", "none", "Full", "Disable", "Automatic"};
  return std::ranges::find(words, value) != std::end(words);
}

/// "control_v11p_sd15_canny [d14c016b]" without its hash.
std::string_view without_hash(std::string_view model) {
  const size_t bracket = model.rfind(" [");
  return model.ends_with(']') && bracket != model.npos ? model.substr(0, bracket) : model;
}

class Finder {
 public:
  explicit Finder(Recalled& recalled) : recalled_(recalled), text_(recalled.parameters) {}

  void run() {
    const bool own = recalled_.source == Recalled::Source::drypoint;
    set("prompt", text_.prompt, "");
    set("added_prompt", "", "");
    set("negative_prompt", text_.negative_prompt, "");
    set("steps", fmt::to_string(text_.steps), "Steps");
    set("guidance_scale", fmt::to_string(text_.cfg_scale), "CFG scale");
    set("seed", fmt::to_string(text_.seed), "Seed");
    set("size", fmt::format("{}x{}", text_.height, text_.width), "Size");
    if (!own) {
      set("compat", recalled_.source == Recalled::Source::comfy ? "comfy" : "a1111", "");
      set("parser", "a1111", "");
    }
    set_sampler();
    if (text_.eta != 0) set("eta", fmt::to_string(text_.eta), "Eta DDIM");
    set_rng();
    set_controls();
    for (const auto& [key, value] : text_.others) set_other(key, value);
  }

 private:
  /// Of the first ControlNet with a setting under this key; the text's own name of it is for
  /// messages.
  void set(const std::string& name, const std::string& value, const std::string& key) {
    const Field<Request>& field = *find_field(request_fields(), name);
    try {
      Request scratch;
      field.set(scratch, value);
      field.check(scratch);
      recalled_.fields.emplace_back(name, value);
    } catch (const Error& error) {
      miss(name, key.empty() ? error.what() : fmt::format("{}: {}", key, error.what()));
    }
  }
  void miss(const std::string& field, const std::string& what) {
    recalled_.missing.push_back({field, printable(what)});
  }
  const std::string* other(std::string_view key) const {
    for (const auto& [name, value] : text_.others)
      if (name == key) return &value;
    return nullptr;
  }

  /// Before the web UI had "Schedule type", a sampler's name told its schedule, or else it was the
  /// uniform one. We leave out a sampler's own.
  void set_sampler() {
    set("sampler", text_.sampler, "Sampler");
    set("schedule", "automatic", "");
    if (!text_.schedule_type.empty()) return set("schedule", text_.schedule_type, "Schedule type");
    if (recalled_.source != Recalled::Source::a1111) return;
    const bool tells = std::ranges::find(of_their_own, text_.sampler) != of_their_own.end();
    for (const char* schedule : {"Karras", "Exponential", "SGMUniform"})
      if (text_.sampler.ends_with(schedule)) return;
    if (!tells) set("schedule", "uniform", "");
  }

  void set_rng() {
    const std::string* grid = other("RNG grid");
    if (text_.rng == "CPU" || text_.rng == "NV")
      set("rng", text_.rng == "CPU" ? "cpu" : "nv", "RNG");
    else if (text_.rng.empty() || text_.rng == "GPU")
      set("rng", grid ? "cuda:" + *grid : "cuda", "RNG");
    else
      miss("rng", fmt::format("RNG: {}, expected CPU, GPU or NV", text_.rng));
  }

  void set_controls() {
    if (text_.controls.empty()) return;
    const ControlParameters& control = text_.controls[0];
    for (size_t i = 1; i < text_.controls.size(); ++i)
      miss("", fmt::format("ControlNet {}: {}: expected one ControlNet in a text", i,
                           without_hash(text_.controls[i].model)));
    set("strength", fmt::to_string(control.weight), "ControlNet 0: Weight");
    if (control.guidance_start != 0 || control.guidance_end != 1)
      miss("",
           fmt::format("ControlNet 0: Guidance Start: {}, Guidance End: {}: expected 0 and 1 in a "
                       "text",
                       control.guidance_start, control.guidance_end));
    const bool guess = control.control_mode == "ControlNet is more important";
    if (guess) set("guess_mode", "true", "");
    if (!guess && control.control_mode != "Balanced")
      miss("guess_mode", fmt::format("ControlNet 0: Control Mode: {}, expected Balanced or "
                                     "ControlNet is more important",
                                     control.control_mode));
    if (control.module == "canny") {
      if (control.threshold_a >= 0)  // -1: the extension's own, which are ours
        set("low_threshold", fmt::to_string(control.threshold_a), "ControlNet 0: Threshold A");
      if (control.threshold_b >= 0)
        set("high_threshold", fmt::to_string(control.threshold_b), "ControlNet 0: Threshold B");
      set_resolution(control);
    } else if (control.module != "none" && control.module != "None") {
      recalled_.notices.push_back(
          fmt::format("ControlNet 0: its hint was made by \"{}\": give the ready one as edges",
                      printable(control.module)));
    }
  }

  void set_resolution(const ControlParameters& control) {
    const bool own = recalled_.source == Recalled::Source::drypoint;
    if (own && control.resize_mode == "Just Resize") {  // by the shorter side
      set("resolution", fmt::to_string(control.processor_resolution),
          "ControlNet 0: Processor Res");
      set("size", "auto", "");
    } else if (!own && !control.pixel_perfect &&
               control.processor_resolution != std::min(text_.width, text_.height)) {
      recalled_.notices.push_back(fmt::format(
          "ControlNet 0: its edges were found at {} pixels, here at those that are drawn",
          control.processor_resolution));
    }
  }

  void set_other(const std::string& key, const std::string& value) {
    const bool own_noise = other("Noise") != nullptr;
    if (key == "Eta") return set("eta", value, key);
    if (key == "Schedule") return set("schedule", value, key);
    if (key == "RNG grid") return;
    if (key == "Variation seed") return set("subseed", value, key);
    if (key == "Variation seed strength") return set("subseed_strength", value, key);
    if (key == "Seed resize from") return set_seed_resize(value);
    if (key == "Batch size" && recalled_.source != Recalled::Source::a1111 && !own_noise) {
      set("samples", value, key);
      if (const std::string* number = other("Batch pos"))
        recalled_.notices.push_back(fmt::format(
            "the noise of {} pictures was one draw: all are drawn, of which it is number {}",
            printable(value), printable(*number)));
      return;
    }
    if (key == "VAE" && !is_off(value))
      recalled_.notices.push_back(
          fmt::format("VAE: {}: the picture was drawn with this one", printable(value)));
    for (const auto& field : request_fields())
      if (field.text_key == key) return set(field.name, value, key);
    if (kind_of_key(key) == KeyKind::without_effect || is_off(value)) return;
    miss("", fmt::format("{}: {}: {}", key, value, reason_of_key(key)));
  }

  /// "512x768": width x height there.
  void set_seed_resize(const std::string& value) {
    const size_t x = value.find('x');
    set("seed_resize", x == value.npos ? value : value.substr(x + 1) + "x" + value.substr(0, x),
        "Seed resize from");
  }

  Recalled& recalled_;
  const Parameters& text_;
};

}  // namespace

void find_fields(Recalled& recalled) { Finder(recalled).run(); }

std::string other_model_notice(const Parameters& text, std::string_view model,
                               std::string_view hash) {
  const std::string& wanted = text.model_hash;
  const bool hashes_tell = wanted.size() == 10 && !hash.empty();
  const bool is_other = hashes_tell ? wanted != hash : !text.model.empty() && text.model != model;
  if (!is_other) return {};
  const auto called = [](std::string_view name, std::string_view of) {
    return of.empty() ? std::string(name) : fmt::format("{} [{}]", name, of);
  };
  return fmt::format("model: the picture was drawn with {}, this is {}",
                     printable(called(text.model, wanted)), printable(called(model, hash)));
}

}  // namespace drypoint
