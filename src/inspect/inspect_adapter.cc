#include "adapters/fit.h"
#include "base/error.h"
#include "base/threads.h"
#include "checkpoint/formats.h"
#include "drypoint/inspect.h"

namespace drypoint {

bool is_adapter(const std::filesystem::path& path) {
  std::error_code ignored;
  if (!std::filesystem::is_regular_file(path, ignored)) return false;
  try {
    return holds_adapter(read_tensor_file(path).tensors);
  } catch (const Error& error) {
    if (error.kind() == ErrorKind::internal) throw;
    return false;
  }
}

AdapterInfo inspect_adapter(const std::filesystem::path& path) {
  return at_border(path.string(), [&] {
    const auto adapter = read_adapter(path);
    adapter->check_finite();
    AdapterInfo info{
        .layout = adapter->layout, .family = family_of(*adapter), .left = adapter->left};
    info.metadata = {adapter->tensors.metadata.begin(), adapter->tensors.metadata.end()};
    for (const auto& [name, _] : adapter->embeddings) info.embeddings.push_back(name);
    info.changes.resize(adapter->changes.size());
    parallel_for(info.changes.size(), usable_cores(), [&](size_t i) {
      const AdapterChange& change = adapter->changes[i];
      info.changes[i] = {change.module,          change.change->kind(), change.change->rank(),
                         change.change->alpha(), change.of_bias,        change.change->norm()};
    });
    return info;
  });
}

}  // namespace drypoint
