#include "drypoint/loopback.h"

#include <cmath>
#include <numbers>

#include "base/error.h"
#include "diffusion/request/field_makers.h"
#include "image/pillow.h"

namespace drypoint {
namespace {

void check_loops(const Request& request, const Loopback& loopback) {
  for (const auto& field : loopback_fields()) field.check(loopback);
  if (loopback.loops == 1) {
    if (loopback != Loopback())
      fail(ErrorKind::bad_argument,
           "loops: 1, but final_denoising_strength or denoising_curve is for several");
    return;
  }
  if (request.init_image.pixels.empty())
    fail(ErrorKind::bad_argument, "loops: {}, but there is no initial picture", loopback.loops);
  if (request.samples != 1)
    fail(ErrorKind::bad_argument, "samples: {}, expected 1 with loops: {}", request.samples,
         loopback.loops);
  if (request.outpaint != Margins())
    fail(ErrorKind::bad_argument, "outpaint: expected none with loops: {}", loopback.loops);
  Request each = request;
  for (int loop = 0; loop < loopback.loops; ++loop) {
    each.denoising_strength = denoising_strength(loopback, request.denoising_strength, loop);
    check(each);
  }
}

/// What the next loop begins with. A mask goes with the picture where its size has changed.
void take_up(const Result& result, Request& request) {
  const Image& drawn = result.images[0];
  const ImageSize size{drawn.width, drawn.height};
  if (!request.mask.pixels.empty())
    request.mask = fitted(as_grey(request.mask), size, request.resize_mode);
  request.init_image = drawn;
  request.seed = result.seed + 1;
  request.inpaint_fill = InpaintFill::original;
}

}  // namespace

const std::vector<Field<Loopback>>& loopback_fields() {
  using namespace fields;
  using L = Loopback;
  static const std::vector<Field<L>> all{
      integer("loops", &L::loops, 1, 32,
              "Draw from the initial picture, then from that, and so on"),
      number("final_denoising_strength", &L::final_denoising_strength, 0, 1,
             "The last loop's denoising strength [as the first one's]"),
      choice("denoising_curve", &L::denoising_curve,
             {{"linear", LoopbackCurve::linear},
              {"aggressive", LoopbackCurve::aggressive},
              {"lazy", LoopbackCurve::lazy}},
             "How it gets there: linear, aggressive (soon) or lazy (late)")};
  return all;
}

double denoising_strength(const Loopback& loopback, double first, int loop) {
  if (loop == 0 || !loopback.final_denoising_strength) return first;
  const double progress = static_cast<double>(loop) / (loopback.loops - 1),
               angle = progress * std::numbers::pi / 2;
  const double share = loopback.denoising_curve == LoopbackCurve::aggressive ? std::sin(angle)
                       : loopback.denoising_curve == LoopbackCurve::lazy     ? 1 - std::cos(angle)
                                                                             : progress;
  return first + (*loopback.final_denoising_strength - first) * share;
}

std::vector<Result> draw_loops(Pipeline& pipeline, const Request& request, const Loopback& loopback,
                               const Callbacks& callbacks,
                               const std::function<void(int loop, const Result&)>& drawn) {
  at_border("loops", [&] { check_loops(request, loopback); });
  Request next = request;
  std::vector<Result> results;
  for (int loop = 0; loop < loopback.loops; ++loop) {
    if (loop > 0) at_border("loops", [&] { take_up(results.back(), next); });
    next.denoising_strength = denoising_strength(loopback, request.denoising_strength, loop);
    results.push_back(pipeline.generate(next, callbacks));
    if (drawn) drawn(loop, results.back());
  }
  return results;
}

}  // namespace drypoint
