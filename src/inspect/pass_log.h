// What each pass did, told by the graphs before and after it.
#pragma once

#include "drypoint/inspect_graph.h"
#include "graph/graph.h"

namespace drypoint {

/// Nodes have no identity that outlives a pass, but a kind and a module's name, which passes keep.
class PassLog {
 public:
  /// To be called after each pass, first with the graph as built (`PassObserver`).
  void add(std::string_view pass, const Graph& after);

  const std::vector<InspectedPass>& passes() const { return passes_; }
  /// The passes that made, changed or moved operations of this kind in this module.
  std::vector<std::string> passes_of(const std::string& kind, const std::string& module) const;

 private:
  struct Group {
    std::vector<std::string> texts;  // operations with their attributes, sorted
    RateCounts rates{};
  };
  using Groups = std::map<std::pair<std::string, std::string>, Group>;  // by kind and module
  void note(InspectedPass& pass, const std::string& kind, const std::string& module,
            const Group& before, const Group& after);

  std::vector<InspectedPass> passes_;
  Groups last_;
  std::map<std::pair<std::string, std::string>, std::vector<std::string>> of_group_;
};

}  // namespace drypoint
