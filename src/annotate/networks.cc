#include "annotate/networks.h"

#include <cmath>
#include <ranges>

#include "base/error.h"
#include "base/utf8.h"

namespace drypoint {
namespace {

template <std::unique_ptr<HintNetwork> (*read)(const std::filesystem::path&)>
std::unique_ptr<HintMaker> one(WeightFiles files) {
  return read(files[0]);
}

template <bool bodies, bool hands, bool faces>
std::unique_ptr<HintMaker> openpose(WeightFiles files) {
  return read_openpose_networks(files, {.bodies = bodies, .hands = hands, .faces = faces});
}

struct HintReader {
  std::string_view preprocessor;
  std::unique_ptr<HintMaker> (*read)(WeightFiles files);
};
constexpr HintReader readers[] = {{"mlsd", one<read_mlsd_network>},
                                  {"softedge_pidinet", one<read_pidinet_network>},
                                  {"softedge_pidisafe", one<read_pidinet_safe_network>},
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
                                  {"softedge_hed", one<read_hed_network>},
                                  {"softedge_hedsafe", one<read_hed_safe_network>}};

}  // namespace

std::unique_ptr<HintMaker> read_hint_maker(std::string_view preprocessor, WeightFiles files) {
  for (const HintReader& reader : readers)
    if (reader.preprocessor == preprocessor) return reader.read(files);
  fail(ErrorKind::bad_argument, "preprocessor: \"{}\" is no network",
       printable(std::string(preprocessor)));
}

std::vector<float> scaled_pixels(const Image& image, float factor, float offset, bool blue_first) {
  const auto scaled = [=](uint8_t value) { return static_cast<float>(value) * factor + offset; };
  if (image.channels == 3 && !blue_first) {
    const auto all = image.pixels | std::views::transform(scaled);
    return {all.begin(), all.end()};
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

float safe_step(float strength) {
  constexpr int steps = 2;
  return static_cast<float>(static_cast<int>(strength * (steps + 1))) / steps;
}

}  // namespace drypoint
