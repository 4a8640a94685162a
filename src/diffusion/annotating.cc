#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "base/utf8.h"
#include "compile/compile.h"
#include "diffusion/open_device.h"
#include "drypoint/annotate.h"
#include "drypoint/nearest.h"
#include "image/bilinear.h"
#include "image/formats.h"
#include "models/hed.h"
#include "runtime/executor.h"

namespace drypoint {
namespace {

constexpr AnnotatorKind kinds[] = {{"hed", "ControlNetHED.pth", "soft edges, by a network"}};

/// Bytes [H, W, 1 or 3] -> [H, W, 3], less the network's mean colour.
std::vector<float> centred(const Image& image, std::span<const float> mean) {
  std::vector<float> values;
  for (size_t p = 0; p < image.pixels.size(); p += static_cast<size_t>(image.channels))
    for (size_t c = 0; c < 3; ++c)
      values.push_back(image.pixels[p + c % static_cast<size_t>(image.channels)] - mean[c]);
  return values;
}

}  // namespace

std::span<const AnnotatorKind> annotator_kinds() { return kinds; }

class Annotator::Implementation {
 public:
  Implementation(std::string_view kind, const std::filesystem::path& file,
                 const DeviceOptions& options)
      : device_(options),
        network_(read(kind, file)),
        store_(network_.tensors, device_.backend(), nullptr, device_.budget()) {}

  std::string device() const { return device_.backend().name(); }

  /// The blocks' edges, enlarged, on average, through a sigmoid.
  Image annotate(const Image& image, const StopRequested& stop) {
    check_image(image);
    if (image.width < 16 || image.height < 16)
      fail(ErrorKind::bad_argument, "image: {}x{} pixels, expected sides from 16", image.width,
           image.height);
    const auto turn = device_.turn(stop);
    Executor& network = executor({image.width, image.height}, stop);
    const Tensor mean = network_.tensors.at("norm").to_f32();
    network.set_input("image", centred(image, mean.floats()));
    network.run(Rate::picture, stop);
    const size_t blocks = network_.config.blocks.size();
    std::vector<float> sum(static_cast<size_t>(image.width) * static_cast<size_t>(image.height));
    for (size_t i = 0; i < blocks; ++i)
      add_bilinear(network.output("edges" + std::to_string(i)),
                   {image.width >> i, image.height >> i}, {image.width, image.height}, sum);
    Image hint{image.width, image.height, 1, {}};
    for (const float value : sum) {
      if (!std::isfinite(value))
        fail(ErrorKind::non_finite, "edge detector: the result holds NaN or infinity");
      const float edge = 1 / (1 + std::exp(-value / static_cast<float>(blocks)));
      hint.pixels.push_back(static_cast<uint8_t>(std::clamp(edge * 255, 0.0f, 255.0f)));
    }
    return hint;
  }

 private:
  static HedFile read(std::string_view kind, const std::filesystem::path& file) {
    std::vector<std::string> names;
    for (const AnnotatorKind& known : kinds) names.emplace_back(known.name);
    if (std::ranges::find(names, kind) == names.end())
      fail(ErrorKind::bad_argument, "kind: \"{}\", expected a network (is it {}?)",
           printable(std::string(kind)), nearest(std::string(kind), names));
    return read_hed(file);
  }
  Executor& executor(ImageSize size, const StopRequested& stop) {
    if (executor_ && ready_ == size) return *executor_;
    executor_.reset();
    const auto making = device_.making.alone(stop);
    device_.use_choices(nullptr);
    executor_ = std::make_unique<Executor>(
        compile(build_hed(network_.config, size.height, size.width), device_.backend().target()),
        device_.backend(), store_, stop);
    ready_ = size;
    return *executor_;
  }

  OpenDevice device_;
  HedFile network_;
  WeightStore store_;
  ImageSize ready_;
  std::unique_ptr<Executor> executor_;
};

Annotator::Annotator(std::string_view kind, const std::filesystem::path& file,
                     const DeviceOptions& options)
    : implementation_(at_border(
          file.string(), [&] { return std::make_unique<Implementation>(kind, file, options); })) {}
Annotator::~Annotator() = default;
Annotator::Annotator(Annotator&&) noexcept = default;
Annotator& Annotator::operator=(Annotator&&) noexcept = default;
std::string Annotator::device() const { return implementation_->device(); }
Image Annotator::annotate(const Image& image, const std::function<bool()>& stop) {
  return at_border("preprocessing", [&] { return implementation_->annotate(image, stop); });
}

}  // namespace drypoint
