#include "drypoint/mixed.h"

#include <fmt/format.h>
#include <stdlib.h>

#include <cerrno>
#include <cmath>
#include <cstring>

#include "base/error.h"
#include "diffusion/model/calibration.h"
#include "diffusion/model/open_device.h"
#include "drypoint/calibrate.h"

namespace drypoint {
namespace {

namespace fs = std::filesystem;

/// A folder of this process's own, gone with its last owner.
std::shared_ptr<fs::path> make_passing_folder() {
  std::string name = (fs::temp_directory_path() / "drypoint-XXXXXX").string();
  if (!::mkdtemp(name.data())) fail(ErrorKind::write_failed, "{}: {}", name, std::strerror(errno));
  return {new fs::path(name), [](const fs::path* folder) {
            std::error_code ignored;
            fs::remove_all(*folder, ignored);
            delete folder;
          }};
}

/// The device's best type of eight bits.
Precision best_of(const PipelineOptions& options) {
  const OpenDevice device(options);
  const auto& types = device.backend().target().eight_bits;
  if (types.empty())
    fail(ErrorKind::unsupported, "precision: device {} has no kernels of eight bits",
         device.backend().name());
  return types[0] == DType::f8 ? Precision::fp8 : Precision::int8;
}

bool steers(const MixedOptions& options) {
  return !options.pictures.empty() || options.request.image != Image() ||
         !options.request.controls.empty();
}

/// That there is anything to draw.
void expect_drawings(const MixedOptions& options) {
  if (!steers(options) && options.prompts.empty() && options.request.prompt.empty())
    fail(
        ErrorKind::bad_argument,
        "quality: {} dB, but there is nothing to draw that would tell; expected pictures, prompts, "
        "or a calibration that was made for it",
        options.quality);
}

/// What the drawings cannot have told about.
void keep_unseen(const MixedOptions& options, ModelFiles& files) {
  if (steers(options)) return;
  const Model model(files_for(options.files, Precision::automatic), options.pipeline);
  if (!model.description().controls.empty()) files.keep.emplace_back("control_model*");
}

fs::path calibrated(const MixedOptions& options, const fs::path& folder,
                    const MixedCallbacks& callbacks) {
  const CalibrationOptions calibration{.files = files_for(options.files, Precision::automatic),
                                       .pipeline = options.pipeline,
                                       .pictures = options.pictures,
                                       .prompts = options.prompts,
                                       .request = options.request,
                                       .count = options.count};
  fs::path file = folder / "calibration.safetensors";
  calibrate(
      calibration, file,
      {[&](const CalibrationProgress& progress) {
         if (callbacks.progress)
           callbacks.progress(fmt::format("calibrating {}/{}", progress.drawing + 1, progress.of));
       },
       callbacks.stop});
  return file;
}

FoundMixed find(const MixedOptions& options, const MixedCallbacks& callbacks) {
  if (!(options.quality > 0) || !std::isfinite(options.quality))
    fail(ErrorKind::bad_argument, "quality: {} dB, expected a finite number above 0",
         options.quality);
  if (options.files.plan)
    fail(ErrorKind::bad_argument, "plan: {}: has its precision, expected a checkpoint",
         options.files.plan->string());
  FoundMixed found{.files = options.files, .pipeline = options.pipeline};
  found.pipeline.precision = best_of(options.pipeline);
  if (options.files.calibration) {
    const auto known =
        known_quality(*options.files.calibration, *eight_bits_of(found.pipeline.precision));
    if (known && *known >= options.quality) return found;
  }
  expect_drawings(options);
  keep_unseen(options, found.files);
  if (!found.files.calibration) {
    const auto folder = make_passing_folder();
    found.files.calibration = calibrated(options, *folder, callbacks);
    found.calibration = folder;
  }
  found.measured = find_kept({.files = found.files,
                              .a = options.pipeline,
                              .b = found.pipeline,
                              .pictures = options.pictures,
                              .prompts = options.prompts,
                              .request = options.request,
                              .count = options.count,
                              .keep_first = KeepFirst::dear},
                             options.quality,
                             {[&](const ComparisonProgress& progress) {
                                if (callbacks.progress) callbacks.progress(progress.what);
                              },
                              callbacks.stop});
  const auto& kept = found.measured->kept;
  found.files.keep.insert(found.files.keep.end(), kept.begin(), kept.end());
  return found;
}

}  // namespace

FoundMixed find_mixed(const MixedOptions& options, const MixedCallbacks& callbacks) {
  return at_border("finding a mixed precision", callbacks,
                   [&](const auto& own) { return find(options, own); });
}

}  // namespace drypoint
