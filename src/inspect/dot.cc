#include <fmt/format.h>

#include "inspect/colors.h"
#include "inspect/drawing.h"

namespace drypoint {
namespace {

std::string dot_string(std::string_view text) {
  std::string result = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') result += '\\';
    if (c == '\n')
      result += "\\n";
    else
      result += c;
  }
  return result + "\"";
}

}  // namespace

std::string to_dot(const Drawing& drawing) {
  std::string dot = fmt::format(
      "digraph {} {{\n  node [shape=box style=\"filled,rounded\" fontname=\"sans-serif\" "
      "fontsize=10]\n  edge [color=\"#00000080\" arrowsize=0.6]\n",
      dot_string(drawing.title));
  for (size_t i = 0; i < drawing.clusters.size(); ++i) {
    const Drawing::Cluster& cluster = drawing.clusters[i];
    dot += fmt::format(
        "  subgraph cluster_{} {{\n    label={}\n    color=\"#00000040\"\n", i,
        dot_string(fmt::format("{} ({})", cluster.name, name(drawing.bands[cluster.band].rate))));
    for (const int index : cluster.boxes) {
      const Drawing::Box& box = drawing.boxes[index];
      dot += fmt::format(
          "    {} [label={} tooltip={} fillcolor=\"{}\"]\n", dot_string(box.id),
          dot_string(fmt::format("{}{}{}\n{}\n{}", box.kind, box.marks.empty() ? "" : " ",
                                 box.marks, box.name, box.type)),
          dot_string(box.tooltip), color_of(box.kind));
    }
    dot += "  }\n";
  }
  for (const Drawing::Edge& edge : drawing.edges)
    dot += fmt::format("  {} -> {}\n", dot_string(drawing.boxes[edge.from].id),
                       dot_string(drawing.boxes[edge.to].id));
  return dot + "}\n";
}

}  // namespace drypoint
