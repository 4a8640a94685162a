// The tiny model's text encoder as the runs of golden data had it.
#pragma once

#include <algorithm>
#include <filesystem>
#include <map>
#include <string>

#include "checkpoint/safetensors.h"
#include "models/assemble.h"
#include "support/test_support.h"

namespace drypoint::testing {

/// With golden's token rows "rows.values" [rows, D] at "rows.ids", and its other tensors of the
/// text encoder.
inline void write_text_encoder(const std::filesystem::path& path, const NamedTensors& golden) {
  std::map<std::string, Tensor, std::less<>> tensors;
  for (const auto& [name, tensor] : load_checkpoint(tiny_model_path()).tensors.tensors)
    if (name.starts_with(prefix_of(Part::text))) tensors[name] = tensor;
  for (const auto& [name, tensor] : golden.tensors)
    if (name.starts_with(prefix_of(Part::text))) tensors.at(name) = tensor;
  Tensor& table =
      tensors.at("cond_stage_model.transformer.text_model.embeddings.token_embedding.weight");
  table = table.to_f32();
  const Tensor ids = golden.at("rows.ids").to_f32(), rows = golden.at("rows.values").to_f32();
  const auto width = static_cast<size_t>(rows.shape()[1]);
  for (size_t i = 0; i < ids.floats().size(); ++i)
    std::ranges::copy(
        rows.floats().subspan(i * width, width),
        table.mutable_floats().subspan(static_cast<size_t>(ids.floats()[i]) * width).begin());
  write_safetensors(path, tensors);
}

}  // namespace drypoint::testing
