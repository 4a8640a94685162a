#include "recall/comfy.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <set>

#include "base/error.h"
#include "base/json.h"
#include "base/utf8.h"

namespace drypoint {
namespace {

using nlohmann::json;

constexpr int most_links = 1000;

/// "models/a.safetensors" -> "a"
std::string stem_of(const std::string& path) {
  const size_t folder = path.find_last_of("/\\");
  const std::string name = folder == path.npos ? path : path.substr(folder + 1);
  const size_t point = name.rfind('.');
  return point == name.npos || point == 0 ? name : name.substr(0, point);
}

/// Nodes by their number: {"3": {"class_type": "KSampler", "inputs": {"steps": 20, "model": ["4",
/// 0]}}}. A list as an input is a link to a node's output.
class Graph {
 public:
  Graph(std::string_view text, std::string_view name) : nodes_(parse_json(text)), name_(name) {
    if (!nodes_.is_object()) broken("is no JSON object of nodes");
  }

  [[noreturn]] void broken(const std::string& how) const {
    fail(ErrorKind::bad_file, "{}: its ComfyUI graph {}", name_, how);
  }

  struct Link {
    std::string node;
    int64_t output = 0;
    bool operator==(const Link&) const = default;
  };

  std::vector<std::string> of_class(std::string_view wanted) const {
    std::vector<std::string> found;
    for (const auto& [id, _] : nodes_.items())
      if (class_of(id) == wanted) found.push_back(id);
    return found;
  }
  std::string class_of(const std::string& id) const {
    const auto node = nodes_.find(id);
    if (node == nodes_.end()) broken(fmt::format("has no node \"{}\"", printable(id)));
    if (!node->is_object() || !node->contains("class_type") || !(*node)["class_type"].is_string())
      broken(fmt::format("has a node \"{}\" without a class", printable(id)));
    return (*node)["class_type"];
  }
  /// Null where there is none.
  json input(const std::string& id, const char* key) const {
    class_of(id);
    const json& node = nodes_[id];
    const auto inputs = node.find("inputs");
    if (inputs == node.end() || !inputs->is_object()) return {};
    return inputs->value(key, json());
  }
  static std::optional<Link> as_link(const json& value) {
    if (!value.is_array() || value.size() != 2 || !value[0].is_string() ||
        !value[1].is_number_integer())
      return std::nullopt;
    return Link{value[0], value[1]};
  }
  std::optional<Link> link(const std::string& id, const char* key) const {
    return as_link(input(id, key));
  }
  /// A number or text of an input, or of the primitive node that it is linked to.
  json value(const std::string& id, const char* key) const {
    const json found = input(id, key);
    const auto from = as_link(found);
    if (!from) return found;
    if (class_of(from->node).starts_with("Primitive")) return input(from->node, "value");
    return {};
  }
  /// The same, and of any other node the link itself.
  json shown_value(const std::string& id, const char* key) const {
    const json found = value(id, key);
    return found.is_null() ? input(id, key) : found;
  }

 private:
  json nodes_;
  std::string name_;
};

class GraphReader {
 public:
  GraphReader(std::string_view text, std::string_view name) : graph_(text, name) {
    recalled_.source = Recalled::Source::comfy;
    text_.version = "ComfyUI";
    text_.rng = "CPU";
  }

  Recalled read() {
    const auto [sampler, second] = find_samplers();
    text_.seed = number<uint64_t>(sampler, "seed", 0);
    text_.steps = number<int>(sampler, "steps", 20);
    text_.cfg_scale = number<double>(sampler, "cfg", 8);
    text_.sampler = word(sampler, "sampler_name");
    text_.schedule_type = word(sampler, "scheduler");
    read_model(graph_.link(sampler, "model"));
    const auto positive = graph_.link(sampler, "positive"),
               negative = graph_.link(sampler, "negative");
    text_.prompt = read_conditioning(positive, true);
    text_.negative_prompt = read_conditioning(negative, false);
    expect_controls_on_both();
    read_prompts();
    read_latent(sampler);
    if (!second.empty()) read_second(sampler, second);
    read_vae(second.empty() ? sampler : second);
    recalled_.parameters = std::move(text_);
    return std::move(recalled_);
  }

 private:
  struct Samplers {
    std::string first, second;  // second: of a second pass, or empty
  };
  /// The node that a sampler's latent comes from, or empty.
  std::string source_of(const std::string& sampler) const {
    const auto from = graph_.link(sampler, "latent_image");
    return from ? from->node : "";
  }
  bool enlarges(const std::string& id) const {
    return !id.empty() && graph_.class_of(id).starts_with("LatentUpscale");
  }
  /// Whether what it begins with is what the other made, enlarged.
  bool goes_on_from(const std::string& sampler, const std::string& other) const {
    const std::string enlarger = source_of(sampler);
    if (!enlarges(enlarger)) return false;
    const auto samples = graph_.link(enlarger, "samples");
    return samples && samples->node == other;
  }
  Samplers find_samplers() const {
    const auto all = graph_.of_class("KSampler");
    if (all.size() == 1) return {all[0], ""};
    if (all.size() == 2 && goes_on_from(all[1], all[0])) return {all[0], all[1]};
    if (all.size() == 2 && goes_on_from(all[0], all[1])) return {all[1], all[0]};
    fail(ErrorKind::unsupported,
         "{} nodes KSampler, expected one, or two with a LatentUpscale between them", all.size());
  }

  void miss(const std::string& field, const std::string& what) {
    recalled_.missing.push_back({field, printable(what)});
  }
  void miss_node(const std::string& id, std::string_view place) {
    miss("", fmt::format("node {} ({}): {}", id, place, graph_.class_of(id)));
  }

  template <class Number>
  Number number(const std::string& id, const char* key, Number otherwise) {
    const json value = graph_.value(id, key);
    if (value.is_number()) {
      if constexpr (std::is_integral_v<Number>) {
        if (value.is_number_integer() &&
            (value.is_number_unsigned() || value.get<int64_t>() >= 0) &&
            value.get<uint64_t>() <= std::numeric_limits<Number>::max())
          return value.get<Number>();
      } else {
        return value.get<Number>();
      }
    }
    miss("", fmt::format("node {}: {}: {}, expected a number", id, key, shown(value)));
    return otherwise;
  }
  std::string word(const std::string& id, const char* key) {
    const json value = graph_.value(id, key);
    if (value.is_string()) return value;
    miss("", fmt::format("node {}: {}: {}, expected a text", id, key, shown(value)));
    return "";
  }
  static std::string shown(const json& value) {
    return value.dump(-1, ' ', false, json::error_handler_t::replace);
  }

  /// From the sampler back to the checkpoint.
  void read_model(std::optional<Graph::Link> at) {
    for (int links = 0; at && links < most_links; ++links) {
      const std::string& id = at->node;
      const std::string kind = graph_.class_of(id);
      if (kind == "CheckpointLoaderSimple") {
        checkpoint_ = id;
        text_.model = stem_of(word(id, "ckpt_name"));
        return;
      }
      if (kind == "LoraLoader" || kind == "LoraLoaderModelOnly")
        read_lora(id, kind == "LoraLoader");
      else
        miss_node(id, "between checkpoint and sampler");
      at = graph_.link(id, "model");
    }
    miss("", "the checkpoint's node: expected CheckpointLoaderSimple");
  }

  /// As the web UI's prompts call it: <lora:name:text encoder:UNet>.
  void read_lora(const std::string& id, bool with_text) {
    const double model = number<double>(id, "strength_model", 1),
                 clip = with_text ? number<double>(id, "strength_clip", 1) : 0;
    loras_ += fmt::format(" <lora:{}:{}:{}>", stem_of(word(id, "lora_name")), clip, model);
  }

  /// Through ControlNets to the text.
  std::string read_conditioning(std::optional<Graph::Link> at, bool positive) {
    for (int links = 0; at && links < most_links; ++links) {
      const std::string id = at->node, kind = graph_.class_of(id);
      if (kind == "CLIPTextEncode") {
        read_clip(graph_.link(id, "clip"));
        return word(id, "text");
      }
      if (kind == "ControlNetApply" || kind == "ControlNetApplyAdvanced") {
        const bool advanced = kind == "ControlNetApplyAdvanced";
        if (advanced && at->output != (positive ? 0 : 1))
          miss_node(id, "the other prompt's output");
        (positive ? positive_controls_ : negative_controls_).push_back(id);
        if (positive) read_control(id, advanced);
        at = graph_.link(id, !advanced ? "conditioning" : positive ? "positive" : "negative");
        continue;
      }
      miss_node(id, "between prompt and sampler");
      at = graph_.link(id, "conditioning");
    }
    miss("", "a prompt's node: expected CLIPTextEncode");
    return "";
  }

  /// The older node steers both prompts by itself.
  void expect_controls_on_both() {
    std::erase_if(positive_controls_, [&](const std::string& id) {
      return graph_.class_of(id) == "ControlNetApply" &&
             std::ranges::find(negative_controls_, id) == negative_controls_.end();
    });
    if (positive_controls_ != negative_controls_)
      miss("", "the ControlNets of both prompts differ, expected the same for both");
  }

  void read_clip(std::optional<Graph::Link> at) {
    for (int links = 0; at && links < most_links; ++links) {
      const std::string id = at->node, kind = graph_.class_of(id);
      if (kind == "CheckpointLoaderSimple") return;
      if (kind == "CLIPSetLastLayer") {
        const json layer = graph_.value(id, "stop_at_clip_layer");
        if (layer.is_number_integer()) clip_skip_ = -layer.get<int64_t>();
      } else if (kind != "LoraLoader") {
        miss_node(id, "between checkpoint and prompt");
      }
      at = graph_.link(id, "clip");
    }
    miss("", "the text encoder's node: expected CheckpointLoaderSimple");
  }

  void read_control(const std::string& id, bool advanced) {
    ControlParameters control;
    control.weight = number<double>(id, "strength", 1);
    if (advanced) {
      control.guidance_start = number<double>(id, "start_percent", 0);
      control.guidance_end = number<double>(id, "end_percent", 1);
    }
    if (const auto net = graph_.link(id, "control_net");
        net && graph_.class_of(net->node) == "ControlNetLoader")
      control.model = stem_of(word(net->node, "control_net_name"));
    else if (net)
      miss_node(net->node, "the ControlNet's");
    control.module = "none";
    if (const auto image = graph_.link(id, "image")) read_hint(image->node, control);
    text_.controls.insert(text_.controls.begin(), control);  // the sampler's end has the last one
  }

  void read_hint(const std::string& id, ControlParameters& control) {
    const std::string kind = graph_.class_of(id);
    if (kind == "LoadImage") return;
    if (kind == "CannyEdgePreprocessor") {
      control.module = "canny";
      control.threshold_a = number<double>(id, "low_threshold", 100);
      control.threshold_b = number<double>(id, "high_threshold", 200);
      control.processor_resolution = number<int>(id, "resolution", 512);
      return;
    }
    control.module = kind;  // said in a notice: the hint must be given
  }

  /// ComfyUI weighs words in its own way: between a prompt's result and that of an empty one.
  void read_prompts() {
    bool squares = false;
    for (std::string* prompt : {&text_.prompt, &text_.negative_prompt}) {
      for (size_t i = 0; i < prompt->size(); ++i) {
        if ((*prompt)[i] == '\\')
          ++i;
        else if ((*prompt)[i] == '(' || (*prompt)[i] == ')')
          return miss(prompt == &text_.prompt ? "prompt" : "negative_prompt",
                      "brackets in the prompt: ComfyUI's weights are not here");
        else
          squares |= (*prompt)[i] == '[' || (*prompt)[i] == ']';
      }
      constexpr std::string_view embedding = "embedding:";
      for (size_t at; (at = prompt->find(embedding)) != prompt->npos;)
        prompt->erase(at, embedding.size());
    }
    if (squares && loras_.empty()) other("Parser", "plain");
    if (squares && !loras_.empty())
      miss("prompt", "square brackets in the prompt beside a LoRA: they are text in ComfyUI");
    text_.prompt += loras_;
    other("Comma backtrack", "0");
    if (clip_skip_ != 1) other("Clip skip", fmt::to_string(clip_skip_));
  }
  void other(const char* key, const std::string& value) { text_.others.emplace_back(key, value); }

  /// What the first sampler begins with: nothing, or a picture.
  void read_latent(const std::string& sampler) {
    const double denoise = number<double>(sampler, "denoise", 1);
    const std::string source = source_of(sampler);
    const std::string kind = source.empty() ? "" : graph_.class_of(source);
    if (kind == "EmptyLatentImage") {
      text_.width = number<int>(source, "width", 512);
      text_.height = number<int>(source, "height", 512);
      const int count = number<int>(source, "batch_size", 1);
      if (count != 1) other("Batch size", fmt::to_string(count));
      if (denoise != 1)
        miss("", fmt::format("KSampler: denoise: {}, expected 1 with an empty latent", denoise));
    } else if (kind == "VAEEncode") {
      other("Denoising strength", fmt::to_string(denoise));
      read_size_of_picture(source);
    } else if (!source.empty()) {
      miss_node(source, "what is drawn from");
    }
  }
  /// What is drawn has the size of the picture, which a graph tells where it is scaled.
  void read_size_of_picture(const std::string& encoder) {
    const auto pixels = graph_.link(encoder, "pixels");
    const std::string kind = pixels ? graph_.class_of(pixels->node) : "";
    text_.width = text_.height = 0;
    if (kind == "ImageScale") {
      text_.width = number<int>(pixels->node, "width", 512);
      text_.height = number<int>(pixels->node, "height", 512);
    } else if (kind != "LoadImage") {
      miss_node(pixels ? pixels->node : encoder, "what is drawn from");
    }
  }

  /// A second pass: all but its steps and its latent is the first one's.
  void read_second(const std::string& first, const std::string& second) {
    const std::string enlarger = source_of(second);
    if (graph_.class_of(enlarger) == "LatentUpscaleBy") {
      other("Hires upscale", fmt::to_string(number<double>(enlarger, "scale_by", 2)));
    } else {
      other("Hires resize", fmt::format("{}x{}", number<int>(enlarger, "width", 1024),
                                        number<int>(enlarger, "height", 1024)));
      if (const std::string crop = word(enlarger, "crop"); crop != "disabled")
        miss("", fmt::format("LatentUpscale: crop: {}, expected disabled", crop));
    }
    const std::string method = word(enlarger, "upscale_method");
    other("Hires upscaler", method == "nearest-exact" ? "Latent (nearest-exact)"
                            : method == "bilinear"    ? "Latent"
                            : method == "bicubic"     ? "Latent (bicubic)"
                                                      : method);
    other("Hires steps", fmt::to_string(number<int>(second, "steps", 20)));
    other("Denoising strength", fmt::to_string(number<double>(second, "denoise", 1)));
    for (const char* key :
         {"seed", "cfg", "sampler_name", "scheduler", "model", "positive", "negative"}) {
      const json one = graph_.shown_value(first, key), two = graph_.shown_value(second, key);
      if (one != two)
        miss("", fmt::format("KSampler: {}: {} in the second pass, which has the first one's "
                             "here, {}",
                             key, shown(two), shown(one)));
    }
  }

  /// The decoder that reads what the sampler gives.
  void read_vae(const std::string& sampler) {
    for (const char* kind : {"VAEDecode", "VAEDecodeTiled"})
      for (const std::string& id : graph_.of_class(kind)) {
        const auto samples = graph_.link(id, "samples"), vae = graph_.link(id, "vae");
        if (!samples || samples->node != sampler || !vae || vae->node == checkpoint_) continue;
        if (graph_.class_of(vae->node) == "VAELoader")
          other("VAE", word(vae->node, "vae_name"));
        else
          miss_node(vae->node, "the VAE's");
      }
  }

  Graph graph_;
  Recalled recalled_;
  Parameters text_;
  std::string checkpoint_, loras_;
  int64_t clip_skip_ = 1;
  std::vector<std::string> positive_controls_, negative_controls_;
};

}  // namespace

Recalled read_comfy_graph(std::string_view graph, std::string_view name) {
  try {
    return GraphReader(graph, name).read();
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::unsupported) throw;
    fail(error.kind(), "{}: its ComfyUI graph has {}", name, error.what());
  }
}

}  // namespace drypoint
