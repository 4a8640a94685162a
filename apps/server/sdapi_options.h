// The web UI's settings that something here obeys.
#pragma once

#include <mutex>
#include <string>

#include "server/context.h"

namespace drypoint::server {

/// For any number of threads.
class SdapiOptions {
 public:
  explicit SdapiOptions(const Context& context);

  /// All of them, by name.
  Json all() const;
  /// Some of them. Throws 422 for a name or a value that nothing here obeys, and nothing has
  /// changed then.
  void set(const Json& some);
  /// With others for one request.
  Json with(const Json& overridden) const;

  /// The VAE by its name in the catalog; empty: the model's own.
  static std::string vae(const Json& options);
  /// What a request has of them.
  static void put(const Json& options, Request& request);

 private:
  void check(const Json& some) const;
  const Context context_;
  mutable std::mutex mutex_;
  Json values_;
};

}  // namespace drypoint::server
