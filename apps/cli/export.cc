#include "drypoint/export.h"

#include <fmt/format.h>

#include <memory>
#include <optional>

#include "commands.h"
#include "model_options.h"
#include "options.h"
#include "terminal.h"

namespace drypoint::cli {
namespace {

struct ExportArguments {
  ModelOptions model;
  OnnxOptions onnx;
  std::string folder;
  std::optional<std::string> parts;
  bool json = false;
};

void run(const ExportArguments& options) {
  std::vector<std::string> notices;
  const ModelFiles files = options.model.files(notices, "exporting");
  OnnxOptions onnx = options.onnx;
  if (options.parts) onnx.parts = split(*options.parts, ',');
  const auto written = export_onnx(files, options.folder, onnx, interrupted);
  for (const auto& notice : notices) print_notice(notice);
  if (!options.json)
    for (const auto& file : written) fmt::print("{}\n", file.string());
  if (options.json) {
    Json json{{"precision", options.onnx.precision.name()}, {"files", Json::array()}};
    for (const auto& file : written)
      json["files"].push_back(
          {{"path", file.string()}, {"bytes", std::filesystem::file_size(file)}});
    json["notices"] = notices;
    print_json(json);
  }
}

}  // namespace

void add_export(CLI::App& program) {
  auto* command = program.add_subcommand("export", "Write a model's parts as ONNX files");
  auto o = std::make_shared<ExportArguments>();
  o->model.add_to(*command, /*plans=*/false);
  command->add_option("--onnx", o->folder, "Folder to write into")->required()->transform(path());
  command
      ->add_option_function<std::string>(
          "--precision", [o](const std::string& text) { o->onnx.precision = text; },
          "Of weights and values [fp32]")
      ->check(one_of({"fp32", "fp16"}));
  command
      ->add_option_function<std::string>(
          "--quantize", [o](const std::string& text) { o->onnx.rounded = text; },
          "fp8 or int8: QuantizeLinear and DequantizeLinear before the products whose\n"
          "ranges --calibration has, or the model's own file")
      ->check(one_of({"fp8", "int8"}));
  o->model.add_ranges_to(*command);
  command->add_option("--parts", o->parts,
                      "Of text_encoder, controlnet, unet, denoiser (both), vae_decoder,\n"
                      "vae_encoder, separated by commas [all]");
  command->add_flag("--json", o->json, "Print the result as JSON");
  command->footer(
      "  drypoint export -m sd15.safetensors --control canny=control.pth --onnx onnx/\n"
      "  drypoint export -m sd15.safetensors --precision fp16 --parts unet,vae_decoder --onnx "
      "o/\n"
      "  drypoint export -m sd15.safetensors --quantize fp8 --calibration ranges.safetensors "
      "--onnx o/\n");
  command->callback([o] { run(*o); });
}

}  // namespace drypoint::cli
