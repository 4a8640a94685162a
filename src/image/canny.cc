#include <opencv2/imgproc.hpp>

#include "base/error.h"
#include "drypoint/edges.h"
#include "image/edge_checks.h"
#include "image/formats.h"
#include "image/opencv.h"

namespace drypoint {

void check_thresholds(double low, double high) {
  const auto check = [](std::string_view option, double value) {
    if (!(value >= 0 && value <= 1000))
      fail(ErrorKind::bad_argument, "{}: {}, expected 0 to 1000", option, value);
  };
  check("low threshold", low);
  check("high threshold", high);
  if (low > high)
    fail(ErrorKind::bad_argument, "low threshold: {}, expected at most the high threshold, {}", low,
         high);
}

Image canny_edges(const Image& image, double low_threshold, double high_threshold) {
  check_image(image);
  check_thresholds(low_threshold, high_threshold);
  Image out;
  with_opencv("finding edges", [&] {
    out = blank(image.width, image.height, 1);
    cv::Mat target = view(out);
    cv::Canny(view(image), target, low_threshold, high_threshold, 3, false);
  });
  return out;
}

Image control_edges(const Image& image, const EdgeOptions& options) {
  return canny_edges(resize_for_control(image, options.resolution), options.low_threshold,
                     options.high_threshold);
}

}  // namespace drypoint
