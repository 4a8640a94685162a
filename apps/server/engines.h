// Models that are loaded, each with its queue, on one device.
#pragma once

#include <list>
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
};

struct Engine {
  Engine(std::string own_name, std::string own_control, const ModelFiles& files,
         const Device& device, const QueueOptions& options)
      : name(std::move(own_name)),
        control(std::move(own_control)),
        model(files, device),
        queue(model, options) {}

  const std::string name, control;  ///< the catalog's; no control: the model's own, or none
  Model model;
  Queue queue;  ///< ends before its model
};

/// For any number of threads.
class Engines {
 public:
  /// Opens the first model. Throws what `Device` and `Model` throw.
  Engines(const EngineOptions& options, Catalog& catalog);

  /// The model of this name with this ControlNet, loaded if it is not; empty: the one chosen, with
  /// the ControlNet that it came with. Throws 422 for a name that is not in the catalog, and what
  /// `Model` throws.
  std::shared_ptr<Engine> get(const std::string& model, const std::string& control = {});
  /// What is drawn with where a request names no model.
  void choose(const std::string& model);
  std::string chosen() const;
  /// Gives up all models but those that draw.
  void unload();
  std::vector<std::shared_ptr<Engine>> loaded() const;
  /// Ends all jobs; nothing is loaded after that.
  void stop();
  const Device& device() const { return device_; }

 private:
  std::shared_ptr<Engine> loaded_locked(const std::string& model, const std::string& control);
  ModelFiles files_of(const std::string& model, const std::string& control) const;
  void make_room_locked(size_t most);

  const EngineOptions options_;
  Catalog& catalog_;
  const Device device_;
  const std::string first_;
  mutable std::mutex mutex_;  // for all that follows
  std::mutex opening_;        // one model is opened at a time; taken first
  std::string chosen_;
  std::list<std::shared_ptr<Engine>> engines_;  // that used last first
  bool stopped_ = false;
};

}  // namespace drypoint::server
