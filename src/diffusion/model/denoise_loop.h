// The denoiser, run once for each row of a sampler's table.
#pragma once

#include <functional>
#include <span>
#include <utility>
#include <vector>

#include "compile/passes.h"
#include "diffusion/samplers/table.h"
#include "models/denoiser.h"
#include "runtime/executor.h"

namespace drypoint {

/// Rows of the denoiser's tables that serve a sampler. They are rounded up, so that few shapes
/// occur.
void fit_shape(DenoiserShape& shape, const SamplerTable& table);

/// Sets the inputs that a sampler's table decides.
void set_table(Executor& denoiser, const DenoiserShape& shape, const SamplerTable& table);

/// Who looks at what the denoiser computes, as pictures are drawn.
struct DenoiserObserver {
  Watched watched;  ///< further outputs of the denoiser
  /// Called with the denoiser that is about to run, or has run, a sampler's row.
  std::function<void(Executor&denoiser, const SamplerTable&table, size_t row)> before, after;
};
/// A sampler's slots before the first step: `noise` [latents, 4, h, w], of unit variance, and so
/// each of the table's draws; `latent`, of the same shape, where the table begins with one.
std::vector<float> first_slots(const SamplerTable& table, int64_t slots,
                               std::span<const float> noise,
                               std::span<const std::span<const float>> draws,
                               std::span<const float> latent);

class DenoiseLoop {
 public:
  /// The denoiser has all its inputs for a picture, and has run `Rate::picture`.
  /// `before` is called with the loop and each row's number before it runs: it may set a picture's
  /// inputs and run `Rate::picture` again, or have the loop `go_on_with` another denoiser.
  DenoiseLoop(Executor& denoiser, const DenoiserShape& shape, const SamplerTable& table,
              std::function<void(DenoiseLoop& loop, size_t row)> before = {},
              const DenoiserObserver* observer = nullptr)
      : denoiser_(&denoiser),
        shape_(shape),
        table_(table),
        before_(std::move(before)),
        observer_(observer) {}

  /// From `first_slots`.
  void begin(std::span<const float> noise, std::vector<std::span<const float>> draws = {},
             std::span<const float> latent = {});

  /// Another denoiser, equally ready, takes over what has been denoised so far. Its shape may
  /// differ in controls and guidance alone. To be called by `before`.
  void go_on_with(Executor& denoiser);

  size_t row() const { return row_; }
  bool done() const { return row_ == table_.rows.size(); }
  /// Orders one evaluation; its fresh noise is on the device, but for each 64th or so.
  void run(const StopRequested& stop = {});
  /// A device that works on its own is kept this far ahead, so that it never waits for us, and
  /// stops soon when asked to.
  void wait_for_all_but_two() { denoiser_->wait_for_all_but(2); }

  /// Slot 0 as it is: between evaluations the sample times the next row's scale, in the end the
  /// latents.
  std::span<const float> first_slot();

 private:
  void set_noise();

  Executor* denoiser_;
  const DenoiserShape& shape_;
  const SamplerTable& table_;
  std::function<void(DenoiseLoop& loop, size_t row)> before_;
  const DenoiserObserver* observer_;
  std::vector<std::span<const float>> draws_;
  size_t row_ = 0;
  bool needs_noise_ = false;
};

}  // namespace drypoint
