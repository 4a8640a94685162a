#include "server/engines.h"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <exception>
#include <thread>

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

/// What `body` makes, whose threads yield to those that answer requests: they inherit how nice the
/// thread is that makes them. By 5 more than the process, which may have been made nice itself.
template <class Body>
auto made_nice(const Body& body) {
  std::optional<decltype(body())> result;
  std::exception_ptr failure;
  std::thread([&] {
    const auto me = static_cast<id_t>(::gettid());  // a thread by itself, on Linux
    ::setpriority(PRIO_PROCESS, me, ::getpriority(PRIO_PROCESS, me) + 5);
    try {
      result.emplace(body());
    } catch (...) {
      failure = std::current_exception();
    }
  }).join();
  if (failure) std::rethrow_exception(failure);
  return *std::move(result);
}

/// A ControlNet's name in requests is of letters, digits, `_`, `-` and `.`.
std::string request_name(std::string name) {
  for (char& c : name)
    if (std::isalnum(static_cast<unsigned char>(c)) == 0 && c != '-' && c != '.') c = '_';
  return name.substr(0, 64);
}

}  // namespace

bool EngineChoice::serves(const EngineChoice& wanted) const {
  return model == wanted.model && vae == wanted.vae &&
         std::ranges::all_of(wanted.controls, [&](const std::string& one) {
           return std::ranges::count(controls, one) > 0;
         });
}

Engines::Engines(const EngineOptions& options, Catalog& catalog)
    : options_(options),
      catalog_(catalog),
      device_(made_nice([&] { return Device(options.device); })),
      first_(stem_of(main_file(options.files))),
      chosen_(first_) {
  const auto& file = main_file(options_.files);
  catalog_.add(FileKind::checkpoint, {first_, file.filename().string(), file});
  list_own_controls(*get());
}

/// They are called by their files' names, and by those they were given where files have the same.
void Engines::list_own_controls(const Engine& first) {
  std::vector<NamedControl> given = options_.files.controls;
  if (options_.files.control)
    given.insert(given.begin(), {usual_control_name, *options_.files.control});
  for (NamedControl control : first.model.description().controls) {
    const auto found = std::ranges::find(given, control.name, &NamedControl::name);
    const std::string title = control.file.string();
    control.file = found == given.end() ? main_file(options_.files) : found->file;
    std::string name = stem_of(title);
    for (const auto& own : own_controls_)
      if (own.first == name) name = control.name;
    catalog_.add(FileKind::control, {name, title, control.file});
    own_controls_.emplace_back(name, std::move(control));
  }
}

std::string Engines::control_entry(const std::string& name) const {
  for (const auto& [entry, control] : own_controls_)
    if (control.name == name) return entry;
  return catalog_.find(FileKind::control, name, "control").name;
}

std::string Engines::control_in(const Engine& engine, const std::string& name) const {
  if (name.empty()) return "";
  const std::string entry = control_entry(name);
  for (const auto& [own, control] : own_controls_)
    if (own == entry) return control.name;
  const auto found = engine.controls.find(entry);
  if (found == engine.controls.end())
    refuse_field(422, "control", "\"{}\" is not loaded with this model", name.substr(0, 60));
  return found->second;
}

/// The catalog's own names; of ControlNets those alone that the first model did not come with.
EngineChoice Engines::resolved(const EngineChoice& choice) const {
  EngineChoice result{.model =
                          choice.model.empty()
                              ? chosen()
                              : catalog_.find(FileKind::checkpoint, choice.model, "model").name};
  if (!choice.vae.empty()) result.vae = catalog_.find(FileKind::vae, choice.vae, "vae").name;
  for (const std::string& name : choice.controls) {
    if (name.empty()) continue;
    const std::string entry = control_entry(name);
    const bool is_own =
        std::ranges::any_of(own_controls_, [&](const auto& own) { return own.first == entry; });
    if (!is_own && std::ranges::count(result.controls, entry) == 0)
      result.controls.push_back(entry);
  }
  return result;
}

std::shared_ptr<Engine> Engines::opened(const EngineChoice& choice) const {
  ModelFiles files = options_.files;
  if (choice.model != first_) {
    const auto path = catalog_.find(FileKind::checkpoint, choice.model, "model").path;
    const bool is_plan = path.extension() == ".plan";
    files.plan = is_plan ? std::optional(path) : std::nullopt;
    files.model = is_plan ? std::filesystem::path() : path;
    files.vae = files.text_encoder = std::nullopt;
    files.prediction = Prediction::automatic;
  }
  if (!choice.vae.empty()) files.vae = catalog_.find(FileKind::vae, choice.vae, "vae").path;
  for (const auto& [kind, folder] : {std::pair(FileKind::lora, &ModelFiles::loras),
                                     {FileKind::embedding, &ModelFiles::embeddings}})
    if (!(files.*folder)) files.*folder = catalog_.folder(kind);
  if (!choice.controls.empty()) {  // beside those that the first model came with
    const bool are_given = files.control || !files.controls.empty();
    files.control.reset();
    files.controls.clear();
    if (!files.plan && (are_given || choice.model == first_))
      for (const auto& own : own_controls_) files.controls.push_back(own.second);
  }
  std::map<std::string, std::string> names;
  for (const std::string& entry : choice.controls) {
    names[entry] = request_name(entry);
    files.controls.push_back(
        {names[entry], catalog_.find(FileKind::control, entry, "control").path});
  }
  return made_nice([&] {
    return std::make_shared<Engine>(choice, std::move(names), files, device_, options_.queue);
  });
}

std::shared_ptr<Engine> Engines::loaded_locked(const EngineChoice& choice) {
  const auto found = std::ranges::find_if(
      engines_, [&](const auto& engine) { return engine->choice.serves(choice); });
  if (found == engines_.end()) return nullptr;
  engines_.splice(engines_.begin(), engines_, found);
  return engines_.front();
}

/// Who holds one still draws with it; it goes with the last of those. That used last stays, unless
/// none may. -> what goes, once the lock is gone
Engines::List Engines::excess_locked(size_t most, size_t bytes) {
  const auto is_enough = [&] {
    size_t sum = 0;
    for (const auto& engine : engines_) sum += engine->model.weight_bytes();
    return engines_.size() <= most && (bytes == 0 || sum <= bytes);
  };
  List excess;
  for (auto it = engines_.end(); it != engines_.begin() && !is_enough();) {
    --it;
    if (most > 0 && it == engines_.begin()) break;
    if (it->use_count() > 1) continue;
    const auto idle = it++;
    excess.splice(excess.end(), engines_, idle);
  }
  return excess;
}

std::shared_ptr<Engine> Engines::get(const EngineChoice& choice) {
  EngineChoice wanted = resolved(choice);
  const auto look = [&]() -> std::shared_ptr<Engine> {
    const std::lock_guard lock(mutex_);
    if (stopped_) refuse(503, "server: is ending");
    return loaded_locked(wanted);
  };
  if (auto engine = look()) return engine;
  List excess;
  const std::lock_guard opening(opening_);
  if (auto engine = look()) return engine;
  // One with more ControlNets takes the place of those with fewer.
  const auto gives_way = [&](const std::shared_ptr<Engine>& engine) {
    const EngineChoice& has = engine->choice;
    return has.model == wanted.model && has.vae == wanted.vae;
  };
  constexpr size_t most_controls = 4;
  for (const auto& engine : loaded())
    for (const std::string& one : engine->choice.controls)
      if (gives_way(engine) && wanted.controls.size() < most_controls &&
          std::ranges::count(wanted.controls, one) == 0)
        wanted.controls.push_back(one);
  auto engine = opened(wanted);  // its weights are read when it draws
  const std::lock_guard lock(mutex_);
  if (stopped_) refuse(503, "server: is ending");
  for (auto it = engines_.begin(); it != engines_.end();) {
    const auto old = it++;
    if (wanted.serves((*old)->choice)) excess.splice(excess.end(), engines_, old);
  }
  engines_.push_front(engine);
  excess.splice(excess.end(), excess_locked(options_.most_loaded, options_.most_bytes));
  return engine;
}

void Engines::choose(const std::string& model) {
  const std::string name = get({.model = model})->choice.model;
  const std::lock_guard lock(mutex_);
  chosen_ = name;
}

std::string Engines::chosen() const {
  const std::lock_guard lock(mutex_);
  return chosen_;
}

void Engines::unload() {
  List excess;
  const std::lock_guard opening(opening_);
  const std::lock_guard lock(mutex_);
  excess = excess_locked(0, 0);
}

void Engines::make_room() {
  List excess;
  const std::lock_guard lock(mutex_);
  excess = excess_locked(options_.most_loaded, options_.most_bytes);
}

std::vector<std::shared_ptr<Engine>> Engines::loaded() const {
  const std::lock_guard lock(mutex_);
  return {engines_.begin(), engines_.end()};
}

void Engines::stop() {
  List all;
  {
    const std::lock_guard lock(mutex_);
    stopped_ = true;
    all = engines_;
  }
  for (const auto& engine : all) engine->queue.stop();
}

}  // namespace drypoint::server
