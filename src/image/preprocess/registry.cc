#include <algorithm>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/utf8.h"
#include "drypoint/nearest.h"
#include "drypoint/preprocess.h"
#include "image/formats.h"
#include "image/preprocess/preprocessors.h"

namespace drypoint {
namespace {

using Names = std::vector<std::string_view>;

Preprocessor network(std::string_view name, Names controls, std::string_view help, Names files,
                     Names aliases = {}, const PreprocessNumber& threshold_a = {},
                     const PreprocessNumber& threshold_b = {}) {
  return {name,
          std::move(controls),
          help,
          threshold_a,
          threshold_b,
          nullptr,
          std::move(files),
          std::move(aliases)};
}

Preprocessor openpose(std::string_view name, std::string_view help, Names further_files) {
  Preprocessor all = network(name, {"openpose"}, help, {"body_pose_model.pth"});
  all.further_files = std::move(further_files);
  return all;
}

// Names, numbers and defaults: sd-webui-controlnet, scripts/preprocessor.
const std::vector<Preprocessor>& all_preprocessors() {
  static const std::vector<Preprocessor> all{
      {"none", {}, "the picture is the hint", {}, {}, pass_on},
      {"canny",
       {"canny"},
       "edges",
       {"low threshold", 100, 0, 1000},
       {"high threshold", 200, 0, 1000},
       canny},
      {"invert", {}, "white lines of black ones", {}, {}, invert},
      {"threshold", {}, "white where all channels are above", {"level", 127, 0, 255}, {}, binarize},
      {"scribble_xdog",
       {"scribble"},
       "strokes, by a difference of Gaussians",
       {"threshold", 32, 1, 64},
       {},
       scribble_xdog},
      {"lineart_standard", {"lineart"}, "lines, from black on white", {}, {}, lineart_standard},
      {"blur_gaussian", {"blur"}, "blurred", {"sigma", 9, 0.01, 64}, {}, blur_gaussian},
      {"tile_resample",
       {"tile"},
       "made smaller, then as large as before",
       {"down-sampling rate", 1, 1, 8},
       {},
       tile_resample},
      {"recolor_luminance",
       {"recolor"},
       "grey, by luminance",
       {"gamma", 1, 0.1, 2},
       {},
       recolor_luminance},
      {"recolor_intensity",
       {},
       "grey, by the largest channel",
       {"gamma", 1, 0.1, 2},
       {},
       recolor_intensity},
      {"shuffle", {"shuffle"}, "bent at random, by the request's seed", {}, {}, shuffle},
      {"inpaint", {"inpaint"}, "the picture without what the mask covers", {}, {}, inpaint},
      {"inpaint_only", {}, "the same", {}, {}, inpaint},
      openpose("openpose", "bodies as coloured limbs", {}),
      openpose("openpose_hand", "bodies and hands", {"hand_pose_model.pth"}),
      openpose("openpose_face", "bodies and faces", {"facenet.pth"}),
      openpose("openpose_faceonly", "faces", {"facenet.pth"}),
      openpose("openpose_full", "bodies, hands and faces", {"hand_pose_model.pth", "facenet.pth"}),
      network("depth_midas", {"depth"}, "depth, by MiDaS",
              {"dpt_hybrid-midas-501f0c75.pt", "dpt_large-midas-2f21e586.pt"}, {"depth"}),
      network(
          "depth_anything", {"depth"}, "depth, by Depth Anything",
          {"depth_anything_vitl14.pth", "depth_anything_vitb14.pth", "depth_anything_vits14.pth"}),
      network("depth_anything_v2", {"depth"}, "depth, by its second version",
              {"depth_anything_v2_vitl.pth", "depth_anything_v2_vitb.pth",
               "depth_anything_v2_vits.pth"}),
      network("normal_bae", {"normalbae"}, "which way surfaces face", {"scannet.pt"}),
      network("lineart_realistic", {"lineart"}, "lines", {"sk_model.pth"}, {"lineart"}),
      network("lineart_coarse", {"lineart"}, "coarse lines", {"sk_model2.pth"}),
      network("lineart_anime", {"lineart"}, "lines as of drawings", {"netG.pth"}),
      network("mlsd", {"mlsd"}, "straight lines", {"mlsd_large_512_fp32.pth"}, {},
              {"least value", 0.1, 0.01, 2}, {"least length", 0.1, 0.01, 20}),
      network("softedge_hed", {"softedge"}, "soft edges", {"ControlNetHED.pth"}, {"hed"}),
      network("softedge_hedsafe", {"softedge"}, "soft edges of few strengths",
              {"ControlNetHED.pth"}, {"hed_safe"}),
      network("softedge_pidinet", {"softedge"}, "soft edges, by PiDiNet", {"table5_pidinet.pth"},
              {"pidinet"}),
      network("softedge_pidisafe", {"softedge"}, "the same of few strengths",
              {"table5_pidinet.pth"}, {"pidinet_safe"}),
  };
  return all;
}

void check_number(const Preprocessor& preprocessor, std::string_view field,
                  const std::optional<double>& value, const PreprocessNumber& number) {
  if (!value) return;
  if (number.meaning.empty())
    fail(ErrorKind::bad_argument, "{}: {}, but the preprocessor {} takes none", field, *value,
         preprocessor.name);
  if (!(*value >= number.least && *value <= number.most))
    fail(ErrorKind::bad_argument, "{}: {}, expected {} to {}, the {} of {}", field, *value,
         number.least, number.most, number.meaning, preprocessor.name);
}

}  // namespace

std::string usual_files(const Preprocessor& network) {
  std::string listed(network.files[0]);
  for (const std::string_view file : network.further_files) listed += " and " + std::string(file);
  return listed;
}

std::span<const Preprocessor> preprocessors() { return all_preprocessors(); }

const Preprocessor& preprocessor_named(std::string_view name) {
  std::vector<std::string> names;
  for (const Preprocessor& preprocessor : preprocessors()) {
    if (preprocessor.name == name ||
        std::ranges::find(preprocessor.aliases, name) != preprocessor.aliases.end())
      return preprocessor;
    names.emplace_back(preprocessor.name);
  }
  std::string listed;
  for (const std::string& one : names) listed += (listed.empty() ? "" : ", ") + one;
  fail(ErrorKind::bad_argument, "preprocessor: \"{}\", expected one of {} (is it {}?)",
       printable(std::string(name)), listed, nearest(name, names));
}

const Preprocessor& preprocessor_for(std::string_view control) {
  for (const Preprocessor& preprocessor : preprocessors())
    for (const std::string_view name : preprocessor.controls)
      if (name == control && !preprocessor.is_network()) return preprocessor;
  return preprocessors()[0];
}

PreprocessOptions checked(const Preprocessor& preprocessor, const PreprocessOptions& options) {
  PreprocessOptions numbers = options;
  const auto complete = [&](std::string_view field, std::optional<double>& value,
                            const PreprocessNumber& number) {
    check_number(preprocessor, field, value, number);
    if (!value) value = number.usual;
  };
  complete("threshold_a", numbers.threshold_a, preprocessor.threshold_a);
  complete("threshold_b", numbers.threshold_b, preprocessor.threshold_b);
  return numbers;
}

Image preprocess(const Preprocessor& preprocessor, const Image& image,
                 const PreprocessOptions& options) {
  check_image(image);
  const PreprocessOptions numbers = checked(preprocessor, options);
  if (preprocessor.is_network())
    fail(ErrorKind::bad_argument,
         "preprocessor: {} is a network, whose weights ({}) were not given", preprocessor.name,
         usual_files(preprocessor));
  return at_border("preprocessing", [&] { return preprocessor.run(image, numbers); });
}

}  // namespace drypoint
