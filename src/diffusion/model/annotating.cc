#include "diffusion/model/annotating.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "annotate/filling.h"
#include "base/error.h"
#include "base/finite.h"
#include "base/utf8.h"
#include "compile/compile.h"
#include "diffusion/model/folder_files.h"
#include "drypoint/annotate.h"
#include "image/formats.h"
#include "image/pillow.h"

namespace drypoint {
namespace {

constexpr int least_side = 16;
/// What sides are filled up to multiples of, as the web UI's ControlNet extension does.
constexpr int network_sides = 64;

/// Whether it is called so, or the same as safetensors.
bool is_called(const std::filesystem::path& file, std::string_view name) {
  return file.filename() == name ||
         (file.extension() == ".safetensors" && file.stem() == std::filesystem::path(name).stem());
}

/// All that are called as some network's.
std::vector<std::filesystem::path> weights_below(const std::filesystem::path& folder) {
  return files_below(folder, "annotators", [](const std::filesystem::path& file) {
    return std::ranges::any_of(preprocessors(), [&](const Preprocessor& preprocessor) {
      const auto is_it = [&](std::string_view name) { return is_called(file, name); };
      return std::ranges::any_of(preprocessor.files, is_it) ||
             std::ranges::any_of(preprocessor.further_files, is_it);
    });
  });
}

/// Names for a network's file, the usual one first.
using FileNames = std::vector<std::string_view>;

std::vector<FileNames> names_of_networks(const Preprocessor& preprocessor) {
  std::vector<FileNames> all{preprocessor.files};
  for (const std::string_view name : preprocessor.further_files) all.push_back({name});
  return all;
}

std::string listed_files(const Preprocessor& preprocessor) {
  std::vector<std::string> all;
  for (const FileNames& names : names_of_networks(preprocessor))
    all.push_back(fmt::format("{}", fmt::join(names, " or ")));
  return fmt::format("{}", fmt::join(all, " and "));
}

/// Of these files that of each of the preprocessor's networks, as far as they are there.
std::vector<std::filesystem::path> weights_among(const std::vector<std::filesystem::path>& files,
                                                 const Preprocessor& preprocessor) {
  const auto file_of = [&](const FileNames& names) -> std::optional<std::filesystem::path> {
    for (const std::string_view name : names)
      for (const std::filesystem::path& file : files)
        if (is_called(file, name)) return file;
    return std::nullopt;
  };
  std::vector<std::filesystem::path> found;
  for (const FileNames& names : names_of_networks(preprocessor))
    if (auto file = file_of(names)) found.push_back(std::move(*file));
  return found;
}

bool are_complete(const std::vector<std::filesystem::path>& weights,
                  const Preprocessor& preprocessor) {
  return weights.size() == 1 + preprocessor.further_files.size();
}

[[noreturn]] void refuse_folder(const std::filesystem::path& folder,
                                const std::vector<std::filesystem::path>& found,
                                const Preprocessor& preprocessor) {
  std::vector<std::string> names;
  for (const auto& file : found) names.push_back(printable(file.filename().string()));
  fail(ErrorKind::bad_argument, "preprocessor: {} needs {}, found {} below the folder {}",
       preprocessor.name, listed_files(preprocessor),
       names.empty() ? "none" : fmt::format("only {}", fmt::join(names, " and ")),
       printable(folder.string()));
}

/// The file itself, or those of a folder.
std::vector<std::filesystem::path> weights_at(const std::filesystem::path& path,
                                              const Preprocessor& preprocessor) {
  std::error_code ignored;
  if (!std::filesystem::is_directory(path, ignored)) {
    if (!preprocessor.further_files.empty())
      fail(ErrorKind::bad_argument, "preprocessor: {} needs a folder with {}, got {}",
           preprocessor.name, listed_files(preprocessor), printable(path.string()));
    return {path};
  }
  auto files = weights_among(weights_below(path), preprocessor);
  if (!are_complete(files, preprocessor)) refuse_folder(path, files, preprocessor);
  return files;
}

const Preprocessor& expect_network(const Preprocessor& preprocessor) {
  if (!preprocessor.is_network())
    fail(ErrorKind::bad_argument, "preprocessor: {} is no network, and has no weights",
         preprocessor.name);
  return preprocessor;
}

}  // namespace

ReadyNetwork::ReadyNetwork(const Network& network, std::shared_ptr<OpenDevice> device)
    : network_(network),
      device_(std::move(device)),
      store_(network.tensors(), device_->backend(), nullptr, device_->budget()) {}

Executor& ReadyNetwork::executor(ImageSize size, const StopRequested& stop) {
  if (executor_ && ready_ == size) return *executor_;
  executor_.reset();
  SizedGraph sized = network_.build(size);
  Plan plan = compile(std::move(sized.graph), device_->backend().target());
  const auto making = device_->making.alone(stop);
  device_->use_choices(nullptr);
  executor_ = std::make_unique<Executor>(std::move(plan), device_->backend(), store_, stop);
  for (const auto& [name, values] : sized.tables) set_input(name, values);
  ready_ = size;
  return *executor_;
}

void ReadyNetwork::set_input(const std::string& name, const InputValues& values) {
  std::visit([&](const auto& own) { executor_->set_input(name, std::span(own)); }, values);
}

Executor& ReadyNetwork::run(ImageSize seen, const NetworkInputs& inputs,
                            const StopRequested& stop) {
  Executor& network = executor(seen, stop);
  for (const auto& [name, values] : inputs) set_input(name, values);
  network.run(Rate::picture, stop);
  return network;
}

NetworkOutputs ReadyNetworks::run(const Network& network, ImageSize seen,
                                  const NetworkInputs& inputs, const StopRequested& stop) {
  Executor& results =
      ready_.try_emplace(&network, network, device_).first->second.run(seen, inputs, stop);
  return [&results, &network](const std::string& output) {
    const auto values = results.output(output);
    if (!all_finite(values))
      fail(ErrorKind::non_finite, "{}: what the network gives holds NaN or infinity",
           network.tensors().files.front()->path().string());
    return values;
  };
}

Image hint_by(const HintMaker& maker, const Preprocessor& preprocessor, const Image& image,
              const PreprocessOptions& options, ReadyNetworks& networks,
              const StopRequested& stop) {
  check_image(image);
  const PreprocessOptions numbers = checked(preprocessor, options);
  if (image.width < least_side || image.height < least_side)
    fail(ErrorKind::bad_argument, "image: {}x{} pixels, expected sides from {}", image.width,
         image.height, least_side);
  const ImageSize size{image.width, image.height};
  const Image whole = filled_up(image, filled_up(size, network_sides));
  const Image hint = maker.make(
      whole, numbers, [&](const Network& network, ImageSize seen, const NetworkInputs& inputs) {
        return networks.run(network, seen, inputs, stop);
      });
  return part_of(hint, {0, 0, size});
}

AnnotatorLibrary::AnnotatorLibrary(const std::optional<std::filesystem::path>& folder,
                                   std::shared_ptr<OpenDevice> device)
    : folder_(folder), device_(std::move(device)), networks_(device_) {
  if (folder_) files_ = weights_below(*folder_);
}

bool AnnotatorLibrary::has_weights(const Preprocessor& preprocessor) const {
  return !preprocessor.is_network() ||
         are_complete(weights_among(files_, preprocessor), preprocessor);
}

std::vector<std::filesystem::path> AnnotatorLibrary::own_weights(
    const Preprocessor& preprocessor) const {
  if (!folder_)
    fail(
        ErrorKind::bad_argument,
        "preprocessor: {} is a network, but no folder with its weights ({}) was given (annotators)",
        preprocessor.name, listed_files(preprocessor));
  auto files = weights_among(files_, preprocessor);
  if (!are_complete(files, preprocessor)) refuse_folder(*folder_, files, preprocessor);
  return files;
}

Image AnnotatorLibrary::hint(const Preprocessor& preprocessor, const std::filesystem::path& weights,
                             const Image& image, const PreprocessOptions& options,
                             const StopRequested& stop) {
  if (!weights.empty()) expect_network(preprocessor);
  if (!preprocessor.is_network()) return preprocess(preprocessor, image, options);
  const auto files =
      weights.empty() ? own_weights(preprocessor) : weights_at(weights, preprocessor);
  const auto turn = device_->turn(stop);
  const auto running = running_.alone(stop);
  const auto maker = read_hint_maker(preprocessor.name, files, network_files_);
  return hint_by(*maker, preprocessor, image, options, networks_, stop);
}

class Annotator::Implementation {
 public:
  Implementation(const Preprocessor& preprocessor, const std::filesystem::path& weights,
                 const DeviceOptions& options)
      : preprocessor_(preprocessor),
        device_(std::make_shared<OpenDevice>(options)),
        maker_(read_hint_maker(preprocessor.name, weights_at(weights, preprocessor), files_)),
        networks_(device_) {}
  std::string device() const { return device_->backend().name(); }
  Image annotate(const Image& image, const PreprocessOptions& options, const StopRequested& stop) {
    const auto turn = device_->turn(stop);
    return hint_by(*maker_, preprocessor_, image, options, networks_, stop);
  }

 private:
  const Preprocessor& preprocessor_;
  std::shared_ptr<OpenDevice> device_;
  NetworkFiles files_;
  std::shared_ptr<const HintMaker> maker_;
  ReadyNetworks networks_;
};

Annotator::Annotator(std::string_view preprocessor, const std::filesystem::path& weights,
                     const DeviceOptions& options)
    : implementation_(at_border(weights.string(), [&] {
        return std::make_unique<Implementation>(expect_network(preprocessor_named(preprocessor)),
                                                weights, options);
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
