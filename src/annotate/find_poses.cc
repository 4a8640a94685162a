#include <algorithm>
#include <cmath>
#include <numeric>

#include "annotate/peaks.h"
#include "annotate/poses.h"
#include "base/error.h"

namespace drypoint {
namespace {

constexpr size_t part_count = OpenposeConfig::parts, limb_count = OpenposeConfig::limbs;
constexpr double least_limb = 0.05;

constexpr size_t limbs_that_begin_bodies = 17;

/// Two peaks that belong together, by their numbers among all.
struct Connection {
  size_t from = 0, to = 0;
  double score = 0;
};

struct Body {
  std::array<int, part_count> peaks;  // -1: none
  double score = 0;
  int parts = 0;
};

/// How much of the limb's direction lies along the line between two peaks, at ten places; none if
/// that is too little.
std::optional<double> limb_score(std::span<const float> limbs, const FloatResize& resize,
                                 size_t channel, const Peak& a, const Peak& b) {
  constexpr int places = 10;
  double x = b.x - a.x, y = b.y - a.y;
  const double length = std::max(0.001, std::sqrt(x * x + y * y));
  const double step_x = x / (places - 1), step_y = y / (places - 1);
  x /= length, y /= length;
  double sum = 0;
  int along = 0;
  for (int i = 0; i < places; ++i) {
    const int column = static_cast<int>(std::nearbyint(a.x + i * step_x));
    const int row = static_cast<int>(std::nearbyint(a.y + i * step_y));
    const auto direction = [&](size_t axis) {
      return resize.at(limbs, 2 * limb_count, channel + axis, column, row);
    };
    const double score = direction(0) * x + direction(1) * y;
    sum += score;
    along += score > least_limb ? 1 : 0;
  }
  const double score = sum / places + std::min(0.5 * resize.to().height / length - 1, 0.0);
  return along > 0.8 * places && score > 0 ? std::optional(score) : std::nullopt;
}

/// The best first, each peak once. `first_a`, `first_b`: the number of the first of each.
std::vector<Connection> connections_of(const BodyLimb& limb, std::span<const float> limbs,
                                       const FloatResize& resize, std::span<const Peak> as,
                                       size_t first_a, std::span<const Peak> bs, size_t first_b) {
  std::vector<Connection> candidates;
  for (size_t i = 0; i < as.size(); ++i)
    for (size_t j = 0; j < bs.size(); ++j)
      if (const auto score = limb_score(limbs, resize, limb.channel, as[i], bs[j]))
        candidates.push_back({first_a + i, first_b + j, *score});
  std::ranges::stable_sort(candidates, std::greater(), &Connection::score);
  std::vector<Connection> taken;
  for (const Connection& one : candidates) {
    const bool is_free = std::ranges::none_of(taken, [&](const Connection& other) {
      return other.from == one.from || other.to == one.to;
    });
    if (is_free) taken.push_back(one);
  }
  return taken;
}

/// Lets the bodies grow by a connection, two that it joins become one, or one begin.
void add_connection(std::vector<Body>& bodies, const BodyLimb& limb, bool begins_bodies,
                    const Connection& found, std::span<const Peak> peaks) {
  const int from = static_cast<int>(found.from), to = static_cast<int>(found.to);
  std::vector<size_t> owners;
  for (size_t i = 0; i < bodies.size() && owners.size() < 2; ++i)
    if (bodies[i].peaks[limb.from] == from || bodies[i].peaks[limb.to] == to) owners.push_back(i);
  if (owners.empty()) {
    if (!begins_bodies) return;
    Body& body = bodies.emplace_back();
    body.peaks.fill(-1);
    body.peaks[limb.from] = from;
    body.peaks[limb.to] = to;
    body.parts = 2;
    body.score = peaks[found.from].score + peaks[found.to].score + found.score;
    return;
  }
  Body& body = bodies[owners[0]];
  if (owners.size() == 2) {
    const Body& other = bodies[owners[1]];
    bool apart = true;
    for (size_t i = 0; i < part_count; ++i) apart &= body.peaks[i] < 0 || other.peaks[i] < 0;
    if (apart) {
      for (size_t i = 0; i < part_count; ++i) body.peaks[i] += other.peaks[i] + 1;
      body.parts += other.parts;
      body.score += other.score + found.score;
      bodies.erase(bodies.begin() + static_cast<ptrdiff_t>(owners[1]));
      return;
    }
  } else if (body.peaks[limb.to] == to) {
    return;
  }
  body.peaks[limb.to] = to;
  ++body.parts;
  body.score += peaks[found.to].score + found.score;
}

}  // namespace

std::vector<Pose> find_poses(std::span<const float> limbs, std::span<const float> parts,
                             const FloatResize& resize) {
  const PeakFinder find_peaks(resize);
  std::vector<float> plane(parts.size() / (part_count + 1));
  std::vector<Peak> peaks;
  std::array<size_t, part_count + 1> first{};  // of each part, and the end
  for (size_t part = 0; part < part_count; ++part) {
    for (size_t i = 0; i < plane.size(); ++i) plane[i] = parts[i * (part_count + 1) + part];
    const std::vector<Peak> own = find_peaks(plane);
    peaks.insert(peaks.end(), own.begin(), own.end());
    first[part + 1] = peaks.size();
  }
  const auto of_part = [&](size_t part) {
    return std::span(peaks).subspan(first[part], first[part + 1] - first[part]);
  };
  std::vector<Body> bodies;
  for (size_t i = 0; i < limb_count; ++i) {
    const BodyLimb& limb = body_limbs[i];
    for (const Connection& found :
         connections_of(limb, limbs, resize, of_part(limb.from), first[limb.from], of_part(limb.to),
                        first[limb.to]))
      add_connection(bodies, limb, i < limbs_that_begin_bodies, found, peaks);
  }
  std::vector<Pose> poses;
  for (const Body& body : bodies) {
    if (body.parts < 4 || body.score / body.parts < 0.4) continue;
    Pose& pose = poses.emplace_back();
    for (size_t i = 0; i < part_count; ++i)
      if (body.peaks[i] >= 0) {
        const Peak& peak = peaks[static_cast<size_t>(body.peaks[i])];
        pose[i] = Keypoint{peak.x, peak.y};
      }
  }
  return poses;
}

}  // namespace drypoint
