// Control-LoRAs: files that make a ControlNet of the UNet's own weights, Stability AI's form.
#pragma once

#include <string>
#include <vector>

#include "checkpoint/named_tensors.h"

namespace drypoint {

/// Whether ControlNet `number` is such a file's, not yet completed.
bool is_control_lora(const NamedTensors& tensors, size_t number);

/// Gives it the UNet's tensors where the file has none of its own; no bytes are copied. Products
/// stay beside the weights that they are added to ("S.up" and "S.down" by "S.weight"). Throws
/// bad_file naming `file` and the tensor where one of both is missing or does not fit.
void complete_control_lora(NamedTensors& tensors, size_t number, const std::string& file);

/// up [out, rank, ...] times down [rank, in, ...] is added to the weight of this name.
struct ControlLoraProduct {
  std::string weight;
  Tensor up, down;
};
/// Of all ControlNets.
std::vector<ControlLoraProduct> control_lora_products(const NamedTensors& tensors);

/// Whether a ControlNet's tensor is a factor of such a product.
bool is_factor(const NamedTensors& tensors, std::string_view name);

}  // namespace drypoint
