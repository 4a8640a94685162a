#include "models/srvgg.h"

namespace drypoint {

Graph build_srvgg(const SrvggConfig& config, int64_t height, int64_t width) {
  Graph graph;
  const Module m(graph), body = m / "body";
  const ValueId image =
      graph.add_input("image", {DType::f32, {1, height, width, 3}}, Rate::picture);
  int64_t number = 0;
  ValueId h = image;
  for (int64_t i = 0; i <= config.convolutions; ++i) {
    h = conv2d(body / number++, h, config.features);
    const Module rectifier = body / number++;
    h = rectifier.node(LeakyRelu{}, {h, rectifier.weight("weight", {config.features})});
  }
  h = conv2d(body / number, h, 3 * config.factor * config.factor);
  h = pixel_shuffle(m, h, config.factor);
  ValueId enlarged = image;
  for (int64_t factor = 1; factor < config.factor; factor *= 2)
    enlarged = upsample(m, enlarged, 2 * factor * height, 2 * factor * width);
  graph.outputs["enlarged"] = add(m, h, enlarged);
  return graph;
}

}  // namespace drypoint
