#include "drypoint/score.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <map>
#include <numeric>
#include <optional>

#include "base/error.h"
#include "diffusion/model/calibration.h"
#include "diffusion/model/folder_files.h"
#include "diffusion/request/request.h"
#include "tensor/precision.h"

namespace drypoint {
namespace {

namespace fs = std::filesystem;

/// Pictures are read when they are needed, so that no more than one is held.
struct Picture {
  std::string name;
  fs::path path;
  std::optional<std::string> prompt;  // if it has its own
  ImageSize size;                     // of the drawing
  fs::path reference_path;            // if there is one
  Image drawn_reference;              // if not

  /// The request that it steers.
  Request steered(Request request) const {
    request.image = read_image(path).image;
    request.samples = 1;
    if (prompt) request.prompt = *prompt;
    return request;
  }
  Image reference() const {
    return reference_path.empty() ? drawn_reference : read_image(reference_path).image;
  }
};

void check_stop(const ScoreCallbacks& callbacks) {
  if (callbacks.stop && callbacks.stop()) fail(ErrorKind::cancelled, "cancelled");
}

std::vector<Picture> list_pictures(const ScoreOptions& options, const ScoreCallbacks& callbacks) {
  std::vector<Picture> pictures;
  for (const fs::path& path : score_pictures(options.pictures)) {
    check_stop(callbacks);
    const Image image = read_image(path).image;
    const size_t turn = pictures.size();
    pictures.push_back({.name = path.filename().string(),
                        .path = path,
                        .size = drawn_size(options.base.request, {image.width, image.height})});
    if (!options.prompts.empty())
      pictures.back().prompt = options.prompts[turn % options.prompts.size()];
  }
  return pictures;
}

void list_references(const fs::path& folder, const ScoreCallbacks& callbacks,
                     std::vector<Picture>& pictures) {
  std::map<std::string, fs::path> found;
  for (const fs::path& path : score_pictures(folder)) found[path.stem().string()] = path;
  for (Picture& picture : pictures) {
    check_stop(callbacks);
    const auto path = found.find(fs::path(picture.name).stem().string());
    if (path == found.end())
      fail(ErrorKind::bad_file, "{}: holds no reference for {}", folder.string(), picture.name);
    picture.reference_path = path->second;
    const Image reference = picture.reference();
    const ImageSize size{reference.width, reference.height};
    if (size != picture.size)
      fail(ErrorKind::bad_file, "{}: is {}x{}, expected {}x{} as {} is drawn",
           path->second.string(), size.width, size.height, picture.size.width, picture.size.height,
           picture.name);
  }
}

void check_options(const ScoreOptions& options) {
  if (options.variants.empty()) fail(ErrorKind::bad_argument, "variants: none, expected one");
  if (!(options.threshold > 0) || !std::isfinite(options.threshold))
    fail(ErrorKind::bad_argument, "threshold: {}, expected more than 0", options.threshold);
  const auto rounds = [](const ScoreVariant& variant) {
    return eight_bits_of(variant.options.precision).has_value();
  };
  if ((options.files.calibration || !options.files.keep.empty()) &&
      std::ranges::none_of(options.variants, rounds))
    fail(ErrorKind::bad_argument, "{}: given, but no precision is fp8 or int8",
         options.files.calibration ? "calibration" : "keep");
  for (const ScoreVariant& variant : options.variants) {
    const Request &request = variant.request, &base = options.base.request;
    if (request.size != base.size)
      fail(ErrorKind::bad_argument, "size: differs in {}, expected that of the references",
           variant.name);
    if (request.resolution != base.resolution)
      fail(ErrorKind::bad_argument,
           "resolution: {} in {}, but {} for the references, expected pictures of one size",
           request.resolution, variant.name, base.resolution);
  }
}

/// That every variant can be drawn: its request is in range, and its device is there.
void check_variants(const ScoreOptions& options, const Picture& picture) {
  for (const ScoreVariant& variant : options.variants) {
    check(picture.steered(variant.request));
    const Pipeline pipeline(files_for(options.files, variant.options.precision), variant.options);
  }
}

/// One model at a time, since each may fill the memory.
class Drawing {
 public:
  Drawing(const ModelFiles& files, const PipelineOptions& options, const ScoreCallbacks& callbacks)
      : pipeline_(files, options), callbacks_(callbacks) {}

  const Pipeline& pipeline() const { return pipeline_; }

  /// -> the picture and how long it took
  std::pair<Image, double> draw(const Picture& picture, const Request& settings) {
    const Request request = picture.steered(settings);
    if (std::find(sizes_.begin(), sizes_.end(), picture.size) == sizes_.end()) {
      pipeline_.generate(request, {{}, callbacks_.stop});
      sizes_.push_back(picture.size);
    }
    return draw_once(request);
  }

  std::pair<Image, double> draw_once(const Request& request) {
    const auto start = std::chrono::steady_clock::now();
    Result result = pipeline_.generate(request, {{}, callbacks_.stop});
    const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
    return {std::move(result.images.at(0)), seconds.count()};
  }

 private:
  Pipeline pipeline_;
  const ScoreCallbacks& callbacks_;
  std::vector<ImageSize> sizes_;  // drawn before
};

void draw_references(const ScoreOptions& options, const ScoreCallbacks& callbacks,
                     std::vector<Picture>& pictures) {
  PipelineOptions float32 = options.base.options;
  float32.precision = Precision::fp32;
  Drawing drawing = [&] {
    try {
      return Drawing(files_for(options.files, float32.precision), float32, callbacks);
    } catch (const Error& error) {
      fail(error.kind(), "references drawn in float32: {}", error.what());
    }
  }();
  for (size_t i = 0; i < pictures.size(); ++i) {
    if (callbacks.progress)
      callbacks.progress(
          {"references", static_cast<int>(i + 1), static_cast<int>(pictures.size())});
    pictures[i].drawn_reference =
        drawing.draw_once(pictures[i].steered(options.base.request)).first;
  }
}

PictureScore compare(const Picture& picture, const Image& drawn, const Image& reference,
                     double seconds, FeatureNetwork* network, double threshold) {
  PictureScore score{.name = picture.name, .seconds = seconds};
  score.psnr = psnr(drawn, reference);
  score.ssim = ssim(drawn, reference);
  score.quality = std::max(0.0, score.ssim);
  if (network) {
    score.distance = network->distance(drawn, reference);
    score.failed = *score.distance > threshold;
    score.quality = std::max(0.0, 1 - *score.distance / threshold);
  }
  return score;
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const size_t half = values.size() / 2;
  return values.size() % 2 ? values[half] : (values[half - 1] + values[half]) / 2;
}

template <class Value>
double sum(const std::vector<PictureScore>& pictures, Value value) {
  return std::accumulate(pictures.begin(), pictures.end(), 0.0,
                         [&](double so_far, const auto& p) { return so_far + value(p); });
}

void summarize(VariantScore& variant) {
  const auto& pictures = variant.pictures;
  const auto count = static_cast<double>(pictures.size());
  std::vector<double> seconds;
  for (const PictureScore& picture : pictures) {
    seconds.push_back(picture.seconds);
    variant.failed += picture.failed;
  }
  variant.median_seconds = median(seconds);
  variant.mean_psnr = sum(pictures, [](const auto& p) { return p.psnr; }) / count;
  variant.mean_ssim = sum(pictures, [](const auto& p) { return p.ssim; }) / count;
  if (pictures[0].distance)
    variant.mean_distance = sum(pictures, [](const auto& p) { return *p.distance; }) / count;
  variant.total = sum(pictures, [](const auto& p) { return p.quality; }) /
                  sum(pictures, [](const auto& p) { return p.seconds; });
}

ScoreResult score_all(const ScoreOptions& options, const ScoreCallbacks& callbacks) {
  check_options(options);
  std::vector<Picture> pictures = list_pictures(options, callbacks);
  check_variants(options, pictures.front());
  if (options.references) list_references(*options.references, callbacks, pictures);
  std::optional<FeatureNetwork> network;
  if (options.inception) network.emplace(*options.inception);
  if (!options.references) draw_references(options, callbacks, pictures);

  ScoreResult result;
  result.threshold = options.threshold;
  result.references = options.references ? options.references->string() : "drawn at float32";
  for (const ScoreVariant& variant : options.variants) {
    Drawing drawing(files_for(options.files, variant.options.precision), variant.options,
                    callbacks);
    const ModelDescription description = drawing.pipeline().description();
    result.model = description.model;
    result.device = description.device;
    result.threads = description.threads;
    VariantScore scored{.name = variant.name, .device = description.device};
    for (const Picture& picture : pictures) {
      if (callbacks.progress)
        callbacks.progress({variant.name, static_cast<int>(scored.pictures.size() + 1),
                            static_cast<int>(pictures.size())});
      const auto [drawn, seconds] = drawing.draw(picture, variant.request);
      const Image reference = picture.reference();
      scored.pictures.push_back(compare(picture, drawn, reference, seconds,
                                        network ? &*network : nullptr, options.threshold));
      if (callbacks.drawn) callbacks.drawn(variant.name, scored.pictures.back(), drawn, reference);
    }
    summarize(scored);
    result.variants.push_back(std::move(scored));
  }
  return result;
}

}  // namespace

std::vector<fs::path> score_pictures(const fs::path& folder) { return pictures_in(folder); }

Request score_defaults(Request request) {
  request.prompt = "a bird";
  request.resolution = 256;
  request.steps = 20;
  request.guidance_scale = 9;
  request.seed = 2946901;
  request.low_threshold = 100;
  request.high_threshold = 200;
  return request;
}

/// Found by `at_border`.
ScoreCallbacks guarded(const ScoreCallbacks& callbacks) {
  ScoreCallbacks own = guarded<ScoreCallbacks>(callbacks);
  own.drawn = guarded(callbacks.drawn);
  return own;
}

ScoreResult score(const ScoreOptions& options, const ScoreCallbacks& callbacks) {
  return at_border("scoring", callbacks, [&](const auto& own) { return score_all(options, own); });
}

}  // namespace drypoint
