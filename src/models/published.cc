#include "models/published.h"

#include "models/depth_anything.h"
#include "models/hed.h"
#include "models/inception_weights.h"
#include "models/lineart.h"
#include "models/lineart_anime.h"
#include "models/midas.h"
#include "models/mlsd.h"
#include "models/normal_bae.h"
#include "models/openpose.h"
#include "models/pidinet.h"
#include "models/pose_machine.h"
#include "models/upscaler.h"

namespace drypoint {
namespace {

HedConfig published_hed() { return {.blocks = {{64, 2}, {128, 2}, {256, 3}, {512, 3}, {512, 3}}}; }

PidinetConfig published_pidinet() { return {.channels = 60, .dilated = 24, .attended = 4}; }

LineartConfig published_lineart() { return {.channels = 64, .blocks = 3}; }

LineartAnimeConfig published_lineart_anime() {
  return {.channels = {64, 128, 256, 512, 512, 512, 512, 512}};
}

MlsdConfig published_mlsd() {
  MlsdConfig config{.stem = 32, .blocks = {{32, 16}}, .width = 64, .results = 16};
  struct Repeated {
    int64_t channels;
    int times;
  };
  for (const auto& [channels, times] : {Repeated{24, 2}, {32, 3}, {64, 4}, {96, 3}})
    for (int i = 0; i < times; ++i)
      config.blocks.push_back({6 * config.blocks.back().channels, channels});
  return config;
}

MidasConfig midas_hybrid() {
  return {.vit = {.width = 768, .depth = 12, .grid = 24},
          .resnet = BitResnetConfig{.stem = 64, .stages = {{256, 3}, {512, 4}, {1024, 9}}},
          .dpt = {.channels = {256, 512, 768, 768}, .features = 256, .hidden = 32}};
}
MidasConfig midas_large() {
  return {.vit = {.width = 1024, .depth = 24, .grid = 24},
          .resnet = {},
          .dpt = {.channels = {256, 512, 1024, 1024}, .features = 256, .hidden = 32}};
}

DepthAnythingConfig depth_anything_of(int64_t width, int64_t depth,
                                      const std::array<int64_t, 4>& channels, int64_t features) {
  return {.vit = {.width = width, .depth = depth, .grid = 37},
          .dpt = {.channels = channels, .features = features, .hidden = 32},
          .taken = {depth - 4, depth - 3, depth - 2, depth - 1}};
}
DepthAnythingConfig depth_anything_small() {
  return depth_anything_of(384, 12, {48, 96, 192, 384}, 64);
}
DepthAnythingConfig depth_anything_base() {
  return depth_anything_of(768, 12, {96, 192, 384, 768}, 128);
}
DepthAnythingConfig depth_anything_large() {
  return depth_anything_of(1024, 24, {256, 512, 1024, 1024}, 256);
}

/// EfficientNet-B5.
EfficientnetConfig efficientnet_b5() {
  EfficientnetConfig config{.stem = 48, .stages = {}, .head = 2048};
  struct Stage {
    int64_t blocks, kernel, channels;
  };
  int64_t channels = config.stem;
  for (const Stage& stage : {Stage{3, 3, 24},
                             {5, 3, 40},
                             {5, 5, 64},
                             {7, 3, 128},
                             {7, 5, 176},
                             {9, 5, 304},
                             {3, 3, 512}}) {
    const bool expands = !config.stages.empty();
    auto& blocks = config.stages.emplace_back();
    for (int64_t i = 0; i < stage.blocks; ++i) {
      blocks.push_back({.expands = expands,
                        .kernel = stage.kernel,
                        .expanded = expands ? 6 * channels : channels,
                        .squeezed = channels / 4,
                        .channels = stage.channels});
      channels = stage.channels;
    }
  }
  return config;
}

NormalBaeConfig published_normal_bae() {
  return {.encoder = efficientnet_b5(), .channels = {1024, 512, 256, 128}, .hidden = 128};
}

OpenposeConfig published_openpose() {
  return {.trunk = {{64, 64}, {128, 128}, {256, 256, 256, 256}, {512, 512, 256, 128}},
          .width = 128,
          .wide = 512,
          .stages = 6};
}
PoseMachineConfig machine_for(const PoseMachineKind& kind) {
  return {
      .trunk = {{64, 64}, {128, 128}, {256, 256, 256, 256}, {512, 512, 512, 512}, {512, 512, 128}},
      .wide = 512,
      .width = 128,
      .points = kind.points,
      .stages = 6};
}
PoseMachineConfig openpose_hand() { return machine_for(hand_machine); }
PoseMachineConfig openpose_face() { return machine_for(face_machine); }

UpscalerConfig realesrgan() { return RrdbConfig{.features = 64, .growth = 32, .blocks = 23}; }
UpscalerConfig realesrgan_small() {
  return SrvggConfig{.features = 64, .convolutions = 32, .factor = 4};
}

template <auto config>
std::vector<TensorSpec> tensors_as_published() {
  return tensors_of(config());
}

}  // namespace

std::span<const PublishedNetwork> published_networks() {
  static const std::vector<PublishedNetwork> all{
      {"inception", {"pt_inception-2015-12-05-6726825d.pth"}, inception_tensors},
      {"hed", {"ControlNetHED.pth"}, tensors_as_published<published_hed>},
      {"pidinet", {"table5_pidinet.pth"}, tensors_as_published<published_pidinet>},
      {"lineart", {"sk_model.pth", "sk_model2.pth"}, tensors_as_published<published_lineart>},
      {"lineart_anime", {"netG.pth"}, tensors_as_published<published_lineart_anime>},
      {"mlsd", {"mlsd_large_512_fp32.pth"}, tensors_as_published<published_mlsd>},
      {"midas_hybrid", {"dpt_hybrid-midas-501f0c75.pt"}, tensors_as_published<midas_hybrid>},
      {"midas_large", {"dpt_large-midas-2f21e586.pt"}, tensors_as_published<midas_large>},
      {"depth_anything_vits",
       {"depth_anything_vits14.pth", "depth_anything_v2_vits.pth"},
       tensors_as_published<depth_anything_small>},
      {"depth_anything_vitb",
       {"depth_anything_vitb14.pth", "depth_anything_v2_vitb.pth"},
       tensors_as_published<depth_anything_base>},
      {"depth_anything_vitl",
       {"depth_anything_vitl14.pth", "depth_anything_v2_vitl.pth"},
       tensors_as_published<depth_anything_large>},
      {"normal_bae", {"scannet.pt"}, tensors_as_published<published_normal_bae>},
      {"openpose", {"body_pose_model.pth"}, tensors_as_published<published_openpose>},
      {"openpose_hand", {"hand_pose_model.pth"}, tensors_as_published<openpose_hand>},
      {"openpose_face", {"facenet.pth"}, tensors_as_published<openpose_face>},
      {"realesrgan", {"RealESRGAN_x4plus.pth"}, tensors_as_published<realesrgan>},
      {"realesrgan_small", {"realesr-general-x4v3.pth"}, tensors_as_published<realesrgan_small>},
  };
  return all;
}

}  // namespace drypoint
