#include "drypoint/preprocess.h"

#include <fmt/format.h>

#include <algorithm>
#include <memory>

#include "commands.h"
#include "device_options.h"
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
  DeviceOptions device;
  bool json = false;
};

Image fitted(const Image& image, const Request& request, const Control& control) {
  return request.size == ImageSize() ? resize_for_control(image, request.resolution)
                                     : resize_for_control(image, request.size, control.resize);
}

/// By the network that was given.
Image annotated(const PreprocessArguments& options, const Preprocessor& network,
                const PreprocessOptions& numbers, const Image& image) {
  if (options.model.empty())
    bad_option(
        fmt::format("--model: found none, expected {}{}", usual_files(network),
                    network.further_files.empty() ? ", or a folder with it" : " in a folder"));
  if (!options.mask.empty()) bad_option(fmt::format("--mask: {} takes none", network.name));
  return Annotator(network.name, options.model, options.device.pipeline_options())
      .annotate(image, numbers, interrupted);
}

void run(const PreprocessArguments& options) {
  Request request;
  Control control;
  options.request.expect_one_of("size", "resolution");
  options.request.apply(request);
  options.control.apply(control);
  const Preprocessor& preprocessor = preprocessor_named(options.kind);
  if (!preprocessor.is_network() && !options.model.empty())
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
  const Image hint = preprocessor.is_network() ? annotated(options, preprocessor, numbers, picture)
                                               : preprocess(preprocessor, picture, numbers);
  PictureSet outputs;
  outputs.add(options.output, hint);
  outputs.commit();
  for (const auto& notice : read.notices) print_notice(notice);
  if (options.json)
    print_json({{"hint", options.output},
                {"preprocessor", preprocessor.name},
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
    if (preprocessor.is_network())
      numbers += fmt::format(" (--model {})", usual_files(preprocessor));
    lines += fmt::format("  {:18} {}{}\n", preprocessor.name, preprocessor.help, numbers);
  }
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
                   "Picture (PNG, JPEG, WebP, Netpbm), or - for standard input")
      ->required()
      ->transform(path());
  command
      ->add_option("--model", o->model,
                   "Weights of a kind that is a network, or a folder with them")
      ->transform(path());
  command->add_option("--mask", o->mask, "Of inpaint: white where it is to be painted anew")
      ->transform(path());
  for (const char* name : {"resolution", "size", "seed"}) o->request.add(*command, name, {});
  for (const char* name : {"threshold_a", "threshold_b", "resize"})
    o->control.add(*command, name, {});
  o->device.add_to(*command);
  command->add_flag("--json", o->json, "Print the result as JSON");
  command->add_option("-o,--output", o->output, "Picture to write, or - for standard output (PNG)")
      ->required()
      ->transform(output_path());
  command->footer(kinds() +
                  "\n  drypoint preprocess scribble_xdog -i photo.jpg -o scribble.png\n"
                  "  drypoint preprocess canny --threshold-a 50 -i photo.jpg -o edges.png\n"
                  "  drypoint preprocess openpose --model annotators/ -i photo.jpg -o pose.png\n");
  command->callback([o] { run(*o); });
}

}  // namespace drypoint::cli
