// An adapter: a LoRA file or its kin, read and not yet bound to a model.
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "adapters/weight_change.h"
#include "checkpoint/named_tensors.h"

namespace drypoint {

/// What it has for one weight or bias.
struct AdapterChange {
  std::string module;  // as in the file
  bool of_bias = false;
  MadeChange change;
  std::vector<std::string> keys;  // of the tensors it is made of
};

struct Adapter {
  std::string name;    // the file, for messages
  std::string layout;  // "safetensors"
  NamedTensors tensors;
  std::vector<AdapterChange> changes;
  std::map<std::string, Tensor> embeddings;  // that come with it, by name
  std::vector<std::string> left;             // keys that are no adapter's
  uint64_t id = 0;  // another for another file, and for another state of it (`file_state`)

  /// Throws non_finite with the file and the tensor.
  void check_finite() const;
};

/// Whether tensors of these names are an adapter's.
bool holds_adapter(const NamedTensors& tensors);

/// Tensors stay in the mapped file. Throws bad_file: it is none, or damaged; unsupported: element
/// types that nothing here computes with.
std::shared_ptr<const Adapter> read_adapter(const std::filesystem::path& path);

}  // namespace drypoint
