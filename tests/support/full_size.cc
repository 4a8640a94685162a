#include "support/full_size.h"

#include <map>

#include "models/clip.h"
#include "models/family.h"
#include "models/inception.h"
#include "models/vae.h"

namespace drypoint::testing {

Graph full_size_denoiser(const DenoiserShape& shape) { return build_denoiser(sd15(), shape); }

std::vector<Graph> full_size_graphs() {
  const ModelConfig config = sd15();
  return {build_denoiser(config, {.height = 32, .width = 48, .pixels = true}),
          build_clip(config.text, {}), build_vae_decoder(config.vae, 1, 32, 48, /*pixels=*/true),
          build_vae_encoder(config.vae, 1, 256, 384), build_inception(1)};
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
