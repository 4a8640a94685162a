#include <algorithm>
#include <cmath>

#include "annotate/poses.h"

namespace drypoint {
namespace {

constexpr double least_box = 20;

/// The square from a corner on, which may lie outside, with a side no longer than `width` and
/// `height`; none if that is too little.
std::optional<Region> square(double x, double y, double width, double height) {
  const double side = std::min(width, height);
  if (side < least_box) return std::nullopt;
  return Region{
      static_cast<int>(x), static_cast<int>(y), {static_cast<int>(side), static_cast<int>(side)}};
}

/// Where the hand is, a third of the forearm beyond the wrist.
std::optional<Region> hand_box(const Pose& body, size_t shoulder_part, ImageSize size) {
  const auto &shoulder = body[shoulder_part], &elbow = body[shoulder_part + 1],
             &wrist = body[shoulder_part + 2];
  if (!shoulder || !elbow || !wrist) return std::nullopt;
  constexpr double beyond = 0.33;
  const double across = wrist->x - elbow->x, down = wrist->y - elbow->y;
  const double forearm = std::sqrt(across * across + down * down);
  const double upper_across = elbow->x - shoulder->x, upper_down = elbow->y - shoulder->y;
  const double upper_arm = std::sqrt(upper_across * upper_across + upper_down * upper_down);
  const double side = 1.5 * std::max(forearm, 0.9 * upper_arm);
  const double x = std::max(wrist->x + beyond * across - side / 2, 0.0);
  const double y = std::max(wrist->y + beyond * down - side / 2, 0.0);
  return square(x, y, std::min(side, size.width - x), std::min(side, size.height - y));
}

}  // namespace

HandBoxes hand_boxes(const Pose& body, ImageSize size) {
  return {.left = hand_box(body, 5, size), .right = hand_box(body, 2, size)};
}

std::optional<Region> face_box(const Pose& body, ImageSize size) {
  const auto& nose = body[0];
  if (!nose) return std::nullopt;
  double reach = 0;
  for (size_t part = 14; part < 18; ++part)
    if (const auto& seen = body[part]) {
      const bool is_eye = part < 16;
      const int away = std::max(std::abs(nose->x - seen->x), std::abs(nose->y - seen->y));
      reach = std::max(reach, (is_eye ? 3.0 : 1.5) * away);
    }
  const double x = std::max(nose->x - reach, 0.0), y = std::max(nose->y - reach, 0.0);
  // Only what would lose its nearer half is cut, as in that code.
  const double width = x + reach > size.width ? size.width - x : 2 * reach;
  const double height = y + reach > size.height ? size.height - y : 2 * reach;
  auto box = square(x, y, width, height);
  if (box)
    box->size = {std::min(box->size.width, size.width - box->x),
                 std::min(box->size.height, size.height - box->y)};
  return box;
}

}  // namespace drypoint
