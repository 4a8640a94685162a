#include "adapters/adapter.h"

#include <fmt/format.h>

#include <algorithm>

#include "adapters/keys.h"
#include "adapters/peft_alpha.h"
#include "base/error.h"
#include "base/file_state.h"
#include "base/threads.h"
#include "base/utf8.h"
#include "checkpoint/formats.h"

namespace drypoint {
namespace {

bool is_telling(const AdapterKey& key) { return key.role != "weight" && key.role != "alpha"; }

void refuse_strange_types(const NamedTensors& tensors, const std::string& file) {
  for (const auto& [key, type] : tensors.foreign)
    if (split_key(key))
      fail(ErrorKind::unsupported,
           "{}: tensor {}: found {}, an element type that is not supported; expected F32, F16 or "
           "BF16",
           file, printable(key), printable(type));
  for (const auto& [key, what] : tensors.unusable)
    if (split_key(key))
      fail(ErrorKind::bad_file, "{}: tensor {}: found {}, expected a tensor", file, printable(key),
           printable(what));
}

std::vector<ModuleTensors> modules_of(Adapter& adapter) {
  std::map<std::string, ModuleTensors> modules;
  for (const auto& [key, tensor] : adapter.tensors.tensors) {
    if (auto embedding = bundled_embedding(key)) {
      adapter.embeddings.emplace(std::move(*embedding), tensor);
      continue;
    }
    auto split = split_key(key);
    if (!split) {
      adapter.left.push_back(key);
      continue;
    }
    const auto module =
        modules.try_emplace(split->module, ModuleTensors(split->module, adapter.name)).first;
    module->second.add(split->role, key, tensor);
  }
  std::vector<ModuleTensors> result;
  for (auto& [_, module] : modules) result.push_back(std::move(module));
  return result;
}

}  // namespace

void Adapter::check_finite() const {
  std::vector<const std::pair<const std::string, Tensor>*> all;
  for (const auto& named : tensors.tensors) all.push_back(&named);
  parallel_for(all.size(), usable_cores(), [&](size_t i) {
    try {
      drypoint::check_finite(printable(all[i]->first), all[i]->second);
    } catch (const Error& error) {
      fail(error.kind(), "{}: {}", name, error.what());
    }
  });
}

bool holds_adapter(const NamedTensors& tensors) {
  return std::ranges::any_of(tensors.tensors, [](const auto& named) {
    const auto key = split_key(named.first);
    return key && is_telling(*key);
  });
}

std::shared_ptr<const Adapter> read_adapter(const std::filesystem::path& path) {
  auto adapter = std::make_shared<Adapter>();
  adapter->name = path.string();
  adapter->id = file_state(path).value_or(0);  // before it is read: what changes now shows later
  TensorFile file = read_tensor_file(path);
  adapter->layout = file.format;
  adapter->tensors = std::move(file.tensors);
  refuse_strange_types(adapter->tensors, adapter->name);
  if (!holds_adapter(adapter->tensors))
    fail(ErrorKind::bad_file,
         "{}: holds no LoRA or other adapter: its {} tensors have other names, the first is {}",
         adapter->name, adapter->tensors.tensors.size(),
         adapter->tensors.tensors.empty() ? "none"
                                          : printable(adapter->tensors.tensors.begin()->first));
  const PeftAlphas alphas = peft_alphas(adapter->tensors.metadata, path);
  for (ModuleTensors& module : modules_of(*adapter)) {
    if (module.has("lora_down") && !module.has("alpha"))
      if (const auto alpha = alphas.of(module.module(), module.take_at_least("lora_down", 2)))
        module.add("alpha", "alpha of " + module.module(),
                   make_tensor({1}, std::vector<float>{static_cast<float>(*alpha)}));
    module.taken();
    for (const bool of_bias : {false, true})
      if (MadeChange change = of_bias ? bias_change(module) : weight_change(module)) {
        std::vector<std::string> keys = module.taken();
        std::erase_if(keys, [&](const std::string& key) { return !adapter->tensors.has(key); });
        adapter->changes.push_back({module.module(), of_bias, std::move(change), std::move(keys)});
      }
    for (std::string& key : module.left()) adapter->left.push_back(std::move(key));
  }
  return adapter;
}

}  // namespace drypoint
