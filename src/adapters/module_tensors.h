// An adapter's tensors for one module, by what they are there.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tensor/tensor.h"

namespace drypoint {

/// Roles are named as LyCORIS names its tensors: "lora_up", "hada_w1_a", "alpha", whatever the file
/// calls them (`split_key`).
class ModuleTensors {
 public:
  ModuleTensors(std::string module, std::string file)
      : module_(std::move(module)), file_(std::move(file)) {}

  /// As in the file: "lora_unet_mid_block_attentions_0_proj_in".
  const std::string& module() const { return module_; }
  /// Throws bad_file if there is one already.
  void add(const std::string& role, const std::string& key, Tensor tensor);

  bool has(std::string_view role) const { return tensors_.contains(role); }
  size_t dimensions_of(std::string_view role) const {
    return tensors_.find(role)->second.tensor.shape().size();
  }
  /// None if there is none. What is taken is a change's own.
  std::optional<Tensor> take(std::string_view role);
  /// Of `dimensions` or more, none of them 0. Throws bad_file.
  Tensor take_at_least(std::string_view role, size_t dimensions);
  /// The only value of a tensor. Throws bad_file.
  std::optional<double> take_number(std::string_view role);
  /// The keys of what was taken since the last call, and those that are left.
  std::vector<std::string> taken();
  std::vector<std::string> left() const;

  /// Throws bad_file: "FILE: KEY: found f16[4, 320], expected WHAT".
  [[noreturn]] void refuse(std::string_view role, const std::string& expected) const;
  void expect(bool is_right, std::string_view role, const std::string& expected) const {
    if (!is_right) refuse(role, expected);
  }

 private:
  struct Keyed {
    std::string key;
    Tensor tensor;
    bool is_taken = false;
  };
  std::string module_, file_;
  std::map<std::string, Keyed, std::less<>> tensors_;
  std::vector<std::string> taken_;
};

}  // namespace drypoint
