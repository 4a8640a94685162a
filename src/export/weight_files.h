// The weights of exported graphs.
#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "base/file_set.h"
#include "checkpoint/named_tensors.h"

namespace drypoint {

/// One file for each part of the checkpoint, which all graphs share that read the part. First every
/// weight is given its place, then all are written. A file's name carries a checksum of its
/// contents
/// ("unet-0123456789abcdef.weights"): so no export changes a file that another's graphs name.
class WeightFiles {
 public:
  /// Values become `dtype`, f32 or f16. The checkpoint must outlive this.
  WeightFiles(const NamedTensors& checkpoint, DType dtype)
      : checkpoint_(checkpoint), dtype_(dtype) {}

  struct Place {
    std::string part;     // "unet"; see `file_name`
    uint64_t offset = 0;  // in bytes; a multiple of a page, so that files can be mapped
    TensorType type;
  };
  /// Where the weight of that canonical name, or its transpose, will lie.
  const Place& place(const std::string& weight, bool transposed);

  /// As the checkpoint has it, f32.
  Tensor values(const std::string& weight) const { return checkpoint_.at(weight).to_f32(); }

  /// Adds all files to `files`, to be written into `folder`. -> their paths. Throws write_failed,
  /// cancelled, and non_finite for weights that are not finite, or not as f16.
  std::vector<std::filesystem::path> write(FileSet& files, const std::filesystem::path& folder,
                                           const std::function<bool()>& stop);
  /// Once they are written: the name of a part's file.
  const std::string& file_name(const std::string& part) const { return files_.at(part).name; }

 private:
  struct Weight {
    std::string name;
    bool transposed = false;
    Place place;
  };
  struct File {
    std::vector<std::string> keys;  // in the order of their offsets
    uint64_t bytes = 0;
    std::string name;
  };
  Tensor values(const Weight& weight) const;

  const NamedTensors& checkpoint_;
  DType dtype_;
  std::map<std::string, Weight> weights_;
  std::map<std::string, File> files_;
};

}  // namespace drypoint
