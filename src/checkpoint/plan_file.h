// Plan files: a checkpoint made ready for one device. Packed weights take the tensors' place, and a
// header says all else that was read from the checkpoint.
//
// The format is safetensors. `__metadata__` holds "drypoint.plan", the format's version, and
// "drypoint.plan.header", JSON (see plan_file.cc). The tensors, in this order:
// - "packed KEY", u8: a weight as kernels read it, 64-byte aligned, zeros up to the next 64 bytes.
//   KEY is the weight store's name for it.
// - the checkpoint's tensors as far as they are kept, under their canonical names
// - "tokenizer vocab.json", "tokenizer merges.txt", u8, if the model has its own
// - "checksums", i32: zlib's CRC-32 of the file up to the data, then of each 4 MiB of the data
//   before this tensor.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "checkpoint/checkpoint.h"
#include "drypoint/plan_info.h"

namespace drypoint {

/// A weight in `PlanFile::packed_bytes`.
struct PackedWeight {
  std::string key;
  size_t offset = 0, bytes = 0;  // a multiple of 64
};

/// A plan, mapped and not yet believed: the header is checked, data are when `check` is called.
class PlanFile {
 public:
  /// Throws bad_file: it cannot be read, is no plan, of another version, damaged or truncated.
  explicit PlanFile(const std::filesystem::path& path);
  /// The same for bytes in memory.
  explicit PlanFile(const FileBytes& file);

  const std::string& name() const { return file_.name; }
  const PlanInfo& info() const { return info_; }
  /// All tensors of the model by canonical names. Those that are not kept have a type and no bytes
  /// (`Tensor::defined` is false); the others' have to be checked before use.
  const Checkpoint& checkpoint() const { return checkpoint_; }
  const std::vector<PackedWeight>& packed() const { return packed_; }
  std::span<const std::byte> packed_bytes() const { return packed_bytes_; }
  /// `Backend::choices`.
  const std::string& choices() const { return choices_; }
  /// The texts of vocab.json and merges.txt; both empty: the built-in ones. Checked.
  const std::pair<std::string, std::string>& tokenizer() const { return tokenizer_; }

  /// Whether the tensor's bytes are this file's.
  bool holds(const Tensor& tensor) const;
  /// Compares these bytes of the file with their checksums, unless that was done before. Throws
  /// bad_file. For several threads at once.
  void check(std::span<const std::byte> part) const;
  void check_all() const { check(data_); }
  /// What keeps the file mapped.
  const std::shared_ptr<const void>& keeper() const { return file_.keeper; }

 private:
  void read();
  void read_header(const std::string& text);
  void read_controls(const nlohmann::ordered_json& controls);
  void add_part(std::string part, std::string source, std::string_view prefix);
  void read_checksums(const Tensor* table);

  FileBytes file_;
  std::span<const std::byte> data_;  // that checksums are kept of
  PlanInfo info_;
  Checkpoint checkpoint_;
  std::vector<PackedWeight> packed_;
  std::span<const std::byte> packed_bytes_;
  std::string choices_;
  std::pair<std::string, std::string> tokenizer_;
  std::vector<uint32_t> checksums_;
  mutable std::vector<std::atomic<bool>> checked_;
};

/// Whether a file with these contents looks like a plan, whatever its version and state.
bool looks_like_plan(std::span<const std::byte> bytes);

/// What a plan is written from.
struct PlanContents {
  PlanInfo info;  // counts and bytes are filled in
  const Checkpoint& checkpoint;
  std::vector<std::string> tensors;  // the model's, of the checkpoint's
  bool keep_tensors = false;
  std::string choices;
  std::pair<std::string, std::string> tokenizer;
  struct Packed {
    std::string key;
    size_t bytes = 0;
  };
  std::vector<Packed> packed;
  /// The bytes of a packed weight, valid until the next call.
  std::function<std::span<const std::byte>(size_t index)> bytes_of;
};

/// Writes a plan, whole or not at all. Calls `written` with the share of the bytes that is done,
/// often; what that throws ends it. -> what was written. Throws write_failed.
PlanInfo write_plan(const std::filesystem::path& path, const PlanContents& contents,
                    const std::function<void(double)>& written);

}  // namespace drypoint
