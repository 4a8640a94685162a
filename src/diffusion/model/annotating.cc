#include "diffusion/model/annotating.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "base/error.h"
#include "base/finite.h"
#include "base/utf8.h"
#include "compile/compile.h"
#include "diffusion/model/folder_files.h"
#include "drypoint/annotate.h"
#include "image/formats.h"

namespace drypoint {
namespace {

constexpr int least_side = 16;

/// Whether it is called so, or the same as safetensors.
bool is_called(const std::filesystem::path& file, std::string_view name) {
  return file.filename() == name ||
         (file.extension() == ".safetensors" && file.stem() == std::filesystem::path(name).stem());
}

std::string listed_files(const Preprocessor& preprocessor) {
  return fmt::format("{}", fmt::join(preprocessor.files, " or "));
}

/// All that are called as some network's.
std::vector<std::filesystem::path> weights_below(const std::filesystem::path& folder) {
  return files_below(folder, "annotators", [](const std::filesystem::path& file) {
    return std::ranges::any_of(preprocessors(), [&](const Preprocessor& preprocessor) {
      return std::ranges::any_of(preprocessor.files,
                                 [&](std::string_view name) { return is_called(file, name); });
    });
  });
}

/// Of these files, the usual one first; none if it is not there.
std::optional<std::filesystem::path> weights_among(const std::vector<std::filesystem::path>& files,
                                                   const Preprocessor& preprocessor) {
  for (const std::string_view name : preprocessor.files)
    for (const std::filesystem::path& file : files)
      if (is_called(file, name)) return file;
  return std::nullopt;
}

[[noreturn]] void refuse_folder(const std::filesystem::path& folder,
                                const Preprocessor& preprocessor) {
  fail(ErrorKind::bad_argument, "preprocessor: {} needs {}, found none below the folder {}",
       preprocessor.name, listed_files(preprocessor), printable(folder.string()));
}

/// The file itself, or that of a folder.
std::filesystem::path weights_at(const std::filesystem::path& path,
                                 const Preprocessor& preprocessor) {
  std::error_code ignored;
  if (!std::filesystem::is_directory(path, ignored)) return path;
  const auto file = weights_among(weights_below(path), preprocessor);
  if (!file) refuse_folder(path, preprocessor);
  return *file;
}

const Preprocessor& network_named(std::string_view name) {
  const Preprocessor& preprocessor = preprocessor_named(name);
  if (!preprocessor.is_network())
    fail(ErrorKind::bad_argument, "preprocessor: {} is no network, and has no weights",
         preprocessor.name);
  return preprocessor;
}

}  // namespace

AnnotatorNetwork::AnnotatorNetwork(const Preprocessor& preprocessor,
                                   const std::filesystem::path& file,
                                   std::shared_ptr<OpenDevice> device)
    : preprocessor_(preprocessor),
      network_(read_hint_network(preprocessor.name, file)),
      device_(std::move(device)),
      store_(network_->tensors(), device_->backend(), nullptr, device_->budget()) {}

Executor& AnnotatorNetwork::executor(ImageSize size, const StopRequested& stop) {
  if (executor_ && ready_ == size) return *executor_;
  executor_.reset();
  SizedGraph sized = network_->build(size);
  Plan plan = compile(std::move(sized.graph), device_->backend().target());
  const auto making = device_->making.alone(stop);
  device_->use_choices(nullptr);
  executor_ = std::make_unique<Executor>(std::move(plan), device_->backend(), store_, stop);
  for (const auto& [name, values] : sized.tables) set_input(name, values);
  ready_ = size;
  return *executor_;
}

void AnnotatorNetwork::set_input(const std::string& name, const InputValues& values) {
  std::visit([&](const auto& own) { executor_->set_input(name, std::span(own)); }, values);
}

Image AnnotatorNetwork::run(const Image& image, const PreprocessOptions& options,
                            const StopRequested& stop) {
  check_image(image);
  const PreprocessOptions numbers = checked(preprocessor_, options);
  if (image.width < least_side || image.height < least_side)
    fail(ErrorKind::bad_argument, "image: {}x{} pixels, expected sides from {}", image.width,
         image.height, least_side);
  const std::lock_guard lock(running_);
  const ImageSize seen = network_->seen_size({image.width, image.height});
  Executor& network = executor(seen, stop);
  for (const auto& [name, values] : network_->inputs(image, seen)) set_input(name, values);
  network.run(Rate::picture, stop);
  const auto outputs = [&](const std::string& output) {
    const auto values = network.output(output);
    if (!all_finite(values))
      fail(ErrorKind::non_finite, "{}: the result holds NaN or infinity", preprocessor_.name);
    return values;
  };
  return network_->hint(image, seen, outputs, numbers);
}

AnnotatorLibrary::AnnotatorLibrary(const std::optional<std::filesystem::path>& folder,
                                   std::shared_ptr<OpenDevice> device)
    : folder_(folder), device_(std::move(device)) {
  if (!folder_) return;
  const auto files = weights_below(*folder_);
  for (const Preprocessor& preprocessor : preprocessors())
    if (const auto file = weights_among(files, preprocessor)) files_[preprocessor.name] = *file;
}

bool AnnotatorLibrary::has_weights(const Preprocessor& preprocessor) const {
  return !preprocessor.is_network() || files_.contains(preprocessor.name);
}

AnnotatorNetwork& AnnotatorLibrary::open(const Preprocessor& preprocessor) {
  if (!folder_)
    fail(
        ErrorKind::bad_argument,
        "preprocessor: {} is a network, but no folder with its weights ({}) was given (annotators)",
        preprocessor.name, listed_files(preprocessor));
  if (!has_weights(preprocessor)) refuse_folder(*folder_, preprocessor);
  const std::lock_guard lock(opening_);
  auto& network = opened_[preprocessor.name];
  if (!network)
    network =
        std::make_unique<AnnotatorNetwork>(preprocessor, files_.at(preprocessor.name), device_);
  return *network;
}

Image AnnotatorLibrary::hint(const Preprocessor& preprocessor, const Image& image,
                             const PreprocessOptions& options, const StopRequested& stop) {
  if (!preprocessor.is_network()) return preprocess(preprocessor, image, options);
  AnnotatorNetwork& network = open(preprocessor);
  const auto turn = device_->turn(stop);
  return network.run(image, options, stop);
}

class Annotator::Implementation {
 public:
  Implementation(const Preprocessor& preprocessor, const std::filesystem::path& weights,
                 const DeviceOptions& options)
      : device_(std::make_shared<OpenDevice>(options)),
        network_(preprocessor, weights_at(weights, preprocessor), device_) {}
  std::string device() const { return device_->backend().name(); }
  Image annotate(const Image& image, const PreprocessOptions& options, const StopRequested& stop) {
    const auto turn = device_->turn(stop);
    return network_.run(image, options, stop);
  }

 private:
  std::shared_ptr<OpenDevice> device_;
  AnnotatorNetwork network_;
};

Annotator::Annotator(std::string_view preprocessor, const std::filesystem::path& weights,
                     const DeviceOptions& options)
    : implementation_(at_border(weights.string(), [&] {
        return std::make_unique<Implementation>(network_named(preprocessor), weights, options);
      })) {}
Annotator::~Annotator() = default;
Annotator::Annotator(Annotator&&) noexcept = default;
Annotator& Annotator::operator=(Annotator&&) noexcept = default;
std::string Annotator::device() const { return implementation_->device(); }
Image Annotator::annotate(const Image& image, const PreprocessOptions& options,
                          const std::function<bool()>& stop) {
  return at_border("preprocessing",
                   [&] { return implementation_->annotate(image, options, stop); });
}

}  // namespace drypoint
