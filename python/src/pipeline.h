// Devices, models, pipelines and their results.
#pragma once

#include <nanobind/nanobind.h>

#include <atomic>
#include <functional>
#include <mutex>
#include <string>
#include <thread>

#include "drypoint/pipeline.h"

namespace drypoint::python {

namespace nb = nanobind;

/// A pipeline that any number of threads may ask; they take turns.
class SharedPipeline {
 public:
  explicit SharedPipeline(Pipeline pipeline) : pipeline_(std::move(pipeline)) {}

  const Pipeline& get() const { return pipeline_; }
  /// Waits for its turn, and gives up as `stop` says, without the GIL.
  template <class Body>
  auto use(const std::function<bool()>& stop, const Body& body) {
    const Turn turn(*this, stop);
    return body(pipeline_);
  }

 private:
  struct Turn {
    Turn(SharedPipeline& pipeline, const std::function<bool()>& stop);
    ~Turn();
    SharedPipeline& pipeline;
  };

  Pipeline pipeline_;
  std::timed_mutex busy_;
  std::atomic<std::thread::id> user_;
};

/// What is to be drawn with: model and device, by these names as keywords.
struct Opened {
  ModelFiles files;
  PipelineOptions options;
};
Opened to_opened(nb::handle model, const nb::kwargs& keywords, const char* of);
/// Those keywords in a signature.
std::string opened_keywords();

/// Of a model or a pipeline.
const Model& model_of(nb::handle given);

void add_pipeline(nb::module_& module);
void add_result(nb::module_& module);

}  // namespace drypoint::python
