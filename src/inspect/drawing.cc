#include "inspect/drawing.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "base/error.h"
#include "inspect/module_tree.h"

namespace drypoint {
namespace {

/// "model" of "model.diffusion_model.input_blocks.1".
std::string root_of(std::string_view module) {
  return std::string(module.substr(0, std::min(module.find('.'), module.size())));
}

/// What tells an operation from others of its kind at a glance.
std::string marks_of(const Graph& graph, const Node& node) {
  std::string marks;
  const auto add = [&](const std::string& mark) { marks += (marks.empty() ? "" : " ") + mark; };
  if (const auto* conv = std::get_if<Conv2d>(&node.op)) {
    const Shape& weight = graph[node.inputs[1]].type.shape;
    add(fmt::format("{}x{}", filter_height(*conv, weight), filter_width(*conv, weight)));
    if (conv->stride > 1) add(fmt::format("/{}", conv->stride));
  }
  const FusedForms forms = forms_of(node.op);
  if (forms.gate) add("gated");
  if (forms.upsample) add("upsample");
  if (forms.row_scale) add("normed");
  if (forms.concat) add("concat");
  const auto add_activation = [&](ActivationKind kind) {
    if (kind != ActivationKind::none) add(std::string(name(kind)));
  };
  std::visit(
      [&](const auto& op) {
        if constexpr (requires { op.epilogue; }) {
          if (op.groups > 1) add(fmt::format("x{}", op.groups));
          add_activation(op.epilogue.activation);
          if (op.epilogue.residual) add("+residual");
        } else if constexpr (requires { op.activation; }) {
          add_activation(op.activation);
        }
      },
      node.op);
  return marks;
}

class Draw {
 public:
  Draw(const Graph& graph, const std::string& module)
      : graph_(graph), box_of_(graph.values.size(), -1) {
    for (const Node& node : graph.nodes)
      if (lies_in(node.module, module) && graph[node.output].rate != Rate::load)
        inside_.insert(node.output);
    if (inside_.empty())
      fail(ErrorKind::bad_argument, "module: \"{}\": no operation lies in it (the first is in {})",
           module, graph.nodes.empty() ? "none" : graph.nodes.front().module);
    if (module.empty())
      for (const auto& [name, id] : graph.inputs) border(id, "in_" + name, "input", name);
    for (const Node& node : graph.nodes)
      if (inside_.contains(node.output)) add(node);
    readers();
    sort_bands();
  }
  Drawing drawing() && { return std::move(drawing_); }

 private:
  int band(Rate rate, const std::string& root) {
    const std::string when = rate == Rate::picture ? "once a picture" : "each step";
    const std::string name = fmt::format("{}, {}", root.empty() ? "inputs" : root, when);
    for (size_t i = 0; i < drawing_.bands.size(); ++i)
      if (drawing_.bands[i].name == name) return static_cast<int>(i);
    drawing_.bands.push_back({rate, name});
    return static_cast<int>(drawing_.bands.size()) - 1;
  }

  int cluster(const std::string& name, int in_band) {
    auto& clusters = drawing_.clusters;
    for (size_t i = 0; i < clusters.size(); ++i)
      if (clusters[i].name == name && clusters[i].band == in_band) return static_cast<int>(i);
    clusters.push_back({name, in_band, {}});
    return static_cast<int>(clusters.size()) - 1;
  }

  int add(Drawing::Box box) {
    const auto index = static_cast<int>(drawing_.boxes.size());
    drawing_.clusters[box.cluster].boxes.push_back(index);
    drawing_.boxes.push_back(std::move(box));
    return index;
  }

  /// An input, or a value from outside of the module.
  void border(ValueId id, const std::string& box, const std::string& kind,
              const std::string& name) {
    const Value& value = graph_[id];
    const std::string type = to_string(value.type);
    box_of_[id] = add({box, kind, "", name, type,
                       fmt::format("{} {} {}, {}", kind, name, type, drypoint::name(value.rate)),
                       cluster(kind == "input" ? "inputs" : "outside", band(value.rate, ""))});
  }

  void add(const Node& node) {
    const Value& result = graph_[node.output];
    for (const ValueId id : node.inputs) {
      const Value& value = graph_[id];
      if (box_of_[id] >= 0 || value.rate == Rate::load) continue;
      const Node* producer = graph_.producer(id);
      border(id, fmt::format("outside_{}", id), producer ? "outside" : "input",
             producer ? fmt::format("{} {}", drypoint::name(producer->op), producer->module)
                      : value.name);
    }
    const std::string block = block_of(node.module);
    const std::string within =
        node.module.size() > block.size() ? node.module.substr(block.size() + 1) : "";
    std::string tooltip = fmt::format("{}\n{}\n{}, {}\n", node.module, to_string(node.op),
                                      to_string(result.type), name(result.rate));
    for (const ValueId id : node.inputs)
      tooltip += fmt::format("reads {} {}\n", to_string(graph_[id].type), graph_[id].name);
    const int box = add({fmt::format("n{}", result.node), std::string(name(node.op)),
                         marks_of(graph_, node), within, to_string(result.type), tooltip,
                         cluster(block, band(result.rate, root_of(node.module)))});
    box_of_[node.output] = box;
    std::set<int> from;  // once, however often it is read
    for (const ValueId id : node.inputs)
      if (box_of_[id] >= 0 && from.insert(box_of_[id]).second)
        drawing_.edges.push_back({box_of_[id], box});
  }

  void readers() {
    for (const auto& [name, id] : graph_.outputs)
      if (inside_.contains(id)) reader(id, "out_" + name, "output", name);
    for (const Node& node : graph_.nodes) {
      if (inside_.contains(node.output)) continue;
      for (const ValueId id : std::set(node.inputs.begin(), node.inputs.end()))
        if (inside_.contains(id))
          reader(id, fmt::format("reader_{}_{}", graph_[node.output].node, id), "outside",
                 fmt::format("to {} {}", drypoint::name(node.op), node.module));
    }
  }

  void reader(ValueId id, const std::string& box, const std::string& kind,
              const std::string& name) {
    const std::string type = to_string(graph_[id].type);
    // Below what it reads, not in the column of inputs.
    const int column = drawing_.clusters[drawing_.boxes[box_of_[id]].cluster].band;
    const int to = add({box, kind, "", name, type, fmt::format("{} {} {}", kind, name, type),
                        cluster(kind == "output" ? "outputs" : "readers", column)});
    drawing_.edges.push_back({box_of_[id], to});
  }

  /// From left to right as they change: with pictures, then with steps.
  void sort_bands() {
    std::vector<int> order(drawing_.bands.size()), place(order.size());
    for (size_t i = 0; i < order.size(); ++i) order[i] = static_cast<int>(i);
    std::stable_sort(order.begin(), order.end(),
                     [&](int a, int b) { return drawing_.bands[a].rate < drawing_.bands[b].rate; });
    std::vector<Drawing::Band> sorted;
    for (size_t i = 0; i < order.size(); ++i) {
      place[order[i]] = static_cast<int>(i);
      sorted.push_back(drawing_.bands[order[i]]);
    }
    drawing_.bands = std::move(sorted);
    for (Drawing::Cluster& cluster : drawing_.clusters) cluster.band = place[cluster.band];
  }

  const Graph& graph_;
  std::vector<int> box_of_;  // of each value; -1 if it has none
  std::set<ValueId> inside_;
  Drawing drawing_;
};

}  // namespace

Drawing draw(const Graph& graph, const std::string& module, const std::string& title) {
  Drawing drawing = Draw(graph, module).drawing();
  drawing.title = title;
  return drawing;
}

}  // namespace drypoint
