// A layout for graphs that are mostly chains of modules, as networks are. Each rate and part of the
// model has a column (a band); modules stand in it from top to bottom in the order of execution,
// the operations of a module in rows by how far they are from its first. So one reads down a
// column, and what does not follow from the row above (residuals, skips, what another column gives)
// is seen as an arc at the side. Names are known, so positions need no iteration.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/markup.h"
#include "inspect/colors.h"
#include "inspect/drawing.h"

namespace drypoint {
namespace {

constexpr double box_width = 190, box_height = 46, box_gap = 14, row_gap = 18;
constexpr double padding = 12, heading = 18, cluster_gap = 22, band_gap = 150, margin = 40;
constexpr double bands_top = 80;

/// Keeps the end, which tells more of a module's name.
std::string shortened(const std::string& text, size_t most) {
  if (text.size() <= most) return text;
  size_t begin = text.size() - most + 1;
  while (begin < text.size() && (static_cast<unsigned char>(text[begin]) & 0xc0) == 0x80)
    ++begin;  // not within a character
  return "…" + text.substr(begin);
}

struct Point {
  double x = 0, y = 0;
};

class Layout {
 public:
  explicit Layout(const Drawing& drawing)
      : drawing_(drawing),
        at_(drawing.boxes.size()),
        row_(drawing.boxes.size()),
        cluster_at_(drawing.clusters.size()),
        cluster_size_(drawing.clusters.size()),
        band_x_(drawing.bands.size()),
        band_width_(drawing.bands.size()) {
    into_.resize(drawing.boxes.size());
    for (const Drawing::Edge& edge : drawing.edges) into_[edge.to].push_back(edge.from);
    find_rows();
    find_columns();
    place();
  }

  std::string svg() const {
    std::string svg = head();
    for (size_t i = 0; i < drawing_.bands.size(); ++i)
      svg += fmt::format("<text class=\"band\" x=\"{:.0f}\" y=\"{}\">{}</text>\n", band_x_[i],
                         bands_top - 16, escaped(drawing_.bands[i].name));
    for (size_t i = 0; i < drawing_.clusters.size(); ++i) svg += cluster(i);
    for (const Drawing::Edge& edge : drawing_.edges) svg += path(edge);
    for (size_t i = 0; i < drawing_.boxes.size(); ++i) svg += box(i);
    return svg + "</svg>\n";
  }

 private:
  void find_rows() {
    rows_.resize(drawing_.clusters.size());
    for (size_t i = 0; i < drawing_.boxes.size(); ++i) {
      const int cluster = drawing_.boxes[i].cluster;
      for (const int from : into_[i])
        if (drawing_.boxes[from].cluster == cluster) row_[i] = std::max(row_[i], row_[from] + 1);
      auto& rows = rows_[cluster];
      // Side by side while there is room: inputs of a model, and readers of a module, are many.
      while (row_[i] < static_cast<int>(rows.size()) && rows[row_[i]].size() >= 4) ++row_[i];
      if (row_[i] >= static_cast<int>(rows.size())) rows.resize(row_[i] + 1);
      rows[row_[i]].push_back(static_cast<int>(i));
    }
  }

  void find_columns() {
    for (size_t i = 0; i < drawing_.clusters.size(); ++i) {
      size_t widest = 1;
      for (const auto& row : rows_[i]) widest = std::max(widest, row.size());
      const auto columns = static_cast<double>(widest), rows = static_cast<double>(rows_[i].size());
      cluster_size_[i] = {columns * (box_width + box_gap) - box_gap + 2 * padding,
                          rows * (box_height + row_gap) - row_gap + 2 * padding + heading};
      double& width = band_width_[drawing_.clusters[i].band];
      width = std::max(width, cluster_size_[i].x);
    }
    double x = margin;
    for (size_t i = 0; i < band_x_.size(); ++i) {
      band_x_[i] = x;
      x += band_width_[i] + band_gap;
    }
    size_.x = x;
  }

  /// Clusters come in the order of their first operation: below the last of their band, and below
  /// what other bands give them.
  void place() {
    std::vector<double> free(drawing_.bands.size(), bands_top);
    for (size_t i = 0; i < drawing_.clusters.size(); ++i) {
      const Drawing::Cluster& cluster = drawing_.clusters[i];
      double y = free[cluster.band];
      for (const int box : cluster.boxes)
        for (const int from : into_[box]) {
          const int other = drawing_.boxes[from].cluster;
          const double row = row_[box] * (box_height + row_gap) + padding + heading;
          if (other < static_cast<int>(i) && drawing_.clusters[other].band != cluster.band)
            y = std::max(y, at_[from].y + box_height + row_gap - row);
        }
      const double left =
          band_x_[cluster.band] + (band_width_[cluster.band] - cluster_size_[i].x) / 2;
      cluster_at_[i] = {left, y};
      for (size_t r = 0; r < rows_[i].size(); ++r) {
        const auto& row = rows_[i][r];
        const double wide = static_cast<double>(row.size()) * (box_width + box_gap) - box_gap;
        for (size_t c = 0; c < row.size(); ++c)
          at_[row[c]] = {left + (cluster_size_[i].x - wide) / 2 +
                             static_cast<double>(c) * (box_width + box_gap),
                         y + padding + heading + static_cast<double>(r) * (box_height + row_gap)};
      }
      free[cluster.band] = y + cluster_size_[i].y + cluster_gap;
      size_.y = std::max(size_.y, free[cluster.band] + margin);
    }
  }

  std::string head() const {
    std::string svg = fmt::format(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{0:.0f}\" height=\"{1:.0f}\" "
        "viewBox=\"0 0 {0:.0f} {1:.0f}\">\n<title>{2}</title>\n<style>\n"
        "text {{ font: 10px sans-serif; text-anchor: middle; }}\n"
        ".kind {{ font-weight: 600; font-size: 11px; }}\n"
        ".cluster text, .band, .title {{ text-anchor: start; fill: #555; }}\n"
        ".band {{ font-size: 15px; }} .title {{ font-size: 20px; fill: #000; }}\n"
        ".cluster rect {{ fill: #f6f7f9; stroke: #ccd; }}\n"
        ".node rect {{ stroke: #556; }} .outside rect {{ stroke-dasharray: 4 3; }}\n"
        ".node:hover rect {{ stroke: #000; stroke-width: 2.5; }}\n"
        "path {{ fill: none; stroke: #445; stroke-opacity: .55; marker-end: url(#arrow); }}\n"
        ".far {{ stroke-opacity: .22; }} path:hover {{ stroke: #d33; stroke-opacity: 1; "
        "stroke-width: 2.5; }}\n</style>\n<defs><marker id=\"arrow\" viewBox=\"0 0 8 8\" "
        "refX=\"7\" "
        "refY=\"4\" markerWidth=\"6\" markerHeight=\"6\" orient=\"auto\"><path d=\"M0 1 7 4 0 7z\" "
        "style=\"fill:#445;stroke:none;marker-end:none\"/></marker></defs>\n"
        "<rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n"
        "<text class=\"title\" x=\"{3}\" y=\"36\">{2}</text>\n",
        size_.x, size_.y, escaped(drawing_.title), margin);
    return svg;
  }

  std::string cluster(size_t i) const {
    const Point at = cluster_at_[i], size = cluster_size_[i];
    const std::string& name = drawing_.clusters[i].name;
    return fmt::format(
        "<g class=\"cluster\"><title>{}</title><rect x=\"{:.1f}\" y=\"{:.1f}\" width=\"{:.1f}\" "
        "height=\"{:.1f}\" rx=\"8\"/><text x=\"{:.1f}\" y=\"{:.1f}\">{}</text></g>\n",
        escaped(name), at.x, at.y, size.x, size.y, at.x + padding, at.y + 16,
        escaped(shortened(name, static_cast<size_t>(size.x / 5.6))));
  }

  std::string box(size_t i) const {
    const Drawing::Box& box = drawing_.boxes[i];
    const double x = at_[i].x, y = at_[i].y, middle = x + box_width / 2;
    const bool operation = box.kind != "input" && box.kind != "output" && box.kind != "outside";
    const auto line = [&](double down, std::string_view kind, const std::string& text) {
      return fmt::format("<text{} x=\"{:.1f}\" y=\"{:.1f}\">{}</text>", kind, middle, y + down,
                         escaped(shortened(text, 34)));
    };
    return fmt::format(
               "<g class=\"node{}\" id=\"{}\"><title>{}</title><rect x=\"{:.1f}\" y=\"{:.1f}\" "
               "width=\"{}\" height=\"{}\" rx=\"{}\" fill=\"{}\"/>",
               box.kind == "outside" ? " outside" : "", escaped(box.id), escaped(box.tooltip), x, y,
               box_width, box_height, operation ? 4 : 22, color_of(box.kind)) +
           line(14, " class=\"kind\"", box.marks.empty() ? box.kind : box.kind + " " + box.marks) +
           line(27, "", box.name) + line(39, "", box.type) + "</g>\n";
  }

  std::string path(const Drawing::Edge& edge) const {
    const Point from = at_[edge.from], to = at_[edge.to];
    const int band_from = drawing_.clusters[drawing_.boxes[edge.from].cluster].band;
    const int band_to = drawing_.clusters[drawing_.boxes[edge.to].cluster].band;
    const std::string title =
        fmt::format("<title>{} to {}</title>", escaped(drawing_.boxes[edge.from].tooltip),
                    escaped(drawing_.boxes[edge.to].tooltip));
    const double down = to.y - from.y - box_height;
    if (band_from == band_to && down >= 0 && down < box_height + 3 * cluster_gap) {
      const double a = from.x + box_width / 2, b = to.x + box_width / 2;
      return fmt::format(
          "<path d=\"M{0:.1f} {1:.1f}C{0:.1f} {2:.1f} {3:.1f} {4:.1f} {3:.1f} "
          "{5:.1f}\">{6}</path>\n",
          a, from.y + box_height, from.y + box_height + down / 2, b, to.y - down / 2, to.y, title);
    }
    const double y1 = from.y + box_height / 2, y2 = to.y + box_height / 2;
    if (band_from == band_to) {  // around, the further the longer
      const double a = from.x + box_width, b = to.x + box_width;
      const double out = band_x_[band_to] + band_width_[band_to] +
                         std::min(band_gap - 20, 6 * std::sqrt(std::abs(down) / 8));
      return fmt::format(
          "<path class=\"{}\" d=\"M{:.1f} {:.1f}C{:.1f} {:.1f} {:.1f} {:.1f} {:.1f} {:.1f}\">{}"
          "</path>\n",
          std::abs(down) > 1500 ? "far" : "near", a, y1, out, y1, out, y2, b, y2, title);
    }
    const bool right = band_to > band_from;
    const double a = right ? from.x + box_width : from.x, b = right ? to.x : to.x + box_width;
    const double bend = right ? 70 : -70;
    return fmt::format(
        "<path class=\"far\" d=\"M{:.1f} {:.1f}C{:.1f} {:.1f} {:.1f} {:.1f} {:.1f} {:.1f}\">{}"
        "</path>\n",
        a, y1, a + bend, y1, b - bend, y2, b, y2, title);
  }

  const Drawing& drawing_;
  std::vector<std::vector<int>> into_;
  std::vector<std::vector<std::vector<int>>> rows_;  // of each cluster
  std::vector<Point> at_;                            // of each box, its upper left corner
  std::vector<int> row_;
  std::vector<Point> cluster_at_, cluster_size_;
  std::vector<double> band_x_, band_width_;
  Point size_;
};

}  // namespace

std::string to_svg(const Drawing& drawing) { return Layout(drawing).svg(); }

}  // namespace drypoint
