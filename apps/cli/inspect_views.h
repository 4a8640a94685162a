// The three things that `inspect` looks at.
#pragma once

#include <string>
#include <vector>

#include "drypoint/inspect_graph.h"
#include "model_options.h"
#include "size_options.h"

namespace drypoint::cli {

/// A checkpoint. `depth`: levels of the tree of modules; -1: one, and all of them in JSON.
void inspect_checkpoint(const std::string& file, int depth, bool json);

/// A LoRA or its kin; -1: the list of its modules.
void inspect_adapter_file(const std::string& file, int depth, bool json);

/// What `calibrate` wrote.
void inspect_calibration_file(const std::string& file, bool json);

/// Two checkpoints. Returns whether they are the same.
bool inspect_difference(const std::string& a, const std::string& b, bool json);

struct GraphCommand {
  ModelOptions model;
  GraphOptions graph;
  GraphView view;
  SizeOptions size;
  std::string pass, graph_file, memory_file;
  bool operations = false, json = false;
};

/// A part of a model, compiled.
void inspect_graph(GraphCommand command);

}  // namespace drypoint::cli
