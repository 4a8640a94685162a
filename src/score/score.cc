#include "drypoint/score.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <map>
#include <numeric>

#include "base/error.h"
#include "diffusion/request.h"

namespace drypoint {
namespace {

namespace fs = std::filesystem;

struct Picture {
  std::string name;
  Image image;
  ImageSize size;  // of the drawing
  Image reference;
};

bool is_picture(const fs::path& path) {
  std::string extension = path.extension().string();
  std::transform(extension.begin(), extension.end(), extension.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return extension == ".png" || extension == ".jpg" || extension == ".jpeg" || extension == ".webp";
}

/// The pictures in a folder by their names.
std::vector<fs::path> pictures_in(const fs::path& folder) {
  std::error_code error;
  std::vector<fs::path> paths;
  for (fs::directory_iterator it(folder, error), end; !error && it != end; it.increment(error))
    if (is_picture(it->path())) paths.push_back(it->path());
  if (error) fail(ErrorKind::bad_file, "{}: is no folder: {}", folder.string(), error.message());
  if (paths.empty())
    fail(ErrorKind::bad_file, "{}: holds no pictures, expected PNG, JPEG or WebP files",
         folder.string());
  std::sort(paths.begin(), paths.end());
  for (size_t i = 1; i < paths.size(); ++i)
    if (paths[i].stem() == paths[i - 1].stem())
      fail(ErrorKind::bad_file, "{}: has the name of {} but for the extension, expected another",
           paths[i].string(), paths[i - 1].filename().string());
  return paths;
}

std::vector<Picture> read_pictures(const ScoreOptions& options) {
  std::vector<Picture> pictures;
  for (const fs::path& path : pictures_in(options.pictures)) {
    Picture picture{path.filename().string(), read_image(path).image, {}, {}};
    picture.size =
        control_size({picture.image.width, picture.image.height}, options.base.request.resolution);
    pictures.push_back(std::move(picture));
  }
  return pictures;
}

void read_references(const fs::path& folder, std::vector<Picture>& pictures) {
  std::map<std::string, fs::path> found;
  for (const fs::path& path : pictures_in(folder)) found[path.stem().string()] = path;
  for (Picture& picture : pictures) {
    const auto path = found.find(fs::path(picture.name).stem().string());
    if (path == found.end())
      fail(ErrorKind::bad_file, "{}: holds no reference for {}", folder.string(), picture.name);
    picture.reference = read_image(path->second).image;
    const ImageSize size{picture.reference.width, picture.reference.height};
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
  for (const ScoreVariant& variant : options.variants)
    if (variant.request.resolution != options.base.request.resolution)
      fail(ErrorKind::bad_argument,
           "resolution: {} in {}, but {} for the references, expected pictures of one size",
           variant.request.resolution, variant.name, options.base.request.resolution);
}

/// That every variant can be drawn: its request is in range, and its device is there.
void check_variants(const ScoreOptions& options, const Picture& picture) {
  for (const ScoreVariant& variant : options.variants) {
    Request request = variant.request;
    request.image = picture.image;
    check(request);
    const Pipeline pipeline(options.files, variant.options);
  }
}

/// One model at a time, since each may fill the memory.
class Drawing {
 public:
  Drawing(const ModelFiles& files, const PipelineOptions& options, const ScoreCallbacks& callbacks)
      : pipeline_(files, options), callbacks_(callbacks) {}

  const Pipeline& pipeline() const { return pipeline_; }

  /// -> the picture and how long it took
  std::pair<Image, double> draw(const Picture& picture, Request request) {
    request.image = picture.image;
    request.samples = 1;
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
  float32.precision = "fp32";
  Drawing drawing = [&] {
    try {
      return Drawing(options.files, float32, callbacks);
    } catch (const Error& error) {
      fail(error.kind(), "references drawn in float32: {}", error.what());
    }
  }();
  for (size_t i = 0; i < pictures.size(); ++i) {
    if (callbacks.progress)
      callbacks.progress(
          {"references", static_cast<int>(i + 1), static_cast<int>(pictures.size())});
    Request request = options.base.request;
    request.image = pictures[i].image;
    request.samples = 1;
    pictures[i].reference = drawing.draw_once(request).first;
  }
}

PictureScore compare(const Picture& picture, Image drawn, double seconds, FeatureNetwork* network,
                     double threshold) {
  PictureScore score{.name = picture.name, .seconds = seconds};
  score.psnr = psnr(drawn, picture.reference);
  score.ssim = ssim(drawn, picture.reference);
  score.quality = std::max(0.0, score.ssim);
  if (network) {
    score.distance = network->distance(drawn, picture.reference);
    score.failed = *score.distance > threshold;
    score.quality = std::max(0.0, 1 - *score.distance / threshold);
  }
  score.drawn = std::move(drawn);
  score.reference = picture.reference;
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
  std::vector<Picture> pictures = read_pictures(options);
  check_variants(options, pictures.front());
  if (options.references) read_references(*options.references, pictures);
  std::optional<FeatureNetwork> network;
  if (options.inception) network.emplace(*options.inception);
  if (!options.references) draw_references(options, callbacks, pictures);

  ScoreResult result;
  result.threshold = options.threshold;
  result.references = options.references ? options.references->string() : "drawn at float32";
  for (const ScoreVariant& variant : options.variants) {
    Drawing drawing(options.files, variant.options, callbacks);
    const ModelDescription& description = drawing.pipeline().description();
    result.model = description.model;
    result.device = description.device;
    result.threads = description.threads;
    VariantScore scored{.name = variant.name, .device = description.device};
    for (const Picture& picture : pictures) {
      if (callbacks.progress)
        callbacks.progress({variant.name, static_cast<int>(scored.pictures.size() + 1),
                            static_cast<int>(pictures.size())});
      auto [drawn, seconds] = drawing.draw(picture, variant.request);
      scored.pictures.push_back(compare(picture, std::move(drawn), seconds,
                                        network ? &*network : nullptr, options.threshold));
    }
    summarize(scored);
    result.variants.push_back(std::move(scored));
  }
  return result;
}

}  // namespace

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

ScoreResult score(const ScoreOptions& options, const ScoreCallbacks& callbacks) {
  return at_border("scoring", [&] { return score_all(options, callbacks); });
}

}  // namespace drypoint
