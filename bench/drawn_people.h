// What OpenPose's network for bodies would see of people, since random weights see none.
#pragma once

#include <cmath>
#include <map>
#include <string>
#include <vector>

#include "annotate/poses.h"

namespace drypoint {

/// Where the parts of somebody who stands are, in shares of the height.
struct BodyPlace {
  float x, y;
};
constexpr BodyPlace standing[OpenposeConfig::parts] = {
    {0, -.38f},   {0, -.26f},   {-.1f, -.25f}, {-.15f, -.1f}, {-.18f, .02f},  {.1f, -.25f},
    {.15f, -.1f}, {.18f, .02f}, {-.06f, .04f}, {-.07f, .22f}, {-.08f, .42f},  {.06f, .04f},
    {.07f, .22f}, {.08f, .42f}, {-.02f, -.4f}, {.02f, -.4f},  {-.05f, -.39f}, {.05f, -.39f}};

/// "limbs" and "parts" of `count` people, as tall as the picture, beside one another.
inline std::map<std::string, std::vector<float>> drawn_people(int count, ImageSize results) {
  constexpr size_t of_parts = OpenposeConfig::parts + 1, of_limbs = 2 * OpenposeConfig::limbs;
  const auto height = static_cast<float>(results.height), width = static_cast<float>(results.width);
  const size_t pixels = static_cast<size_t>(results.width) * static_cast<size_t>(results.height);
  std::vector<float> parts(of_parts * pixels), limbs(of_limbs * pixels);
  for (int person = 0; person < count; ++person) {
    const float middle = width * (static_cast<float>(person) + 0.5f) / static_cast<float>(count);
    const auto place = [&](size_t part) {
      return BodyPlace{middle + standing[part].x * height, (standing[part].y + 0.5f) * height};
    };
    for (size_t i = 0; i < pixels; ++i) {
      const float x = static_cast<float>(i % static_cast<size_t>(results.width)) + 0.5f;
      const float y = static_cast<float>(i / static_cast<size_t>(results.width)) + 0.5f;
      for (size_t part = 0; part < OpenposeConfig::parts; ++part) {
        const auto [at_x, at_y] = place(part);
        const float away = (x - at_x) * (x - at_x) + (y - at_y) * (y - at_y);
        float& likely = parts[i * of_parts + part];
        likely = std::max(likely, std::exp(-away / 0.8f));
      }
      for (const BodyLimb& limb : body_limbs) {
        const BodyPlace from = place(limb.from), to = place(limb.to);
        const float length = std::hypot(to.x - from.x, to.y - from.y);
        const float across = (to.x - from.x) / length, down = (to.y - from.y) / length;
        const float ahead = (x - from.x) * across + (y - from.y) * down;
        const float beside = std::abs((y - from.y) * across - (x - from.x) * down);
        if (ahead < -0.7f || ahead > length + 0.7f || beside > 0.9f) continue;
        limbs[i * of_limbs + limb.channel] = across;
        limbs[i * of_limbs + limb.channel + 1] = down;
      }
    }
  }
  return {{"limbs", std::move(limbs)}, {"parts", std::move(parts)}};
}

}  // namespace drypoint
