#include "drypoint/upscale.h"

#include <fmt/format.h>

#include <memory>

#include "commands.h"
#include "device_options.h"
#include "interrupts.h"
#include "options.h"
#include "picture_files.h"
#include "terminal.h"

namespace drypoint::cli {
namespace {

struct UpscaleArguments {
  std::string image, model, output;
  int tile = 512;
  DeviceOptions device;
  bool json = false;
};

void run(const UpscaleArguments& options) {
  check_output("--output", options.output);
  if (options.json && is_standard(options.output))
    bad_option("--json: goes to standard output, as --output - does; expected one of them");
  check_files_differ({{"--output", options.output}},
                     {{"image", options.image}, {"--model", options.model}});
  ReadImage read = read_picture("image", options.image);
  Upscaler upscaler(options.model, options.device.pipeline_options());
  std::vector<std::string> notices = read.notices;
  options.device.note_vain(upscaler.device(), notices);
  Image image;
  {
    ProgressLine line;
    image = upscaler.upscale(
        read.image, options.tile,
        {[&](int done, int of) { line.show("enlarging", done, of); }, interrupted});
  }
  PictureSet outputs;
  outputs.add(options.output, image);
  outputs.commit();
  for (const auto& notice : notices) print_notice(notice);
  if (options.json)
    print_json({{"image", options.output},
                {"scale", upscaler.scale()},
                {"width", image.width},
                {"height", image.height},
                {"device", upscaler.device()},
                {"notices", notices}});
  else if (!is_standard(options.output))
    fmt::print("{}\n", options.output);
}

}  // namespace

void add_upscale(CLI::App& program) {
  auto* command = program.add_subcommand("upscale", "Make a picture larger with a network");
  auto o = std::make_shared<UpscaleArguments>();
  command
      ->add_option("image", o->image, "Picture (PNG, JPEG, WebP, Netpbm), or - for standard input")
      ->required()
      ->transform(path());
  command
      ->add_option("-m,--model", o->model,
                   "The network: an ESRGAN or RealESRGAN file (.pth, .safetensors)")
      ->required()
      ->transform(path());
  command->add_option("--tile", o->tile,
                      "Work in tiles of so many pixels, multiples of 4 from 64; 0: all at once\n"
                      "[512]");
  o->device.add_to(*command);
  command->add_flag("--json", o->json, "Print the result as JSON");
  command->add_option("-o,--output", o->output, "Picture to write, or - for standard output (PNG)")
      ->required()
      ->transform(output_path());
  command->footer("  drypoint upscale photo.jpg -m RealESRGAN_x4plus.pth -o large.png\n");
  command->callback([o] { run(*o); });
}

}  // namespace drypoint::cli
