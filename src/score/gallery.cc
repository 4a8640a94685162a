#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>

#include "base/error.h"
#include "base/markup.h"
#include "drypoint/score.h"

namespace drypoint {
namespace {

constexpr std::string_view head = R"(<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>Drypoint score</title>
<style>
/* The header is known when all pictures are drawn, but shown first. */
body { display: flex; flex-direction: column; } header { order: -1; }
body { font: 15px/1.45 system-ui, sans-serif; margin: 2em auto; max-width: 64em; padding: 0 1em; }
table { border-collapse: collapse; }
th, td { padding: .25em .8em; text-align: right; border-bottom: 1px solid #8884; }
th:first-child, td:first-child { text-align: left; }
.pictures { display: grid; grid-template-columns: repeat(3, 1fr); gap: .4em; margin: .4em 0 2em; }
.pictures img { width: 100%; height: auto; display: block; }
figure { margin: 0; } figcaption { color: #666; font-size: 85%; }
.failed { color: #b00; font-weight: 600; }
</style></head><body>
)";

std::string base64(std::string_view bytes) {
  constexpr char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  text.reserve((bytes.size() + 2) / 3 * 4);
  for (size_t i = 0; i < bytes.size(); i += 3) {
    const auto byte = [&](size_t at) {
      return at < bytes.size() ? static_cast<uint32_t>(static_cast<unsigned char>(bytes[at])) : 0u;
    };
    const uint32_t bits = byte(i) << 16 | byte(i + 1) << 8 | byte(i + 2);
    for (size_t digit = 0; digit < 4; ++digit)
      text += i + digit <= bytes.size() ? digits[bits >> (18 - 6 * digit) & 63] : '=';
  }
  return text;
}

Image difference(const Image& a, const Image& b) {
  Image result = a;
  for (size_t i = 0; i < a.pixels.size(); ++i)
    result.pixels[i] =
        static_cast<uint8_t>(std::min(255, 4 * std::abs(int{a.pixels[i]} - int{b.pixels[i]})));
  return result;
}

std::string figure(const Image& image, std::string_view caption) {
  return fmt::format(
      "<figure><img alt=\"{0}\" src=\"data:image/png;base64,{1}\"><figcaption>{0}</figcaption>"
      "</figure>\n",
      caption, base64(encode_image(image, ImageFormat::png)));
}

std::string number(std::optional<double> value, int digits) {
  return value ? fmt::format("{:.{}f}", *value, digits) : "–";
}

std::string table(const ScoreResult& result) {
  std::string html =
      "<table><tr><th>variant<th>total<th>median s<th>PSNR<th>SSIM<th>distance<th>failed</tr>\n";
  for (const VariantScore& v : result.variants)
    html += fmt::format("<tr><td>{}<td>{:.4f}<td>{:.3f}<td>{:.2f}<td>{:.4f}<td>{}<td>{}</tr>\n",
                        escaped(v.name), v.total, v.median_seconds, v.mean_psnr, v.mean_ssim,
                        number(v.mean_distance, 2), v.failed);
  return html + "</table>\n";
}

}  // namespace

Gallery::Gallery(OutputSet& outputs, std::filesystem::path path)
    : outputs_(outputs), path_(std::move(path)) {
  outputs_.open(path_, head);
}

void Gallery::add(const std::string& variant, const PictureScore& p, const Image& drawn,
                  const Image& reference) {
  at_border(path_.string(), [&] {
    std::string html;
    if (variant_ != variant) html += fmt::format("<h2>{}</h2>\n", escaped(variant));
    variant_ = variant;
    html +=
        fmt::format("<h3>{}{}</h3>\n<p>{:.3f} s, PSNR {:.2f} dB, SSIM {:.4f}, distance {}</p>\n",
                    escaped(p.name), p.failed ? " <span class=\"failed\">failed</span>" : "",
                    p.seconds, p.psnr, p.ssim, number(p.distance, 2));
    html += "<div class=\"pictures\">\n" + figure(drawn, "drawn") + figure(reference, "reference") +
            figure(difference(drawn, reference), "difference × 4") + "</div>\n";
    outputs_.append(path_, html);
  });
}

void Gallery::finish(const ScoreResult& result) {
  at_border(path_.string(), [&] {
    outputs_.append(path_,
                    fmt::format("<header><h1>Score of {}</h1>\n<p>On {}, {} threads. "
                                "References: {}. A picture fails at a distance over {}.</p>\n",
                                escaped(result.model), escaped(result.device), result.threads,
                                escaped(result.references), result.threshold));
    outputs_.append(path_, table(result) + "</header>\n</body></html>\n");
  });
}

}  // namespace drypoint
