// How long another LoRA takes: of rank 64, for every matrix of the UNet's transformers and of the
// text encoder (as a LoCon for the UNet's convolutions too), put on a model that is ready to draw,
// changed for another, and taken away, which is to pack the same weights once more. Prints one JSON
// object, of the least of each.
#include <fmt/format.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/stopwatch.h"
#include "checkpoint/safetensors.h"
#include "diffusion/model/stages.h"
#include "diffusion/noise/random.h"
#include "models/complete.h"

using namespace drypoint;

namespace {

struct Options {
  std::string model = "random:sd15", device = "auto", precision = "auto";
  int64_t height = 512, width = 512, rank = 64;
  int threads = 0, repeats = 3;
  bool convolutions = false;
};

/// "model.diffusion_model.input_blocks.1.1.proj_in.weight" -> "lora_unet_input_blocks_1_1_proj_in";
/// empty for what usual LoRAs, or LoCons, leave alone.
std::string lora_module(const TensorSpec& spec, bool convolutions) {
  const std::string_view name = spec.name;
  if (spec.shape.size() != 2 && (spec.shape.size() != 4 || !convolutions)) return "";
  constexpr std::pair<std::string_view, std::string_view> parts[] = {
      {"model.diffusion_model.", "lora_unet_"}, {"cond_stage_model.transformer.", "lora_te_"}};
  constexpr std::string_view end = ".weight";
  for (const auto& [prefix, begin] : parts) {
    if (!name.starts_with(prefix) || !name.ends_with(end)) continue;
    std::string module(name.substr(prefix.size(), name.size() - prefix.size() - end.size()));
    if (spec.shape.size() == 2 && module.find("transformer_blocks.") == module.npos &&
        module.find("encoder.layers.") == module.npos)
      return "";
    std::ranges::replace(module, '.', '_');
    return std::string(begin) + module;
  }
  return "";
}

/// -> how many modules it is for
int write_lora(const std::filesystem::path& path, const ModelConfig& config, const Options& o,
               uint64_t seed) {
  std::map<std::string, Tensor, std::less<>> tensors;
  const auto generator = make_generator({}, seed);
  int modules = 0;
  for (const TensorSpec& spec : tensors_of(config)) {
    const std::string module = lora_module(spec, o.convolutions);
    if (module.empty()) continue;
    ++modules;
    Shape up(spec.shape.size(), 1), down = spec.shape;
    up[0] = spec.shape[0];
    up[1] = down[0] = o.rank;
    const std::pair<const char*, Shape> factors[] = {{".lora_up.weight", up},
                                                     {".lora_down.weight", down}};
    for (const auto& [factor, shape] : factors) {
      Tensor tensor({DType::f32, shape});
      generator->randn(tensor.mutable_floats());
      for (float& value : tensor.mutable_floats()) value *= 0.01f;
      tensors[module + factor] = std::move(tensor);
    }
  }
  write_safetensors(path, tensors);
  return modules;
}

/// Until the device has the weights of these adapters.
double seconds_to(Stages& model, std::vector<AdapterUse> uses) {
  std::vector<std::string> notices;
  Stopwatch watch;
  const AdapterSet adapters = model.model()->adapters().find(uses, notices);
  const auto use = model.use({}, adapters);
  model.begin();
  if (const auto event = model.backend().record_event(0)) event->wait();
  return watch.lap();
}

nlohmann::ordered_json measure(const Options& o, const std::filesystem::path& folder) {
  Stages model({.model = o.model},
               {.device = o.device, .threads = o.threads, .precision = o.precision});
  const std::string first = folder / "first.safetensors", second = folder / "second.safetensors";
  const int modules = write_lora(first, model.config(), o, 1);
  write_lora(second, model.config(), o, 2);
  Stopwatch watch;
  model.text_encoder({});
  model.denoiser({.height = o.height / 8, .width = o.width / 8, .controls = {}});
  const double ready = watch.lap();
  double put_on = 1e9, changed = 1e9, taken_away = 1e9;
  for (int i = 0; i < o.repeats; ++i) {
    put_on = std::min(put_on, seconds_to(model, {{first}}));
    changed = std::min(changed, seconds_to(model, {{second}}));
    taken_away = std::min(taken_away, seconds_to(model, {}));
  }
  return {
      {"device", model.backend().name()}, {"rank", o.rank},           {"modules", modules},
      {"ready_seconds", ready},           {"put_on_seconds", put_on}, {"changed_seconds", changed},
      {"taken_away_seconds", taken_away}};
}

}  // namespace

int main(int argc, char** argv) {
  Options o;
  CLI::App app("How long another LoRA takes");
  app.add_option("-m,--model", o.model, "Checkpoint [random:sd15]");
  app.add_option("--device", o.device, "As generate's [auto]");
  app.add_option("--precision", o.precision, "As generate's [auto]");
  app.add_option("--threads", o.threads, "As generate's");
  app.add_option("--height", o.height, "Of the picture [512]");
  app.add_option("--width", o.width, "[512]");
  app.add_option("--rank", o.rank, "[64]")->check(CLI::Range(1, 1024));
  app.add_flag("--convolutions", o.convolutions, "A LoCon");
  app.add_option("--repeats", o.repeats, "[3]")->check(CLI::Range(1, 1000));
  CLI11_PARSE(app, argc, argv);
  const auto folder =
      std::filesystem::temp_directory_path() / fmt::format("drypoint_lora_swap_{}", getpid());
  std::filesystem::create_directories(folder);
  int status = 0;
  try {
    fmt::print("{}\n", measure(o, folder).dump(2));
  } catch (const std::exception& error) {
    fmt::print(stderr, "lora_swap: {}\n", error.what());
    status = 1;
  }
  std::filesystem::remove_all(folder);
  return status;
}
