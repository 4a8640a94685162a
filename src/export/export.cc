#include "drypoint/export.h"

#include <fmt/ranges.h>

#include <algorithm>

#include "base/error.h"
#include "export/parts.h"

namespace drypoint {
namespace {

namespace fs = std::filesystem;

DType dtype_for(const std::string& precision) {
  if (precision == "fp32") return DType::f32;
  if (precision == "fp16") return DType::f16;
  fail(ErrorKind::bad_argument, "precision: \"{}\", expected fp32 or fp16", precision);
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

/// Makes a folder, and takes it away again if nothing was put into it.
class Folder {
 public:
  explicit Folder(const fs::path& path) : path_(path) {
    std::error_code error, ignored;
    made_ = fs::create_directory(path, error);
    if (fs::is_directory(path, ignored)) return;
    fail(ErrorKind::write_failed, "{}: {}", path.string(),
         fs::exists(path, ignored) ? "is a file, expected a folder"
                                   : "cannot be made: " + error.message());
  }
  ~Folder() {
    std::error_code ignored;
    if (made_) fs::remove(path_, ignored);  // not if there is something in it
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;

 private:
  fs::path path_;
  bool made_ = false;
};

std::vector<fs::path> write_parts(const ModelFiles& files, const fs::path& path,
                                  const OnnxOptions& options, const std::function<bool()>& stop) {
  const DType dtype = dtype_for(options.precision);
  const Checkpoint checkpoint = assemble(files);
  const auto parts = wanted(export_parts(checkpoint), options.parts, files.model.string());

  const Folder folder(path);
  WeightFiles weights(checkpoint.tensors, dtype);
  std::vector<std::pair<fs::path, std::unique_ptr<FileWriter>>> graphs;
  for (const ExportPart& part : parts) {
    const fs::path file = path / (part.name + ".onnx");
    const auto& writer = graphs.emplace_back(file, std::make_unique<FileWriter>(file)).second;
    writer->append(onnx::serialize(lower(part.graph, part.name, part.dimensions, weights, dtype)));
  }
  weights.write(path, stop);

  std::vector<fs::path> written = weights.commit();
  for (const auto& [file, writer] : graphs) {
    writer->commit();
    written.push_back(file);
  }
  return written;
}

}  // namespace

std::vector<fs::path> export_onnx(const ModelFiles& files, const fs::path& folder,
                                  const OnnxOptions& options, const std::function<bool()>& stop) {
  return at_border(folder.string(), [&] { return write_parts(files, folder, options, stop); });
}

}  // namespace drypoint
