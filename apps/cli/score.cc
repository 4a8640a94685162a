#include "drypoint/score.h"

#include <fmt/format.h>

#include <cmath>
#include <memory>

#include "commands.h"
#include "device_options.h"
#include "drawing_options.h"
#include "drypoint/output.h"
#include "field_options.h"
#include "model_options.h"
#include "options.h"
#include "sweep.h"
#include "terminal.h"

namespace drypoint::cli {
namespace {

namespace fs = std::filesystem;

/// The folder beside variants' for references that are drawn.
constexpr const char* drawn_references = "references";

struct ScoreArguments {
  ModelOptions model;
  DeviceOptions device;
  std::string pictures, prompts, references, inception, output, html;
  FieldOptions<Request> request{request_fields()};
  std::vector<std::string> sweep;
  double threshold = 12;
  bool json = false;
};

ScoreOptions to_score(const ScoreArguments& options, std::vector<std::string>& notices) {
  ScoreOptions score;
  score.files = options.model.files(notices, "drawing with");
  score.pictures = options.pictures;
  if (!options.prompts.empty()) score.prompts = prompts_in(options.prompts);
  if (!options.references.empty()) score.references = options.references;
  if (!options.inception.empty()) score.inception = options.inception;
  if (!score.inception)
    notices.push_back("no --inception given: pictures are compared by SSIM, and none fails");
  score.threshold = options.threshold;
  score.base = {"default", {}, options.device.pipeline_options()};
  variants_of(score.base, options.sweep);  // options first: files can take their time
  const Pipeline pipeline(files_without_eight_bits(score.files), score.base.options);
  options.device.note_vain(pipeline.description().device, notices);
  score.base.request = score_defaults(pipeline.defaults());
  options.request.expect_one_of("size", "resolution");
  options.request.apply(score.base.request);
  if (!score.base.request.seed) bad_option("--seed: -1, expected 0 to 18446744073709551615");
  score.variants = variants_of(score.base, options.sweep);
  return score;
}

/// Refuses to draw over the pictures that are read.
void check_folder(const ScoreArguments& options, const std::string& variant) {
  if (options.output.empty()) return;
  const fs::path place = fs::path(options.output) / variant;
  std::error_code ignored;
  for (const std::string& read : {options.pictures, options.references})
    if (!read.empty() && fs::equivalent(place, read, ignored))
      bad_option(fmt::format("--output: {}: holds pictures to read, expected another folder",
                             place.string()));
}

fs::path drawing(const ScoreArguments& options, const std::string& variant,
                 const fs::path& picture) {
  return fs::path(options.output) / variant / (picture.stem().string() + ".png");
}

/// Finds out before the work whether its results can be written.
void check_outputs(const ScoreArguments& options, const ScoreOptions& settings) {
  if (options.output.empty()) return;
  std::vector<std::string> folders;
  for (const ScoreVariant& variant : settings.variants) folders.push_back(variant.name);
  if (options.references.empty()) folders.emplace_back(drawn_references);
  for (const std::string& folder : folders) {
    check_folder(options, folder);
    for (const fs::path& picture : score_pictures(options.pictures)) {
      try {
        check_output(drawing(options, folder, picture), Folders::are_made);
      } catch (const Error& error) {
        throw Error(error.kind(), fmt::format("--output: {}", error.what()));
      }
    }
  }
}

std::string text_of(std::optional<double> value, int digits) {
  return value ? fmt::format("{:.{}f}", *value, digits) : "-";
}

void print_table(const ScoreResult& result) {
  size_t width = 7;
  for (const VariantScore& v : result.variants) width = std::max(width, v.name.size());
  fmt::print("{:{}} {:>9} {:>9} {:>7} {:>7} {:>9} {:>7}\n", "variant", width, "total", "median s",
             "PSNR", "SSIM", "distance", "failed");
  for (const VariantScore& v : result.variants)
    fmt::print("{:{}} {:>9.4f} {:>9.3f} {:>7.2f} {:>7.4f} {:>9} {:>3}/{}\n", v.name, width, v.total,
               v.median_seconds, v.mean_psnr, v.mean_ssim, text_of(v.mean_distance, 2), v.failed,
               v.pictures.size());
}

Json json_or_null(std::optional<double> value) { return value ? Json(*value) : Json(nullptr); }

Json to_json(const VariantScore& variant) {
  Json json{{"name", variant.name},
            {"device", variant.device},
            {"total", variant.total},
            {"median_seconds", variant.median_seconds},
            {"mean_psnr", variant.mean_psnr},
            {"mean_ssim", variant.mean_ssim},
            {"mean_distance", json_or_null(variant.mean_distance)},
            {"failed", variant.failed},
            {"pictures", Json::array()}};
  for (const PictureScore& p : variant.pictures)
    json["pictures"].push_back({{"name", p.name},
                                {"seconds", p.seconds},
                                {"psnr", p.psnr},
                                {"ssim", p.ssim},
                                {"distance", json_or_null(p.distance)},
                                {"quality", p.quality},
                                {"failed", p.failed}});
  return json;
}

void print_as_json(const ScoreResult& result, const std::vector<std::string>& notices) {
  Json json{{"model", result.model},           {"device", result.device},
            {"threads", result.threads},       {"threshold", result.threshold},
            {"references", result.references}, {"variants", Json::array()}};
  for (const VariantScore& variant : result.variants) json["variants"].push_back(to_json(variant));
  json["notices"] = notices;
  print_json(json);
}

void run(const ScoreArguments& options) {
  if (!(options.threshold > 0 && std::isfinite(options.threshold)))
    bad_option(fmt::format("--fail-above: {}, expected more than 0", options.threshold));
  if (!options.html.empty()) check_file_output("--html", options.html, {".html"});
  std::vector<std::string> notices;
  const ScoreOptions settings = to_score(options, notices);
  check_outputs(options, settings);
  OutputSet outputs;
  std::optional<Gallery> gallery;
  if (!options.html.empty()) gallery.emplace(outputs, options.html);
  ScoreResult result;
  {
    ProgressLine line;
    const auto show = [&](const ScoreProgress& progress) {
      line.show(fmt::format("{} {}/{}", progress.variant, progress.picture, progress.pictures));
    };
    const auto keep = [&](const std::string& variant, const PictureScore& picture,
                          const Image& drawn, const Image& reference) {
      const auto write = [&](const std::string& folder, const Image& image) {
        const fs::path path = drawing(options, folder, picture.name);
        outputs.make_folder(path.parent_path());
        outputs.add(path, encode_image(image, ImageFormat::png));
      };
      if (!options.output.empty()) write(variant, drawn);
      if (!options.output.empty() && options.references.empty() &&
          variant == settings.variants.front().name)
        write(drawn_references, reference);
      if (gallery) gallery->add(variant, picture, drawn, reference);
    };
    result = score(settings, {show, interrupted, keep});
  }

  if (gallery) gallery->finish(result);
  outputs.commit();
  for (const auto& notice : notices) print_notice(notice);
  if (options.json)
    print_as_json(result, notices);
  else
    print_table(result);
}

}  // namespace

void add_score(CLI::App& program) {
  auto* command = program.add_subcommand(
      "score", "Draw a folder of pictures: how fast, and how close to references");
  auto o = std::make_shared<ScoreArguments>();
  o->model.add_to(*command);
  command->add_option("PICTURES", o->pictures, "Folder of pictures whose edges steer")
      ->required()
      ->transform(path());
  command
      ->add_option("--prompts", o->prompts,
                   "File of prompts, a line each, taken in turn with the pictures")
      ->transform(path());
  command
      ->add_option("--references", o->references,
                   "Folder of pictures of the same names to compare with;\n"
                   "without it, they are drawn in float32 with the settings not swept")
      ->transform(path());
  command
      ->add_option("--inception", o->inception,
                   "Weights of the Inception network (pytorch-fid's .pth), for the distance")
      ->transform(path());
  command->add_option("--sweep", o->sweep,
                      "KEY=VALUE,VALUE,...: draw with each; KEY is the name of an option\n"
                      "with numbers or words, such as steps, scale, schedule or precision");
  command->add_option("--fail-above", o->threshold, "The distance at which a picture fails")
      ->check(number())
      ->capture_default_str();
  const Request usual = score_defaults({});
  for (const auto& field : request_fields())
    if (field.name != "samples" && !is_of_painting(field))  // one picture is compared with one
      o->request.add(*command, field.name, usual);
  o->device.add_to(*command);
  o->model.add_details_to(*command);
  command
      ->add_option("-o,--output", o->output,
                   "Folder to write the drawn pictures into, and references that are drawn")
      ->transform(path());
  command->add_option("--html", o->html, "Write a page with all pictures and differences")
      ->transform(path());
  command->add_flag("--json", o->json, "Print the result as JSON");
  command->footer(
      "  drypoint score birds/ --sweep steps=8,11,20 --html score.html\n"
      "  drypoint score birds/ -m sd15.safetensors --control canny=control.pth \\\n"
      "    --references torch/ --inception pt_inception-2015-12-05-6726825d.pth\n");
  command->callback([o] { run(*o); });
}

}  // namespace drypoint::cli
