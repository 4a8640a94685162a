#include "diffusion/model/tiled_denoise_loop.h"

#include "diffusion/model/denoise_loop.h"

namespace drypoint {

void TiledDenoiseLoop::begin(std::span<const float> noise,
                             std::vector<std::span<const float>> draws,
                             std::span<const float> latent) {
  slots_ = first_slots(table_, shape_.slots, noise, draws, latent);
  draws_ = std::move(draws);
  row_ = 0;
}

void TiledDenoiseLoop::run(const StopRequested& stop) {
  using enum Tiles::Layout;
  const int draw = table_.rows[row_].draw;
  std::vector<float> next(slots_.size());
  for (size_t tile = 0; tile < tiles_.count(); ++tile) {
    Executor& denoiser = enter_(row_, tile);
    denoiser.set_input("slots", tiles_.cut(slots_, tile, planes));
    denoiser.set_input("step", std::vector<int32_t>{static_cast<int32_t>(row_)});
    if (draw >= 0)
      denoiser.set_input("noise", tiles_.cut(draws_[static_cast<size_t>(draw)], tile, planes));
    denoiser.run(Rate::step, stop);
    tiles_.add(denoiser.output("slots"), tile, planes, next);
  }
  slots_ = std::move(next);
  ++row_;
}

}  // namespace drypoint
