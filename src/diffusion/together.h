// Several requests drawn as one batch.
#pragma once

#include <cstddef>
#include <exception>
#include <optional>
#include <span>
#include <vector>

#include "drypoint/pipeline.h"

namespace drypoint {

struct Asked {
  const Request& request;
  const Callbacks& callbacks;  // that throw nothing
};

/// One of result and failure is there.
struct Outcome {
  std::optional<Result> result;
  std::exception_ptr failure;
  size_t together = 0;  // how many were drawn as one batch, this one included
};

/// Draws them, together where they agree in what the denoiser has once for all: each as it would be
/// alone, to the byte. Where something fails for all, each is tried alone. One that asks to stop is
/// left out; the others go on.
std::vector<Outcome> draw_together(Pipeline& pipeline, std::span<const Asked> asked);

}  // namespace drypoint
