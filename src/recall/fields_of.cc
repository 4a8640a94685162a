#include "recall/fields_of.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/utf8.h"
#include "drypoint/fields.h"
#include "recall/controls_of.h"
#include "recall/findings.h"
#include "recall/keys.h"
#include "recall/painting_of.h"

namespace drypoint {
namespace {

/// Samplers whose name alone tells their levels in every version of the web UI.
constexpr std::array<std::string_view, 5> of_their_own{"DDIM", "PLMS", "UniPC", "LCM", "Restart"};

class Finder {
 public:
  explicit Finder(Recalled& recalled) : found_(recalled), text_(recalled.parameters) {}

  void run() {
    set("prompt", text_.prompt, "");
    set("added_prompt", "", "");
    set("negative_prompt", text_.negative_prompt, "");
    set("steps", fmt::to_string(text_.steps), "Steps");
    set("guidance_scale", fmt::to_string(text_.cfg_scale), "CFG scale");
    set("seed", fmt::to_string(text_.seed), "Seed");
    const std::string* resolution = found_.other("Resolution");
    if (resolution) set("resolution", *resolution, "Resolution");
    if (text_.width > 0 && !resolution)
      set("size", fmt::format("{}x{}", text_.height, text_.width), "Size");
    else
      set("size", "auto", "");  // by the picture
    if (!found_.is_own()) {
      set("compat", found_.is_web_ui() ? "a1111" : "comfy", "");
      set("parser", "a1111", "");
    }
    set_sampler();
    if (text_.eta != 0) set("eta", fmt::to_string(text_.eta), "Eta DDIM");
    set_rng();
    find_controls(found_);
    find_painting(found_);
    for (const auto& [key, value] : text_.others) set_other(key, value);
  }

 private:
  void set(const std::string& field, const std::string& value, const std::string& key) {
    found_.set(field, value, key);
  }

  /// Before the web UI had "Schedule type", a sampler's name told its schedule, or else it was the
  /// uniform one. We leave out a sampler's own.
  void set_sampler() {
    set("sampler", text_.sampler, "Sampler");
    set("schedule", "automatic", "");
    if (!text_.schedule_type.empty()) return set("schedule", text_.schedule_type, "Schedule type");
    if (!found_.is_web_ui()) return;
    const bool tells = std::ranges::find(of_their_own, text_.sampler) != of_their_own.end();
    for (const char* schedule : {"Karras", "Exponential", "SGMUniform"})
      if (text_.sampler.ends_with(schedule)) return;
    if (!tells) set("schedule", "uniform", "");
  }

  void set_rng() {
    const std::string* grid = found_.other("RNG grid");
    if (text_.rng == "CPU" || text_.rng == "NV")
      set("rng", text_.rng == "CPU" ? "cpu" : "nv", "RNG");
    else if (text_.rng.empty() || text_.rng == "GPU")
      set("rng", grid ? "cuda:" + *grid : "cuda", "RNG");
    else
      found_.miss("rng", fmt::format("RNG: {}, expected CPU, GPU or NV", text_.rng));
  }

  void set_other(const std::string& key, const std::string& value) {
    const bool own_noise = found_.other("Noise") != nullptr;
    if (key == "Eta") return set("eta", value, key);
    if (key == "Schedule") return set("schedule", value, key);
    if (key == "RNG grid" || key == "Resolution" || is_painting_key(key)) return;
    if (key == "Loras") return set("lora", value, key);
    if (key == "Variation seed") return set("subseed", value, key);
    if (key == "Variation seed strength") return set("subseed_strength", value, key);
    if (key == "Seed resize from") return set_seed_resize(value);
    if (key == "Batch size" && !found_.is_web_ui() && !own_noise) {
      set("samples", value, key);
      if (const std::string* number = found_.other("Batch pos"))
        found_.note(fmt::format(
            "the noise of {} pictures was one draw: all are drawn, of which it is number {}", value,
            *number));
      return;
    }
    if (key == "VAE" && !is_off(value))
      found_.note(fmt::format("VAE: {}: the picture was drawn with this one", value));
    for (const auto& field : request_fields())
      if (field.text_key == key) return set(field.name, value, key);
    if (kind_of_key(key) == KeyKind::without_effect || is_off(value)) return;
    found_.miss("", fmt::format("{}: {}: {}", key, value, reason_of_key(key)));
  }

  /// "512x768": width x height there.
  void set_seed_resize(const std::string& value) {
    const size_t x = value.find('x');
    set("seed_resize", x == value.npos ? value : value.substr(x + 1) + "x" + value.substr(0, x),
        "Seed resize from");
  }

  Findings found_;
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
