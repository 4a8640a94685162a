#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/markup.h"
#include "inspect/colors.h"
#include "inspect/memory_map.h"

namespace drypoint {
namespace {

constexpr double width = 1200, height = 600;  // of the plot itself, in pixels
constexpr double left = 90, top = 60, right = 20, bottom = 90;

double mib(int64_t bytes) { return static_cast<double>(bytes) / (1 << 20); }

class Plot {
 public:
  Plot(const MemoryMap& map, const std::string& title)
      : map_(map),
        bytes_(std::max<double>(1, static_cast<double>(map.kept_bytes + map.scratch_bytes))),
        positions_(std::max<double>(1, static_cast<double>(map.operations.size()))) {
    head(title);
    for (const MemoryBlock& block : map.blocks) rectangle(block);
    in_use();
    axes();
    legend();
    svg_ += "</svg>\n";
  }
  std::string text() && { return std::move(svg_); }

 private:
  double x(double position) const { return left + position / positions_ * width; }
  double y(double offset) const { return top + height - offset / bytes_ * height; }

  void head(const std::string& title) {
    svg_ = fmt::format(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{0}\" height=\"{1}\" "
        "viewBox=\"0 0 {0} {1}\">\n<title>{2}</title>\n<style>text {{ font: 12px sans-serif; }} "
        ".block {{ stroke: #0007; stroke-width: .5; }} .block:hover {{ stroke: #000; "
        "stroke-width: 2; }} .line {{ stroke: #444; fill: none; }}</style>\n"
        "<rect width=\"{0}\" height=\"{1}\" fill=\"#fff\"/>\n",
        left + width + right, top + height + bottom, escaped(title));
    svg_ += fmt::format("<text x=\"{}\" y=\"24\" style=\"font-size:16px\">{}</text>\n", left,
                        escaped(title));
    svg_ += fmt::format(
        "<text x=\"{}\" y=\"44\">kept {:.1f} MiB, scratch {:.1f} MiB, of which at most {:.1f} MiB "
        "in use at once</text>\n",
        left, mib(map_.kept_bytes), mib(map_.scratch_bytes), mib(peak()));
  }

  int64_t peak() const { return map_.in_use.empty() ? 0 : map_.in_use[map_.peak]; }

  void rectangle(const MemoryBlock& block) {
    if (block.last <= block.first || block.bytes == 0) return;
    const double offset = static_cast<double>(block.offset + (block.kept ? 0 : map_.kept_bytes));
    const double upper = y(offset + static_cast<double>(block.bytes));
    svg_ += fmt::format(
        "<rect class=\"block\" x=\"{:.2f}\" y=\"{:.2f}\" width=\"{:.2f}\" height=\"{:.2f}\" "
        "fill=\"{}\"><title>{}\n{} {}\n{} bytes at {}+{}\noperations {} to {}</title></rect>\n",
        x(block.first), upper, x(block.last) - x(block.first), y(offset) - upper,
        color_of(block.kind), escaped(block.name), escaped(block.kind), escaped(block.type),
        block.bytes, block.kept ? "kept" : "scratch", block.offset, block.first, block.last - 1);
  }

  /// What is in use of scratch, as a line over its blocks.
  void in_use() {
    std::string points;
    for (size_t at = 0; at < map_.in_use.size(); ++at)
      for (const double end : {0.0, 1.0})
        points += fmt::format("{:.2f},{:.2f} ", x(static_cast<double>(at) + end),
                              y(static_cast<double>(map_.kept_bytes + map_.in_use[at])));
    svg_ += fmt::format("<polyline class=\"line\" stroke-width=\"1.5\" points=\"{}\"/>\n", points);
    if (map_.operations.empty()) return;
    svg_ += fmt::format(
        "<line class=\"line\" stroke-dasharray=\"4 3\" x1=\"{0:.2f}\" x2=\"{0:.2f}\" y1=\"{1}\" "
        "y2=\"{2}\"><title>most in use: {3}</title></line>\n",
        x(map_.peak + 0.5), top, top + height, escaped(map_.operations[map_.peak]));
  }

  void axes() {
    svg_ += fmt::format("<rect class=\"line\" x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\"/>\n",
                        left, top, width, height);
    const double step = std::pow(2, std::ceil(std::log2(bytes_ / 10)));
    for (double at = 0; at <= bytes_; at += step)
      svg_ += fmt::format("<text x=\"{}\" y=\"{:.2f}\" text-anchor=\"end\">{:.4g} MiB</text>\n",
                          left - 8, y(at) + 4, at / (1 << 20));
    const double boundary = y(static_cast<double>(map_.kept_bytes));
    svg_ += fmt::format(
        "<line class=\"line\" x1=\"{}\" x2=\"{}\" y1=\"{:.2f}\" y2=\"{:.2f}\"><title>kept below, "
        "scratch above</title></line>\n",
        left, left + width, boundary, boundary);
    const auto section = [&](double from, double to, std::string_view what, double down) {
      if (to <= from) return;
      svg_ += fmt::format(
          "<line class=\"line\" x1=\"{0:.2f}\" x2=\"{0:.2f}\" y1=\"{1}\" y2=\"{2}\"/>\n"
          "<text x=\"{3:.2f}\" y=\"{4}\">{5}</text>\n",
          x(from), top, top + height + down, x(from) + 4, top + height + down,
          fmt::format("{}: {} operations", what, to - from));
    };
    section(0, map_.picture_operations, "once a picture", 16);
    section(map_.picture_operations, static_cast<double>(map_.operations.size()), "each step", 30);
  }

  void legend() {
    double at = left;
    for (const KindColor& color : kind_colors()) {
      svg_ += fmt::format(
          "<rect class=\"block\" x=\"{}\" y=\"{}\" width=\"12\" height=\"12\" fill=\"{}\"/>"
          "<text x=\"{}\" y=\"{}\">{}</text>\n",
          at, top + height + 56, color.color, at + 18, top + height + 67, color.sort);
      at += 130;
    }
  }

  const MemoryMap& map_;
  double bytes_, positions_;
  std::string svg_;
};

}  // namespace

std::string memory_plot(const MemoryMap& map, const std::string& title) {
  return Plot(map, title).text();
}

}  // namespace drypoint
