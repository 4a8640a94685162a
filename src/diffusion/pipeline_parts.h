// What the public classes hold.
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "diffusion/model/stages.h"
#include "diffusion/together.h"
#include "drypoint/pipeline.h"

namespace drypoint {

struct PipelineParts {
  static const std::shared_ptr<LoadedModel>& loaded(const Model& model) { return model.loaded_; }
  /// For those who measure stages one by one.
  static Stages& stages(Pipeline& pipeline);
  static std::vector<Outcome> draw_together(Pipeline& pipeline, std::span<const Asked> asked);
};

}  // namespace drypoint
