// A comparison as one HTML page that needs nothing else.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/markup.h"
#include "drypoint/compare.h"

namespace drypoint {
namespace {

constexpr double width = 160, height = 28, least = 1e-5;

/// 0 to 1 on a logarithmic scale from `least` to 1.
double place(double error) {
  return std::clamp(1 - std::log10(std::max(error, least)) / std::log10(least), 0.0, 1.0);
}

std::string plot(const ComparedModule& module) {
  std::string points;
  const size_t count = module.errors.size();
  for (size_t i = 0; i < count; ++i)
    points += fmt::format(
        "{:.1f},{:.1f} ",
        count > 1 ? width * static_cast<double>(i) / static_cast<double>(count - 1) : width / 2,
        height * (1 - place(module.errors[i])));
  if (count == 1) points = fmt::format("0,{0} {1},{0}", points.substr(points.find(',') + 1), width);
  return fmt::format(
      "<svg width=\"{}\" height=\"{}\" role=\"img\" aria-label=\"error by step\">"
      "<polyline points=\"{}\"/></svg>",
      width, height, points);
}

}  // namespace

std::string comparison_page(const PrecisionComparison& comparison) {
  std::string page = fmt::format(
      "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>{0}</title>"
      "<style>body{{font:14px system-ui;margin:2em;color-scheme:light dark}}"
      "td,th{{padding:.2em .8em;text-align:right}}td:last-child,th:last-child{{text-align:left}}"
      "svg{{background:color-mix(in srgb,currentColor 8%,transparent)}}"
      "polyline{{fill:none;stroke:currentColor;stroke-width:1.5}}</style>"
      "<h1>{0}</h1><p>{1} against {2}. Errors are relative to the results; plots go from "
      "{3:g} to 1, logarithmically, over the steps looked at.</p><table><tr><th>worst</th>"
      "<th>cut</th><th>by step</th><th>module</th></tr>",
      escaped(comparison.model), escaped(comparison.device_b), escaped(comparison.device_a), least);
  for (const ComparedModule& module : comparison.modules)
    page += fmt::format("<tr><td>{:.5f}</td><td>{:.3f} %</td><td>{}</td><td>{}{}</td></tr>",
                        module.worst, 100 * module.saturation, plot(module), escaped(module.name),
                        module.rounded ? "" : " (as it is)");
  page += "</table><h2>Pictures</h2><ol>";
  for (const double psnr : comparison.psnr) page += fmt::format("<li>{:.2f} dB</li>", psnr);
  return page + "</ol></html>\n";
}

}  // namespace drypoint
