#include "models/synth.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <cstring>

#include "base/error.h"
#include "base/threads.h"
#include "checkpoint/configurations.h"
#include "checkpoint/safetensors.h"
#include "models/complete.h"
#include "models/family.h"
#include "models/published.h"

namespace drypoint {
namespace {

struct Gain {
  std::string_view part_of_name;
  float gain;
};

// The root mean square that a product of unit-variance weights is multiplied with, of models for
// drawing; the first match counts. A normal variable x has E[silu(x)^2] = 0.36, so behind a norm
// and silu 1.68 keeps the variance at 1. The ends of residual branches are damped, so that sums
// grow slowly.
constexpr Gain gains[] = {
    {"input_hint_block.0.", 3.f},  // edges are sparse
    {"input_hint_block.", 1.5f},   // between 2 for small signals, which silu halves, and 1.41
    {"zero_convs.", 0.4f},
    {"middle_block_out.", 0.4f},
    {"time_embed.0.", 1.41f},  // sines and cosines: 0.71
    {"time_embed.2.", 1.68f},
    {"emb_layers.", 0.8f},
    {"in_layers.2.", 1.68f},
    {"out_layers.3.", 0.8f},
    {"attn1.to_out.", 0.5f},
    {"attn2.to_out.", 0.5f},
    {"ff.net.2.", 0.8f},
    {".proj_out.", 0.5f},
    {"diffusion_model.out.2.", 1.68f},
    {"post_quant_conv.", 0.18f},  // latents come divided by 0.18
    {"decoder.conv_out.", 0.8f},  // pictures lie between -1 and 1
    {"encoder.conv_in.", 2.f},
    {"encoder.conv_out.", 1.68f},
    {".conv1.", 1.68f},
    {".conv2.", 0.8f},
    {"self_attn.out_proj.", 0.5f},
    {"mlp.fc2.", 0.8f}};

// The mean and the standard deviation of a tensor's values.
struct Distribution {
  float mean = 0, deviation = 0;
};

/// What random weights are made for.
struct Arch {
  std::vector<TensorSpec> tensors;
  std::optional<float> gain;  // of all products; none: as `gains` has it
};

float gain_of(std::string_view name) {
  const auto found = std::ranges::find_if(
      gains, [&](const Gain& gain) { return name.find(gain.part_of_name) != name.npos; });
  return found == std::end(gains) ? 1 : found->gain;
}

Distribution distribution(const TensorSpec& spec, const std::optional<float>& gain) {
  const std::string_view name = spec.name;
  if (name.ends_with("token_embedding.weight")) return {0, 0.7f};
  if (name.ends_with("position_embedding.weight")) return {0, 0.3f};
  if (name.ends_with(".running_mean")) return {0, 0.2f};
  if (name.ends_with(".running_var") || name.ends_with(".bn.weight")) return {1, 0.2f};
  if (spec.shape.size() == 1 && name.ends_with(".weight")) return {1, 0};  // of a norm
  // A hint without edges is all zero, so its biases must carry it.
  if (name.ends_with(".bias"))
    return {0, name.find("input_hint_block.") != name.npos ? 0.3f : 0.02f};
  const int64_t fan_in = element_count(spec.shape) / spec.shape[0];
  return {0, gain.value_or(gain_of(name)) / std::sqrt(static_cast<float>(fan_in))};
}

// Sebastiano Vigna's splitmix64 (https://prng.di.unimi.it/splitmix64.c) at a position of its own.
uint64_t mix(uint64_t position) {
  uint64_t z = position * 0x9e3779b97f4a7c15;
  z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
  z = (z ^ z >> 27) * 0x94d049bb133111eb;
  return z ^ z >> 31;
}

// One stream per tensor, whatever the others are.
uint64_t stream_of(uint64_t seed, std::string_view name) {
  uint64_t hash = 0xcbf29ce484222325;  // FNV-1a
  for (const char c : name) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  return mix(mix(seed + 1) ^ hash);
}

// Values begin, begin + 1, ... of a stream: four uniform ones from each 64 random bits.
template <class Stored, class Convert>
void fill(std::span<std::byte> to, uint64_t stream, size_t begin, Distribution values,
          Convert convert) {
  const size_t count = to.size() / sizeof(Stored);
  const float scale = values.deviation * std::sqrt(3.f) / 32768.f;
  // Single operations in a fixed order round alike on every machine.
  for (size_t four = 0; four < count; four += 4) {
    const uint64_t bits = mix(stream + (begin + four) / 4);
    Stored stored[4];
    for (int i = 0; i < 4; ++i) {
      const auto step = static_cast<int>(bits >> 16 * i & 0xffff) - 32768;
      const float random = (static_cast<float>(step) + 0.5f) * scale;
      stored[i] = convert(values.mean + random);
    }
    std::memcpy(to.data() + four * sizeof(Stored), stored,
                std::min<size_t>(count - four, 4) * sizeof(Stored));
  }
}

void fill(DType dtype, std::span<std::byte> to, uint64_t stream, size_t begin,
          Distribution values) {
  constexpr size_t piece = 1 << 18;  // values; a multiple of 4
  const size_t size = size_of(dtype), bytes = piece * size;
  parallel_for((to.size() + bytes - 1) / bytes, usable_cores(), [&](size_t i) {
    const auto part = to.subspan(i * bytes, std::min(bytes, to.size() - i * bytes));
    const size_t first = begin + i * piece;
    if (dtype == DType::f16)
      fill<uint16_t>(part, stream, first, values, float_to_half);
    else if (dtype == DType::bf16)
      fill<uint16_t>(part, stream, first, values, float_to_bfloat);
    else
      fill<float>(part, stream, first, values, [](float value) { return value; });
  });
}

DType dtype_of(const std::string& text) {
  const auto dtype = dtype_named(text);
  if (dtype == DType::f16 || dtype == DType::bf16 || dtype == DType::f32) return *dtype;
  fail(ErrorKind::bad_argument, "dtype '{}' is unknown, expected f16, bf16 or f32", text);
}

const Family* family_named(const std::string& arch) {
  const auto found = std::ranges::find(families(), arch, &Family::name);
  return found == families().end() ? nullptr : &*found;
}

Arch arch_named(const std::string& arch) {
  if (const Family* family = family_named(arch)) return {tensors_of(family->config()), {}};
  for (const PublishedNetwork& network : published_networks())
    if (network.name == arch) return {network.tensors(), network.gain};
  fail(ErrorKind::bad_argument, "arch '{}' is unknown, expected {}", arch,
       fmt::join(synth_archs(), ", "));
}

/// With what no shape shows.
std::map<std::string, std::string> metadata(const SynthOptions& options) {
  std::map<std::string, std::string> all{
      {"format", "pt"},
      {"synthesized", fmt::format("arch {}, seed {}", options.arch, options.seed)}};
  const Family* family = family_named(options.arch);
  if (!family) return all;
  const ModelConfig config = family->config();
  if (config.text.activation != ActivationKind::quick_gelu)
    all[std::string(text_config)] =
        fmt::format(R"({{"hidden_act": "{}"}})", name(config.text.activation));
  if (config.unet.linear_projections)  // else it is known
    all["modelspec.prediction_type"] = name(config.prediction);
  return all;
}

void write_random(const std::filesystem::path& path, const SynthOptions& options,
                  const std::function<bool()>& stop) {
  const auto [specs, gain] = arch_named(options.arch);
  const DType dtype = dtype_of(options.dtype);

  std::vector<SafetensorsWriter::Entry> entries;
  for (const auto& spec : specs) entries.emplace_back(spec.name, TensorType{dtype, spec.shape});
  SafetensorsWriter writer(path, entries, metadata(options));
  constexpr size_t block = 4 << 20;  // values; a multiple of 4
  std::vector<std::byte> buffer(block * size_of(dtype));
  for (const auto& spec : specs) {
    const uint64_t stream = stream_of(options.seed, spec.name);
    const auto values = static_cast<size_t>(element_count(spec.shape));
    for (size_t begin = 0; begin < values; begin += block) {
      if (stop && stop()) fail(ErrorKind::cancelled, "cancelled");
      const auto part = std::span(buffer).first(std::min(block, values - begin) * size_of(dtype));
      fill(dtype, part, stream, begin, distribution(spec, gain));
      writer.append(part);
    }
  }
  writer.commit();
}

}  // namespace

std::vector<std::string> synth_archs() {
  std::vector<std::string> archs;
  for (const Family& family : families()) archs.emplace_back(family.name);
  for (const PublishedNetwork& network : published_networks()) archs.emplace_back(network.name);
  return archs;
}

NamedTensors synthesized(const SynthOptions& options) {
  const auto [specs, gain] = arch_named(options.arch);
  const DType dtype = dtype_of(options.dtype);
  NamedTensors result;
  for (const auto& spec : specs) {
    Tensor tensor({dtype, spec.shape});
    fill(dtype, tensor.mutable_bytes(), stream_of(options.seed, spec.name), 0,
         distribution(spec, gain));
    result.tensors.emplace(spec.name, std::move(tensor));
  }
  for (const auto& [key, value] : metadata(options)) result.metadata.emplace(key, value);
  return result;
}

void synthesize(const std::filesystem::path& path, const SynthOptions& options,
                const std::function<bool()>& stop) {
  at_border(path.string(), stop, [&](const auto& own) { write_random(path, options, own); });
}

}  // namespace drypoint
