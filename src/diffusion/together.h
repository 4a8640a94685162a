// Several requests drawn as one batch.
#pragma once

#include <exception>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "drypoint/pipeline.h"

namespace drypoint {

/// What a request has in common with those that it can be drawn together with, as far as can be
/// told without a model; none for one that is drawn alone.
std::optional<std::string> shape_key(const Request& request);

struct Asked {
  const Request& request;
  const Callbacks& callbacks;  // that throw nothing
};

/// One of both is there.
struct Outcome {
  std::optional<Result> result;
  std::exception_ptr failure;
};

/// Draws them, together where they agree in what the denoiser has once for all: each as it would be
/// alone, to the byte. Where something fails for all, each is tried alone. One that asks to stop is
/// left out; the others go on.
std::vector<Outcome> draw_together(Pipeline& pipeline, std::span<const Asked> asked);

}  // namespace drypoint
