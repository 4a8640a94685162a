#include "drypoint/score.h"

#include <nanobind/stl/filesystem.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "callbacks.h"
#include "drypoint/fields.h"
#include "fields.h"
#include "pipeline.h"
#include "tools.h"

namespace drypoint::python {
namespace {

/// "8" of {"steps": 8}: settings of a request or a device, over those of `base`.
ScoreVariant to_variant(const std::string& name, nb::handle settings, const ScoreVariant& base) {
  ScoreVariant variant = base;
  variant.name = name;
  const nb::object own = nb::module_::import_("builtins").attr("dict")(settings);
  const nb::kwargs given = nb::borrow<nb::kwargs>(own);
  Keywords keywords(given);
  keywords.set(variant.request, request_fields());
  keywords.set(variant.options, pipeline_fields());
  keywords.expect_none_left("a variant");
  return variant;
}

ScoreResult run_score(const std::filesystem::path& pictures, nb::handle model, nb::handle base,
                      const nb::dict& variants, std::vector<std::string> prompts,
                      std::optional<std::filesystem::path> references,
                      std::optional<std::filesystem::path> inception, double threshold,
                      nb::handle drawn, nb::handle stop, nb::handle progress,
                      const nb::kwargs& keywords) {
  const Opened opened = to_opened(model, keywords, "score");
  ScoreOptions options{.files = opened.files,
                       .pictures = pictures,
                       .prompts = std::move(prompts),
                       .references = std::move(references),
                       .inception = std::move(inception),
                       .threshold = threshold};
  options.base = {"base", score_defaults({}), opened.options};
  if (!base.is_none()) options.base = to_variant("base", base, options.base);
  for (const auto& [name, settings] : variants)
    options.variants.push_back(to_variant(nb::cast<std::string>(name), settings, options.base));
  if (options.variants.empty()) options.variants.push_back(options.base);
  ScoreCallbacks callbacks{.stop = stop_callback(stop)};
  if (const auto report = callback<std::string, int, int>(progress))
    callbacks.progress = [report](const ScoreProgress& now) {
      report(now.variant, now.picture, now.pictures);
    };
  callbacks.drawn = callback<std::string, PictureScore, Image, Image>(drawn);
  return without_gil([&] { return score(options, callbacks); });
}

}  // namespace

void add_score(nb::module_& module) {
  nb::class_<PictureScore>(module, "PictureScore")
      .def_ro("name", &PictureScore::name, "The picture's file name.")
      .def_ro("seconds", &PictureScore::seconds)
      .def_ro("psnr", &PictureScore::psnr, "dB.")
      .def_ro("ssim", &PictureScore::ssim)
      .def_ro("distance", &PictureScore::distance, "Of Inception features.")
      .def_ro("failed", &PictureScore::failed)
      .def_ro("quality", &PictureScore::quality, "1: like its reference, 0: failed.");
  nb::class_<VariantScore>(module, "VariantScore")
      .def_ro("name", &VariantScore::name)
      .def_ro("device", &VariantScore::device)
      .def_ro("pictures", &VariantScore::pictures)
      .def_ro("median_seconds", &VariantScore::median_seconds)
      .def_ro("mean_psnr", &VariantScore::mean_psnr)
      .def_ro("mean_ssim", &VariantScore::mean_ssim)
      .def_ro("mean_distance", &VariantScore::mean_distance)
      .def_ro("failed", &VariantScore::failed)
      .def_ro("total", &VariantScore::total, "Pictures a second, each counted at its quality.")
      .def("__repr__", [](const VariantScore& score) {
        return "<drypoint.VariantScore " + score.name + ", " + std::to_string(score.total) +
               " pictures a second>";
      });
  nb::class_<ScoreResult>(module, "ScoreResult", "How close and how fast each variant is.")
      .def_ro("model", &ScoreResult::model)
      .def_ro("device", &ScoreResult::device)
      .def_ro("threads", &ScoreResult::threads)
      .def_ro("threshold", &ScoreResult::threshold)
      .def_ro("references", &ScoreResult::references)
      .def_ro("variants", &ScoreResult::variants);
  module.def(
      "score", &run_score, nb::arg("pictures"), nb::arg("model") = nb::none(), nb::kw_only(),
      nb::arg("base") = nb::none(), nb::arg("variants") = nb::dict(),
      nb::arg("prompts") = std::vector<std::string>(), nb::arg("references") = nb::none(),
      nb::arg("inception") = nb::none(), nb::arg("threshold") = 12.0, nb::arg("drawn") = nb::none(),
      nb::arg("stop") = nb::none(), nb::arg("progress") = nb::none(), nb::arg("keywords"),
      nb::sig(lasting(
          "def score(pictures: str | os.PathLike[str], model: str | os.PathLike[str] | None = "
          "None, *, "
          "base: collections.abc.Mapping[str, typing.Any] | None = None, variants: "
          "collections.abc.Mapping[str, collections.abc.Mapping[str, typing.Any]] = ..., "
          "prompts: collections.abc.Sequence[str] = (), references: "
          "str | os.PathLike[str] | None = None, inception: str | os.PathLike[str] | None = None, "
          "threshold: float = 12, drawn: collections.abc.Callable[[str, PictureScore, Image, "
          "Image], "
          "object] | None = None, stop: collections.abc.Callable[[], object] | None = None, "
          "progress: "
          "collections.abc.Callable[[str, int, int], object] | None = None" +
          opened_keywords() + ") -> ScoreResult")),
      R"(Draws every picture of a folder with every variant, and compares with references.

`variants` are settings by name, {"few": {"steps": 8}}; `base` the settings that all share, beyond those
of the original's compute_score.py. `prompts` are taken in turn with the pictures. `references` is a folder of pictures with the same names; without
it `base` draws them in float32. `inception`: weights of the network whose features are compared.
`drawn` is given (variant, score, drawn, reference), `progress` (variant, picture, pictures).

Raises BadFile, BadArgument, Unsupported, and what `Pipeline` raises.)");
}

}  // namespace drypoint::python
