// A graph, or a module cut out of one, as what a picture of it needs.
#pragma once

#include <string>
#include <vector>

#include "drypoint/inspect_graph.h"
#include "graph/graph.h"

namespace drypoint {

struct Drawing {
  struct Box {
    std::string id;     // "n12" for node 12; "in_latent", "out_eps", "outside_7"
    std::string kind;   // of the operation; "input", "output", "outside"
    std::string marks;  // "3x3 silu +residual"
    std::string name;   // the module's within the cluster
    std::string type;   // of the result
    std::string tooltip;
    int cluster = -1;
  };
  struct Cluster {
    std::string name;  // "model.diffusion_model.input_blocks.4"
    int band = -1;
    std::vector<int> boxes;
  };
  /// What stands in a column of its own.
  struct Band {
    Rate rate = Rate::step;
    std::string name;  // "control_model, once a picture"
  };
  struct Edge {
    int from = -1, to = -1;
  };

  std::string title;
  std::vector<Box> boxes;  // each after those that it reads
  std::vector<Cluster> clusters;
  std::vector<Band> bands;  // from left to right
  std::vector<Edge> edges;
};

/// Weights, and what is made of them at loading, are left out. What a module that was cut out reads
/// and who reads it stand at its border. Throws bad_argument if no operation lies in `module`.
Drawing draw(const Graph& graph, const std::string& module, const std::string& title);

std::string to_dot(const Drawing& drawing);
std::string to_svg(const Drawing& drawing);

}  // namespace drypoint
