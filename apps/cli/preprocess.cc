#include "drypoint/preprocess.h"

#include <fmt/format.h>

#include <algorithm>
#include <memory>

#include "commands.h"
#include "drypoint/annotate.h"
#include "drypoint/edges.h"
#include "drypoint/fields.h"
#include "field_options.h"
#include "interrupts.h"
#include "options.h"
#include "picture_files.h"
#include "terminal.h"

namespace drypoint::cli {
namespace {

struct PreprocessArguments {
  std::string kind, model, image, mask, output;
  FieldOptions<Request> request{request_fields()};
  FieldOptions<Control> control{control_fields()};
  bool json = false;
};

Image fitted(const Image& image, const Request& request, const Control& control) {
  return request.size == ImageSize() ? resize_for_control(image, request.resolution)
                                     : resize_for_control(image, request.size, control.resize);
}

bool is_network(const std::string& kind) {
  return std::ranges::find(annotator_kinds(), kind, &AnnotatorKind::name) !=
         annotator_kinds().end();
}

/// By the network that was given.
Image annotated(const PreprocessArguments& options, const Image& image) {
  if (options.model.empty())
    bad_option(fmt::format("--model: found none, expected the network of {}", options.kind));
  for (const char* name : {"threshold_a", "threshold_b"})
    if (options.control.has(name)) bad_option(fmt::format("{}: {} takes none", name, options.kind));
  if (!options.mask.empty()) bad_option(fmt::format("--mask: {} takes none", options.kind));
  return Annotator(options.kind, options.model).annotate(image, interrupted);
}

void run(const PreprocessArguments& options) {
  Request request;
  Control control;
  options.request.expect_one_of("size", "resolution");
  options.request.apply(request);
  options.control.apply(control);
  const bool by_network = is_network(options.kind);
  if (!by_network) preprocessor_named(options.kind);
  if (!by_network && !options.model.empty())
    bad_option(fmt::format("--model: {} is no network", options.kind));
  check_output("--output", options.output);
  if (options.json && is_standard(options.output))
    bad_option("--json: goes to standard output, as --output - does; expected one of them");
  check_files_differ({{"--output", options.output}},
                     {{"--image", options.image}, {"--mask", options.mask}});
  ReadImage read = read_picture("--image", options.image);
  PreprocessOptions numbers{.threshold_a = control.threshold_a,
                            .threshold_b = control.threshold_b,
                            .mask = {},
                            .seed = request.seed.value_or(0)};
  if (!options.mask.empty())
    numbers.mask = fitted(read_picture("--mask", options.mask).image, request, control);
  const Image picture = fitted(read.image, request, control);
  const Image hint = by_network ? annotated(options, picture)
                                : preprocess(preprocessor_named(options.kind), picture, numbers);
  PictureSet outputs;
  outputs.add(options.output, hint);
  outputs.commit();
  for (const auto& notice : read.notices) print_notice(notice);
  if (options.json)
    print_json({{"hint", options.output},
                {"preprocessor", options.kind},
                {"width", hint.width},
                {"height", hint.height},
                {"notices", read.notices}});
  else if (!is_standard(options.output))
    fmt::print("{}\n", options.output);
}

/// "canny  edges (low threshold 100, high threshold 200)"
std::string kinds() {
  std::string lines;
  for (const Preprocessor& preprocessor : preprocessors()) {
    std::string numbers;
    for (const PreprocessNumber& number : {preprocessor.threshold_a, preprocessor.threshold_b})
      if (!number.meaning.empty())
        numbers +=
            fmt::format("{}{} {}", numbers.empty() ? " (" : ", ", number.meaning, number.usual);
    if (!numbers.empty()) numbers += ")";
    lines += fmt::format("  {:18} {}{}\n", preprocessor.name, preprocessor.help, numbers);
  }
  for (const AnnotatorKind& network : annotator_kinds())
    lines += fmt::format("  {:18} {} (--model {})\n", network.name, network.help, network.file);
  return lines;
}

}  // namespace

void add_preprocess(CLI::App& program) {
  auto* command =
      program.add_subcommand("preprocess", "Make of a picture the hint that a ControlNet sees");
  auto o = std::make_shared<PreprocessArguments>();
  command->add_option("kind", o->kind, "One of those below")->required();
  command
      ->add_option("-i,--image", o->image,
                   "Picture (PNG, JPEG, WebP, PGM, PPM), or - for standard input")
      ->required()
      ->transform(path());
  command->add_option("--model", o->model, "The network of a kind that is one")->transform(path());
  command->add_option("--mask", o->mask, "Of inpaint: white where it is to be painted anew")
      ->transform(path());
  for (const char* name : {"resolution", "size", "seed"}) o->request.add(*command, name, {});
  for (const char* name : {"threshold_a", "threshold_b", "resize"})
    o->control.add(*command, name, {});
  command->add_flag("--json", o->json, "Print the result as JSON");
  command->add_option("-o,--output", o->output, "Picture to write, or - for standard output (PNG)")
      ->required()
      ->transform(output_path());
  command->footer(kinds() +
                  "\n  drypoint preprocess scribble_xdog -i photo.jpg -o scribble.png\n"
                  "  drypoint preprocess canny --threshold-a 50 -i photo.jpg -o edges.png\n");
  command->callback([o] { run(*o); });
}

}  // namespace drypoint::cli
