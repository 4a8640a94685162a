#include <fmt/format.h>

#include <memory>

#include "commands.h"
#include "drypoint/edges.h"
#include "field_options.h"
#include "options.h"
#include "picture_files.h"
#include "terminal.h"

namespace drypoint::cli {
namespace {

struct EdgesArguments {
  std::string image, output;
  FieldOptions<Request> request{request_fields()};
  bool json = false;
};

void run(const EdgesArguments& options) {
  Request request;
  options.request.expect_one_of("size", "resolution");
  options.request.apply(request);
  check_output("--output", options.output);
  if (options.json && is_standard(options.output))
    bad_option("--json: goes to standard output, as --output - does; expected one of them");
  check_files_differ({{"--output", options.output}}, {{"--image", options.image}});
  const ReadImage read = read_picture("--image", options.image);
  const Image edges = control_edges(read.image, {request.resolution, request.low_threshold,
                                                 request.high_threshold, request.size});
  PictureSet outputs;
  outputs.add(options.output, edges);
  outputs.commit();
  for (const auto& notice : read.notices) print_notice(notice);
  if (options.json)
    print_json({{"edges", options.output},
                {"width", edges.width},
                {"height", edges.height},
                {"notices", read.notices}});
  else if (!is_standard(options.output))
    fmt::print("{}\n", options.output);
}

}  // namespace

void add_edges(CLI::App& program) {
  auto* command =
      program.add_subcommand("edges", "Find a picture's edges, as generate would use them");
  auto o = std::make_shared<EdgesArguments>();
  command
      ->add_option("-i,--image", o->image,
                   "Picture (PNG, JPEG, WebP, Netpbm), or - for standard input")
      ->required()
      ->transform(path());
  for (const char* name : {"resolution", "size", "low_threshold", "high_threshold"})
    o->request.add(*command, name, {});
  command->add_flag("--json", o->json, "Print the result as JSON");
  command->add_option("-o,--output", o->output, "Picture to write, or - for standard output (PNG)")
      ->required()
      ->transform(output_path());
  command->footer(
      "  drypoint edges -i photo.jpg --low-threshold 50 -o edges.png\n"
      "  drypoint generate --edges edges.png -p \"a castle\" -o castle.png\n");
  command->callback([o] { run(*o); });
}

}  // namespace drypoint::cli
