// A picture drawn from the one before, several times over.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string_view>
#include <vector>

#include "drypoint/fields.h"
#include "drypoint/pipeline.h"

namespace drypoint {

/// How the denoising strength goes from the first loop's to the last one's.
enum class LoopbackCurve : uint8_t {
  linear,
  aggressive,  ///< sin(progress * pi / 2): most of the way soon
  lazy,        ///< 1 - cos(progress * pi / 2): most of it late
};

/// As the web UI's script "Loopback" has it.
struct Loopback {
  int loops = 1;  ///< 1 (no more than the picture itself) to 32
  /// The last loop's denoising strength, 0 to 1, the first one's being the request's. None: the
  /// same for all.
  std::optional<double> final_denoising_strength;
  LoopbackCurve denoising_curve = LoopbackCurve::linear;

  bool operator==(const Loopback&) const = default;
};

/// All of `Loopback`.
const std::vector<Field<Loopback>>& loopback_fields();

/// The denoising strength of loop i, from 0.
double denoising_strength(const Loopback& loopback, double first, int loop);

/// Draws a request's picture, then its picture from that, and so on, each with the next seed; what
/// lies under a mask at first is, from the second loop on, what was drawn there. -> each loop's.
/// `drawn` is told each as soon as it is there. Throws what `Pipeline::generate` throws, and
/// bad_argument for several loops of a request without an initial picture, of several samples, or
/// with `outpaint`.
std::vector<Result> draw_loops(Pipeline& pipeline, const Request& request, const Loopback& loopback,
                               const Callbacks& callbacks = {},
                               const std::function<void(int loop, const Result&)>& drawn = {});

}  // namespace drypoint
