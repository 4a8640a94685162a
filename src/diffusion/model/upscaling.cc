#include "diffusion/model/upscaling.h"

#include <algorithm>

#include "base/error.h"
#include "base/finite.h"
#include "base/memory.h"
#include "base/utf8.h"
#include "compile/compile.h"
#include "diffusion/model/tiles.h"
#include "drypoint/upscale.h"
#include "image/edge_checks.h"
#include "image/formats.h"
#include "image/mirrored.h"
#include "image/pillow.h"
#include "text/unicode.h"

namespace drypoint {
namespace {

constexpr int upscale_overlap = 32;

/// Bytes [H, W, 1 or 3] -> [height, width, 3] from 0 to 1, mirrored beyond the border.
std::vector<float> padded_pixels(const Image& image, ImageSize size) {
  std::vector<float> values;
  values.reserve(3 * static_cast<size_t>(size.width) * static_cast<size_t>(size.height));
  for (int y = 0; y < size.height; ++y)
    for (int x = 0; x < size.width; ++x)
      for (int c = 0; c < 3; ++c) {
        const int64_t pixel =
            int64_t{mirrored(y, image.height)} * image.width + mirrored(x, image.width);
        const int64_t at = pixel * image.channels + c % image.channels;
        values.push_back(static_cast<float>(image.pixels[static_cast<size_t>(at)]) / 255);
      }
  return values;
}

}  // namespace

UpscalerNetwork::UpscalerNetwork(const std::filesystem::path& path,
                                 std::shared_ptr<OpenDevice> device)
    : name_(valid_utf8(path.stem().string())),
      file_(read_upscaler(path)),
      device_(std::move(device)),
      store_(file_.tensors, device_->backend(), nullptr, device_->budget()) {}

Executor& UpscalerNetwork::executor(ImageSize size, const StopRequested& stop) {
  if (executor_ && ready_ == size) return *executor_;
  executor_.reset();
  Plan plan =
      compile(build_upscaler(file_.config, size.height, size.width), device_->backend().target());
  const auto making = device_->making.alone(stop);
  device_->use_choices(nullptr);
  executor_ = std::make_unique<Executor>(std::move(plan), device_->backend(), store_, stop);
  ready_ = size;
  if (executor_->has_input("residual_scale"))
    executor_->set_input("residual_scale", std::vector<float>{0.2f});
  return *executor_;
}

Image UpscalerNetwork::run(const Image& image, int tile, const StopRequested& stop,
                           const std::function<void(int done, int of)>& done) {
  using enum Tiles::Layout;
  const std::lock_guard lock(running_);
  const auto multiple = static_cast<int>(multiple_of(file_.config));
  const auto in_units = [&](int side) { return (side + multiple - 1) / multiple; };
  const Tiles from = Tiles({in_units(image.width), in_units(image.height)}, in_units(tile),
                           upscale_overlap / multiple)
                         .times(multiple);
  const Tiles to = from.times(scale());
  const auto values = padded_pixels(image, from.whole());
  const auto pixels_of = [](ImageSize size) {
    return 3 * static_cast<size_t>(size.width) * static_cast<size_t>(size.height);
  };
  expect_host_memory(pixels_of(to.whole()) * sizeof(float), "the enlarged picture");
  std::vector<float> enlarged(pixels_of(to.whole()));
  Executor& network = executor(from.size(), stop);
  for (size_t i = 0; i < from.count(); ++i) {
    network.set_input("image", from.cut(values, i, pixels));
    network.run(Rate::picture, stop);
    const auto result = network.output("enlarged");
    if (!all_finite(result))
      fail(ErrorKind::non_finite, "{}: the result holds NaN or infinity", name_);
    to.add(result, i, pixels, enlarged);
    if (done) done(static_cast<int>(i) + 1, static_cast<int>(from.count()));
  }
  Image large{to.whole().width, to.whole().height, 3, std::vector<uint8_t>(enlarged.size())};
  std::ranges::transform(enlarged, large.pixels.begin(), [](float value) {
    return static_cast<uint8_t>(std::clamp(std::nearbyint(value * 255), 0.0f, 255.0f));
  });
  const ImageSize size{image.width * scale(), image.height * scale()};
  return size == to.whole() ? large : part_of(large, {0, 0, size});
}

class Upscaler::Implementation {
 public:
  Implementation(const std::filesystem::path& file, const DeviceOptions& options)
      : device_(std::make_shared<OpenDevice>(options)), network_(file, device_) {}
  int scale() const { return network_.scale(); }
  std::string device() const { return device_->backend().name(); }
  Image upscale(const Image& image, int tile, const UpscaleCallbacks& callbacks) {
    check_image(image);
    if (tile != 0 && (tile < 64 || tile > 8192 || tile % 4 != 0))
      fail(ErrorKind::bad_argument, "tile: {}, expected 0 or a multiple of 4 from 64 to 8192",
           tile);
    if (int64_t{image.width} * image.height * scale() * scale() > most_pixels)
      fail(ErrorKind::bad_argument,
           "image: {}x{} pixels become {} times as many, expected at most {} megapixels",
           image.width, image.height, scale() * scale(), most_pixels / 1'000'000);
    const auto turn = device_->turn(callbacks.stop);
    return network_.run(image, tile, callbacks.stop, callbacks.progress);
  }

 private:
  std::shared_ptr<OpenDevice> device_;
  UpscalerNetwork network_;
};

Upscaler::Upscaler(const std::filesystem::path& file, const DeviceOptions& options)
    : implementation_(at_border(file.string(),
                                [&] { return std::make_unique<Implementation>(file, options); })) {}
Upscaler::~Upscaler() = default;
Upscaler::Upscaler(Upscaler&&) noexcept = default;
Upscaler& Upscaler::operator=(Upscaler&&) noexcept = default;
int Upscaler::scale() const { return implementation_->scale(); }
std::string Upscaler::device() const { return implementation_->device(); }
Image Upscaler::upscale(const Image& image, int tile, const UpscaleCallbacks& callbacks) {
  return at_border("enlarging", callbacks,
                   [&](const auto& own) { return implementation_->upscale(image, tile, own); });
}

}  // namespace drypoint
