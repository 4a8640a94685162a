// The weights of exported graphs.
#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/file.h"
#include "checkpoint/named_tensors.h"

namespace drypoint {

/// One file for each part of the checkpoint ("unet.weights", ...), which all graphs share that read
/// the part. First every weight is given its place, then all are written.
class WeightFiles {
 public:
  /// Values become `dtype`, f32 or f16. The checkpoint must outlive this.
  WeightFiles(const NamedTensors& checkpoint, DType dtype)
      : checkpoint_(checkpoint), dtype_(dtype) {}

  struct Place {
    std::string file;
    uint64_t offset = 0;  // in bytes; a multiple of a page, so that files can be mapped
    TensorType type;
  };
  /// Where the weight of that canonical name, or its transpose, will lie.
  const Place& place(const std::string& weight, bool transposed);

  /// Writes all files into `folder` under temporary names. Throws write_failed, cancelled, and
  /// non_finite for weights that are not finite, or not as f16.
  void write(const std::filesystem::path& folder, const std::function<bool()>& stop);
  /// Gives the files their names.
  std::vector<std::filesystem::path> commit();

 private:
  struct Weight {
    std::string name;
    bool transposed = false;
    Place place;
  };
  struct File {
    std::vector<std::string> keys;  // in the order of their offsets
    uint64_t bytes = 0;
    std::filesystem::path path;
    std::unique_ptr<FileWriter> writer;
  };
  Tensor values(const Weight& weight) const;

  const NamedTensors& checkpoint_;
  DType dtype_;
  std::map<std::string, Weight> weights_;
  std::map<std::string, File> files_;
};

}  // namespace drypoint
