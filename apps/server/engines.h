// Models that are loaded, each with its queue, on one device.
#pragma once

#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "drypoint/queue.h"
#include "server/catalog.h"

namespace drypoint::server {

struct EngineOptions {
  ModelFiles files;  ///< of the model that is there from the start
  DeviceOptions device;
  QueueOptions queue;
  size_t most_loaded = 2;  ///< models in memory; those used longest ago go first
  size_t most_bytes = 0;   ///< of their weights on the device; 0: any
};

/// What a request draws with, by the catalog's names.
struct EngineChoice {
  std::string model;                       ///< empty: the one that is chosen
  std::string vae;                         ///< empty: the model's own
  std::vector<std::string> controls = {};  ///< ControlNets, in any order

  /// Whether one that is loaded so serves those who want `wanted`.
  bool serves(const EngineChoice& wanted) const;
};

struct Engine {
  Engine(EngineChoice own_choice, std::map<std::string, std::string> own_controls,
         const ModelFiles& files, const Device& device, const QueueOptions& options)
      : choice(std::move(own_choice)),
        controls(std::move(own_controls)),
        model(files, device),
        queue(model, options) {}

  const EngineChoice choice;
  /// What the catalog calls its ControlNets, and what its requests do.
  const std::map<std::string, std::string> controls;
  Model model;
  Queue queue;  ///< ends before its model
};

/// For any number of threads.
class Engines {
 public:
  /// Opens the first model. Throws what `Device` and `Model` throw.
  Engines(const EngineOptions& options, Catalog& catalog);

  /// One that serves this choice, loaded if there is none. Names of ControlNets may be those that
  /// the first model's were given on the command line, too. Throws 422 for a name that is not in
  /// the catalog, and what `Model` throws.
  std::shared_ptr<Engine> get(const EngineChoice& choice = {});
  /// The ControlNet's name in an engine that was got with it; empty stays empty.
  std::string control_in(const Engine& engine, const std::string& name) const;
  /// What is drawn with where a request names no model.
  void choose(const std::string& model);
  std::string chosen() const;
  /// Gives up all models but those that draw.
  void unload();
  /// Gives up those used longest ago that are too many or too large, unless they draw.
  void make_room();
  std::vector<std::shared_ptr<Engine>> loaded() const;
  /// Ends all jobs; nothing is loaded after that.
  void stop();
  const Device& device() const { return device_; }

 private:
  using List = std::list<std::shared_ptr<Engine>>;

  EngineChoice resolved(const EngineChoice& choice) const;
  std::string control_entry(const std::string& name) const;
  std::shared_ptr<Engine> loaded_locked(const EngineChoice& choice);
  std::shared_ptr<Engine> opened(const EngineChoice& choice) const;
  void list_own_controls(const Engine& first);
  List excess_locked(size_t most, size_t bytes);

  const EngineOptions options_;
  Catalog& catalog_;
  const Device device_;
  const std::string first_;
  /// ControlNets that the first model came with: the catalog's names, what requests call them.
  std::vector<std::pair<std::string, NamedControl>> own_controls_;
  mutable std::mutex mutex_;  // for all that follows
  std::mutex opening_;        // one model is opened at a time; taken first
  std::string chosen_;
  List engines_;  // that used last first
  bool stopped_ = false;
};

}  // namespace drypoint::server
