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

/// Makes a folder and those above it, and takes away again what nothing was put into.
class Folder {
 public:
  explicit Folder(const fs::path& path) {
    std::error_code error, ignored;
    for (fs::path level = path; !level.empty() && !fs::exists(level, ignored);
         level = level.parent_path())
      made_.push_back(level);
    fs::create_directories(path, error);
    if (fs::is_directory(path, ignored)) return;
    const std::string why = fs::exists(path, ignored) ? "is a file, expected a folder"
                                                      : "cannot be made: " + error.message();
    remove();
    fail(ErrorKind::write_failed, "{}: {}", path.string(), why);
  }
  ~Folder() { remove(); }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;

 private:
  void remove() const {  // not what something is in
    std::error_code ignored;
    for (const fs::path& level : made_) fs::remove(level, ignored);
  }

  std::vector<fs::path> made_;  // the innermost first
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
