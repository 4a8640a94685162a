#include "drypoint/export.h"

#include <fmt/ranges.h>

#include <algorithm>

#include "base/error.h"
#include "base/file_set.h"
#include "diffusion/model/calibration.h"
#include "drypoint/output.h"
#include "export/parts.h"
#include "models/assemble.h"
#include "models/control_lora.h"
#include "tensor/precision.h"

namespace drypoint {
namespace {

namespace fs = std::filesystem;

DType dtype_for(Precision precision) {
  if (precision == Precision::fp32 || precision == Precision::fp16) return dtype_of(precision);
  fail(ErrorKind::bad_argument, "precision: \"{}\", expected fp32 or fp16", precision.name());
}

std::optional<Quantization> quantization_for(const ModelFiles& files, Precision rounded,
                                             const NamedTensors& model) {
  const auto type = eight_bits_of(rounded);
  if (!type && rounded != Precision::automatic)
    fail(ErrorKind::bad_argument, "rounded: \"{}\", expected fp8 or int8", rounded.name());
  if (!type && (files.calibration || !files.keep.empty()))
    fail(ErrorKind::bad_argument, "{}: given, but rounded is neither fp8 nor int8",
         files.calibration ? "calibration" : "keep");
  if (!type) return std::nullopt;
  const std::string source = files.model.string();
  Quantization quantization = files.calibration ? read_calibration(*files.calibration, *type)
                                                : quantization_in(model, *type, source);
  keep_modules(quantization, files.keep, model);
  for (const std::string& module : quantization.smoothed)
    if (files.calibration)
      fail(ErrorKind::unsupported,
           "calibration: {}: smooths {}, which ONNX files do not say; expected one without "
           "(smooth 0)",
           files.calibration->string(), module);
    else
      quantization.ranges.erase(module);
  if (quantization.ranges.empty())
    fail(ErrorKind::bad_argument, "rounded: {}: {} has no ranges, expected a calibration",
         rounded.name(), source);
  return quantization;
}

/// The parts asked for, in the order of their use.
std::vector<ExportPart> wanted(std::vector<ExportPart> parts, const std::vector<std::string>& names,
                               const std::string& file) {
  if (names.empty()) return parts;
  std::vector<std::string> known;
  for (const ExportPart& part : parts) known.push_back(part.name);
  for (const std::string& name : names)
    if (std::find(known.begin(), known.end(), name) == known.end())
      fail(ErrorKind::bad_argument, "parts: \"{}\", expected one of those that {} has: {}", name,
           file, fmt::join(known, ", "));
  std::erase_if(parts, [&](const ExportPart& part) {
    return std::find(names.begin(), names.end(), part.name) == names.end();
  });
  return parts;
}

std::vector<fs::path> write_parts(const ModelFiles& files, const fs::path& path,
                                  const OnnxOptions& options, const std::function<bool()>& stop) {
  const DType dtype = dtype_for(options.precision);
  const Checkpoint checkpoint = assemble(files);
  if (!control_lora_products(checkpoint.tensors).empty())
    fail(
        ErrorKind::unsupported,
        "control: {}: is a Control-LoRA, which is not exported; expected a ControlNet with weights "
        "of its own",
        checkpoint.sources.at(Part::control));
  const auto quantization = quantization_for(files, options.rounded, checkpoint.tensors);
  const auto parts = wanted(export_parts(checkpoint), options.parts, files.model.string());

  FileSet files_written;
  files_written.make_folder(path);
  WeightFiles weights(checkpoint.tensors, dtype);
  std::vector<onnx::Model> graphs;
  for (const ExportPart& part : parts) {
    check_output(path / (part.name + ".onnx"));
    graphs.push_back(lower(part.graph, part.name, part.dimensions, weights, dtype,
                           quantization ? &*quantization : nullptr));
  }
  // Weights first: until the last graph is there, the graphs that are name weights that are.
  std::vector<fs::path> written = weights.write(files_written, path, stop);
  for (onnx::Model& graph : graphs) {
    for (onnx::Initializer& initializer : graph.initializers)
      if (!initializer.file.empty()) initializer.file = weights.file_name(initializer.file);
    written.push_back(path / (graph.name + ".onnx"));
    FileWriter& file = files_written.add(written.back());
    file.append(onnx::serialize(graph));
    file.finish();
  }
  files_written.commit();
  return written;
}

}  // namespace

std::vector<fs::path> export_onnx(const ModelFiles& files, const fs::path& folder,
                                  const OnnxOptions& options, const std::function<bool()>& stop) {
  return at_border(folder.string(), stop, [&](const auto& own_stop) {
    return write_parts(files, folder, options, own_stop);
  });
}

}  // namespace drypoint
