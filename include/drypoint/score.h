// How close pictures come to reference pictures, and how fast they are drawn.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "drypoint/image.h"
#include "drypoint/output.h"
#include "drypoint/pipeline.h"

namespace drypoint {

/// Peak signal-to-noise ratio in dB over all channels: 10 log10(255² / mean square difference);
/// infinity for equal pictures. Throws bad_argument if sizes or channels differ.
double psnr(const Image& a, const Image& b);

/// Structural similarity (Wang et al., 2004, https://doi.org/10.1109/TIP.2003.819861) of the
/// luma (0.299 R + 0.587 G + 0.114 B), 1 for equal pictures: windows of 11x11, Gaussian with sigma
/// 1.5, K1 = 0.01, K2 = 0.03, averaged where the window lies inside the picture. Throws
/// bad_argument if sizes or channels differ, or a side is under 11.
double ssim(const Image& a, const Image& b);

/// The Inception network of the Fréchet inception distance, as pytorch-fid has it; on the CPU, in
/// float32.
class FeatureNetwork {
 public:
  /// `weights`: pytorch-fid's pt_inception-2015-12-05-6726825d.pth, or a file with the same
  /// tensors. Throws bad_file (also where it holds other weights), non_finite.
  explicit FeatureNetwork(const std::filesystem::path& weights);
  ~FeatureNetwork();
  FeatureNetwork(FeatureNetwork&&) noexcept;
  FeatureNetwork& operator=(FeatureNetwork&&) noexcept;

  /// The 2048 pooled features of a picture, which is resized to 299x299 (bilinear, not smoothed, as
  /// pytorch-fid does).
  std::vector<float> features(const Image& image);
  /// The Euclidean distance of two pictures' features.
  double distance(const Image& a, const Image& b);

 private:
  class Implementation;
  std::unique_ptr<Implementation> implementation_;
};

/// One way to draw all pictures.
struct ScoreVariant {
  std::string name;  ///< e.g. "steps=8", and the folder of its pictures
  Request request;   ///< but for the picture
  PipelineOptions options;
};

struct ScoreOptions {
  ModelFiles files;
  std::filesystem::path pictures;  ///< a folder, see `score_pictures`: each steers one drawing
  /// Taken in turn with the pictures, instead of the requests' own.
  std::vector<std::string> prompts;
  /// A folder of pictures with the same names (whatever the extensions) and the sizes of the
  /// drawings. Without it, `base` draws them, but in float32.
  std::optional<std::filesystem::path> references;
  ScoreVariant base;
  std::vector<ScoreVariant> variants;              ///< at least one
  std::optional<std::filesystem::path> inception;  ///< weights; without, no feature distance
  double threshold = 12;  ///< a picture at a larger feature distance has failed
};

/// `request` with the settings of the original's compute_score.py: "a bird", resolution 256, 20
/// steps, scale 9, seed 2946901, thresholds 100 and 200.
Request score_defaults(Request request);

struct PictureScore {
  std::string name;  ///< the picture's file name
  double seconds = 0;
  double psnr = 0, ssim = 0;
  std::optional<double> distance;  ///< of features
  bool failed = false;

  /// 1 for a picture like its reference, 0 for one that failed: max(0, 1 - distance / threshold),
  /// or, without feature distance, max(0, ssim).
  double quality = 0;
};

struct VariantScore {
  std::string name, device;
  std::vector<PictureScore> pictures;
  double median_seconds = 0, mean_psnr = 0, mean_ssim = 0;
  std::optional<double> mean_distance;
  int failed = 0;
  /// Pictures a second, each counted at its quality: sum of qualities / sum of seconds.
  double total = 0;
};

struct ScoreResult {
  std::string model, device;
  int threads = 0;
  double threshold = 12;
  std::string references;  ///< the folder, or "drawn at float32"
  std::vector<VariantScore> variants;
};

/// Called as each picture begins. `variant` is "references" while these are drawn.
struct ScoreProgress {
  std::string variant;
  int picture = 0, pictures = 0;
};

struct ScoreCallbacks {
  std::function<void(const ScoreProgress&)> progress;
  std::function<bool()> stop;
  /// Each drawing, once it has been compared. Drawings are not kept.
  std::function<void(const std::string& variant, const PictureScore&, const Image& drawn,
                     const Image& reference)>
      drawn;
};

/// The pictures in a folder, sorted: .png, .jpg, .jpeg, .webp, .ppm, .pgm, .pbm, .pnm, .pam, but
/// not hidden files (._a.png, as macOS adds) and folders. Throws bad_file where there is no folder
/// or no picture, and where two have the same name but for the extension.
std::vector<std::filesystem::path> score_pictures(const std::filesystem::path& folder);

/// Draws every picture with every variant and compares. The time of a picture is that of
/// `Pipeline::generate`; the first of each size is drawn twice, and the second time counts.
/// Pictures are read one at a time, and again for each variant; references that are drawn are kept.
/// All that can be wrong with folders and options shows before the first picture is drawn: throws
/// bad_file (a folder that is missing or holds no pictures, a reference that is missing or has
/// another size, named), bad_argument, unsupported, and what `Pipeline` throws.
ScoreResult score(const ScoreOptions& options, const ScoreCallbacks& callbacks = {});

/// One HTML page that needs nothing else: a table of the variants, and every picture beside its
/// reference and their difference (four times enlarged). It is written as the pictures come.
class Gallery {
 public:
  /// Opens `path` in `outputs`, which must outlive this. Throws write_failed, as all members do.
  Gallery(OutputSet& outputs, std::filesystem::path path);
  /// As `ScoreCallbacks::drawn`.
  void add(const std::string& variant, const PictureScore& picture, const Image& drawn,
           const Image& reference);
  void finish(const ScoreResult& result);

 private:
  OutputSet& outputs_;
  std::filesystem::path path_;
  std::string variant_;  // the last
};

}  // namespace drypoint
