#include "support/full_size.h"

#include <map>

#include "checkpoint/inception.h"
#include "models/clip.h"
#include "models/denoiser.h"
#include "models/inception.h"
#include "models/vae.h"

namespace drypoint::testing {
namespace {

template <class Sizes>
WeightTypes weights_of(const Sizes& sizes) {
  WeightTypes weights;
  for (const TensorSpec& spec : tensors_of(sizes)) weights[spec.name] = {DType::f32, spec.shape};
  return weights;
}

/// As `read_inception` leaves them.
WeightTypes inception_weights() {
  constexpr std::string_view filter = ".conv.weight";
  WeightTypes weights;
  for (const TensorSpec& spec : inception_tensors()) {
    if (!spec.name.ends_with(filter)) continue;
    const std::string name = spec.name.substr(0, spec.name.size() - filter.size());
    weights[name + ".weight"] = {DType::f32, spec.shape};
    weights[name + ".bias"] = {DType::f32, {spec.shape[0]}};
  }
  return weights;
}

}  // namespace

FullSizes full_sizes() {
  FullSizes sizes;
  sizes.unet = {.in_channels = 4,
                .out_channels = 4,
                .model_channels = 320,
                .channels = {320, 640, 1280, 1280},
                .attention = {true, true, true, false},
                .res_blocks = 2,
                .transformer_depth = 1,
                .context_width = 768,
                .time_width = 1280,
                .heads = 8,
                .groups = 32};
  sizes.control = {sizes.unet, {3, 16, 16, 32, 32, 96, 96, 256, 320}};
  sizes.control.trunk.out_channels = 0;
  sizes.vae = {.picture_channels = 3,
               .latent_channels = 4,
               .moments = 8,
               .base_channels = 128,
               .channels = {128, 256, 512, 512},
               .res_blocks = 2,
               .groups = 32};
  sizes.text = {.vocabulary = 49408,
                .positions = 77,
                .width = 768,
                .layers = 12,
                .heads = 12,
                .mlp_width = 3072};
  return sizes;
}

std::vector<Graph> full_size_graphs() {
  const FullSizes sizes = full_sizes();
  WeightTypes denoiser = weights_of(sizes.unet);
  denoiser.merge(weights_of(sizes.control));
  return {build_denoiser(denoiser, {}, {.height = 32, .width = 48}),
          build_clip(weights_of(sizes.text), {}, 2, 77),
          build_vae_decoder(weights_of(sizes.vae), 1, 32, 48),
          build_vae_encoder(weights_of(sizes.vae), 1, 256, 384),
          build_inception(inception_weights(), 1)};
}

std::vector<Case> distinct_cases(const std::vector<Graph>& graphs) {
  std::vector<Case> cases;
  std::map<std::string, size_t> seen;
  for (const Graph& graph : graphs)
    for (const Node& node : graph.nodes) {
      Case found{node.op, graph.input_types(node), 0};
      std::string key = to_string(found.op);
      for (const TensorType& type : found.inputs) key += to_string(type);
      const auto [place, is_new] = seen.emplace(key, cases.size());
      if (is_new) cases.push_back(std::move(found));
      ++cases[place->second].count;
    }
  return cases;
}

}  // namespace drypoint::testing
