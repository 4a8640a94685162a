#include "annotate/networks.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "base/utf8.h"
#include "image/preprocess/pixels.h"

namespace drypoint {
namespace {

using HintMakerPtr = std::shared_ptr<const HintMaker>;

template <auto read>
HintMakerPtr one(WeightFiles files, NetworkFiles& networks) {
  return networks.open<read>(files[0]);
}

/// Edges as grey, or in few steps, so that the hint does not tell faint ones from none.
class SoftEdgeMaker : public HintMaker {
 public:
  SoftEdgeMaker(std::shared_ptr<const EdgeNetwork> network, bool is_safe)
      : network_(std::move(network)), is_safe_(is_safe) {}

  Image make(const Image& picture, const PreprocessOptions& /*numbers*/,
             const RunNetwork& run) const override {
    const ImageSize size{picture.width, picture.height};
    const auto edges = network_->edges(size, run(*network_, size, network_->inputs(picture)));
    Image hint = grey_like(picture);
    std::ranges::transform(edges, hint.pixels.begin(), [&](float edge) {
      return truncated((is_safe_ ? in_steps(edge) : edge) * 255);
    });
    return hint;
  }

 private:
  static float in_steps(float edge) {
    constexpr int steps = 2;
    return static_cast<float>(static_cast<int>(edge * (steps + 1))) / steps;
  }

  std::shared_ptr<const EdgeNetwork> network_;
  bool is_safe_;
};

template <auto read, bool is_safe>
HintMakerPtr soft_edges(WeightFiles files, NetworkFiles& networks) {
  return std::make_shared<SoftEdgeMaker>(networks.open<read>(files[0]), is_safe);
}

template <bool bodies, bool hands, bool faces>
HintMakerPtr openpose(WeightFiles files, NetworkFiles& networks) {
  return read_openpose_networks(files, {.bodies = bodies, .hands = hands, .faces = faces},
                                networks);
}

struct HintReader {
  std::string_view preprocessor;
  HintMakerPtr (*read)(WeightFiles files, NetworkFiles& networks);
};
constexpr HintReader readers[] = {{"mlsd", one<read_mlsd_network>},
                                  {"softedge_pidinet", soft_edges<read_pidinet_network, false>},
                                  {"softedge_pidisafe", soft_edges<read_pidinet_network, true>},
                                  {"depth_midas", one<read_midas_network>},
                                  {"depth_anything", one<read_depth_anything_network>},
                                  {"depth_anything_v2", one<read_depth_anything_v2_network>},
                                  {"lineart_realistic", one<read_lineart_network>},
                                  {"lineart_coarse", one<read_lineart_network>},
                                  {"lineart_anime", one<read_lineart_anime_network>},
                                  {"normal_bae", one<read_normal_bae_network>},
                                  {"openpose", openpose<true, false, false>},
                                  {"openpose_hand", openpose<true, true, false>},
                                  {"openpose_face", openpose<true, false, true>},
                                  {"openpose_faceonly", openpose<false, false, true>},
                                  {"openpose_full", openpose<true, true, true>},
                                  {"softedge_hed", soft_edges<read_hed_network, false>},
                                  {"softedge_hedsafe", soft_edges<read_hed_network, true>}};

}  // namespace

std::shared_ptr<const HintMaker> read_hint_maker(std::string_view preprocessor, WeightFiles files,
                                                 NetworkFiles& networks) {
  for (const HintReader& reader : readers)
    if (reader.preprocessor == preprocessor) return reader.read(files, networks);
  fail(ErrorKind::bad_argument, "preprocessor: \"{}\" is no network",
       printable(std::string(preprocessor)));
}

std::vector<float> scaled_pixels(const Image& image, float factor, float offset, bool blue_first) {
  const auto scaled = [=](uint8_t value) { return static_cast<float>(value) * factor + offset; };
  if (image.channels == 3 && !blue_first) {
    std::vector<float> values(image.pixels.size());
    std::ranges::transform(image.pixels, values.begin(), scaled);
    return values;
  }
  const auto channels = static_cast<size_t>(image.channels);
  const size_t red = blue_first && channels == 3 ? 2 : 0, green = channels == 3 ? 1 : 0;
  std::vector<float> values(3 * image.pixels.size() / channels);
  float* to = values.data();
  for (size_t p = 0; p < image.pixels.size(); p += channels, to += 3) {
    to[0] = scaled(image.pixels[p + red]);
    to[1] = scaled(image.pixels[p + green]);
    to[2] = scaled(image.pixels[p + 2 * green - red]);
  }
  return values;
}

std::vector<float> imagenet_pixels(std::vector<float> pixels) {
  constexpr float mean[] = {0.485f, 0.456f, 0.406f}, deviation[] = {0.229f, 0.224f, 0.225f};
  for (size_t i = 0; i < pixels.size(); i += 3)
    for (size_t c = 0; c < 3; ++c) pixels[i + c] = (pixels[i + c] - mean[c]) / deviation[c];
  return pixels;
}

float sigmoid(float value) { return 1 / (1 + std::exp(-value)); }

}  // namespace drypoint
