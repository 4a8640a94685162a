#include "models/taesd.h"

namespace drypoint {
namespace {

ValueId taesd_block(const Module& m, ValueId x, int64_t channels) {
  ValueId h = relu(m / "conv.1", conv2d(m / "conv.0", x, channels));
  h = relu(m / "conv.3", conv2d(m / "conv.2", h, channels));
  return relu(m / "fuse", add(m, conv2d(m / "conv.4", h, channels), x));
}

ValueId without_bias(const Module& m, ValueId x, int64_t channels, int64_t stride) {
  return conv2d(m, x, channels, 3, 3,
                Conv2d{.stride = stride, .top = 1, .left = 1, .bottom = 1, .right = 1},
                /*bias=*/false);
}

/// Modules are numbered through, as in the original's `nn.Sequential`.
class Sequence {
 public:
  explicit Sequence(const Module& m, int64_t first) : m_(m), next_(first) {}
  Module next() { return m_ / next_++; }

 private:
  const Module& m_;
  int64_t next_;
};

}  // namespace

Graph build_taesd_decoder(const VaeConfig& config, int64_t batch, int64_t height, int64_t width) {
  Graph graph;
  const Module vae(graph, "first_stage_model"), m = vae / "decoder";
  const int64_t channels = config.base_channels;
  Sequence modules(m, 1);  // after the clamping
  const ValueId latent = graph.add_input(
      "latent", {DType::f32, {batch, config.latent_channels, height, width}}, Rate::picture);
  ValueId h = conv2d(modules.next(), to_channels_last(vae, latent), channels);
  h = relu(modules.next(), h);
  for (size_t level = config.channels.size(); level-- > 0;) {
    for (int64_t i = 0; i < (level == 0 ? 1 : config.res_blocks); ++i)
      h = taesd_block(modules.next(), h, channels);
    if (level == 0) break;
    const Shape size = m.shape(h);
    h = upsample(modules.next(), h, size[1] * 2, size[2] * 2);
    h = without_bias(modules.next(), h, channels, 1);
  }
  graph.outputs["image"] = conv2d(modules.next(), h, config.image_channels);
  return graph;
}

Graph build_taesd_encoder(const VaeConfig& config, int64_t batch, int64_t height, int64_t width) {
  Graph graph;
  const Module vae(graph, "first_stage_model"), m = vae / "encoder";
  const int64_t channels = config.base_channels;
  Sequence modules(m, 0);
  const ValueId image = graph.add_input(
      "image", {DType::f32, {batch, height, width, config.image_channels}}, Rate::picture);
  ValueId h = conv2d(modules.next(), image, channels);
  for (size_t level = 0; level < config.channels.size(); ++level) {
    if (level > 0) h = without_bias(modules.next(), h, channels, 2);
    for (int64_t i = 0; i < (level == 0 ? 1 : config.res_blocks); ++i)
      h = taesd_block(modules.next(), h, channels);
  }
  graph.outputs["moments"] =
      to_channels_first(vae, conv2d(modules.next(), h, config.latent_channels));
  return graph;
}

}  // namespace drypoint
