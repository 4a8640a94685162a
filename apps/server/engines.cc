#include "server/engines.h"

#include <algorithm>

#include "server/refusal.h"

namespace drypoint::server {
namespace {

std::string stem_of(const std::filesystem::path& path) {
  std::error_code ignored;
  return std::filesystem::is_directory(path, ignored) ? path.filename().string()
                                                      : path.stem().string();
}

/// A plan stands for the model it was built from.
const std::filesystem::path& main_file(const ModelFiles& files) {
  return files.plan ? *files.plan : files.model;
}

}  // namespace

Engines::Engines(const EngineOptions& options, Catalog& catalog)
    : options_(options),
      catalog_(catalog),
      device_(options.device),
      first_(stem_of(main_file(options.files))),
      chosen_(first_) {
  const auto& file = main_file(options_.files);
  catalog_.add(FileKind::checkpoint, {first_, file.filename().string(), file});
  const auto engine = get("");
  // The model's own ControlNet has a name too, which is its file's.
  const std::string control = engine->model.description().control;
  if (!control.empty())
    catalog_.add(FileKind::control,
                 {stem_of(control), control, options_.files.control.value_or("")});
}

ModelFiles Engines::files_of(const std::string& model, const std::string& control) const {
  ModelFiles files;
  if (model == first_) {
    files = options_.files;
  } else {
    const auto path = catalog_.find(FileKind::checkpoint, model, "model").path;
    files.embeddings = options_.files.embeddings;
    if (path.extension() == ".plan")
      files.plan = path;
    else
      files.model = path;
    files.control = options_.files.control;
  }
  if (!control.empty()) files.control = catalog_.find(FileKind::control, control, "control").path;
  return files;
}

std::shared_ptr<Engine> Engines::loaded_locked(const std::string& model,
                                               const std::string& control) {
  const auto found = std::ranges::find_if(engines_, [&](const auto& engine) {
    return engine->name == model && engine->control == control;
  });
  if (found == engines_.end()) return nullptr;
  engines_.splice(engines_.begin(), engines_, found);
  return engines_.front();
}

/// Who holds one still draws with it; it goes with the last of those.
void Engines::make_room_locked(size_t most) {
  for (auto it = engines_.end(); it != engines_.begin() && engines_.size() > most;)
    if ((--it)->use_count() == 1) it = engines_.erase(it);
}

std::shared_ptr<Engine> Engines::get(const std::string& model, const std::string& control) {
  const auto look = [&](std::string& name, std::string& with) -> std::shared_ptr<Engine> {
    const std::lock_guard lock(mutex_);
    if (stopped_) refuse(503, "server: is ending");
    if (name.empty()) name = chosen_;
    return loaded_locked(name, with);
  };
  std::string name = model, with = control;
  if (!name.empty()) name = catalog_.find(FileKind::checkpoint, name, "model").name;
  if (!with.empty()) {  // an entry without a file is what a model has inside
    const CatalogEntry entry = catalog_.find(FileKind::control, with, "control");
    const bool usual = entry.path.empty() || entry.path == options_.files.control;
    with = usual ? "" : entry.name;
  }
  if (auto engine = look(name, with)) return engine;
  const std::lock_guard opening(opening_);
  if (auto engine = look(name, with)) return engine;
  {
    const std::lock_guard lock(mutex_);
    make_room_locked(options_.most_loaded - 1);
  }
  const ModelFiles files = files_of(name, with);
  auto engine = std::make_shared<Engine>(name, with, files, device_, options_.queue);
  const std::lock_guard lock(mutex_);
  if (stopped_) refuse(503, "server: is ending");
  engines_.push_front(engine);
  return engine;
}

void Engines::choose(const std::string& model) {
  const std::string name = get(model)->name;
  const std::lock_guard lock(mutex_);
  chosen_ = name;
}

std::string Engines::chosen() const {
  const std::lock_guard lock(mutex_);
  return chosen_;
}

void Engines::unload() {
  const std::lock_guard lock(mutex_);
  make_room_locked(0);
}

std::vector<std::shared_ptr<Engine>> Engines::loaded() const {
  const std::lock_guard lock(mutex_);
  return {engines_.begin(), engines_.end()};
}

void Engines::stop() {
  std::list<std::shared_ptr<Engine>> all;
  {
    const std::lock_guard lock(mutex_);
    stopped_ = true;
    all = engines_;
  }
  for (const auto& engine : all) engine->queue.stop();
}

}  // namespace drypoint::server
