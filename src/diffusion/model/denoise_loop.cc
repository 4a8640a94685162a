#include "diffusion/model/denoise_loop.h"

#include <algorithm>

#include "base/error.h"

namespace drypoint {
namespace {

/// Fresh noise of so many rows lies on the device at once.
constexpr int64_t most_noises = 64;

int64_t table_length(size_t rows) {
  int64_t length = 32;
  while (length < static_cast<int64_t>(rows)) length *= 2;
  return length;
}

bool has_noise(const SamplerTable& table) {
  return std::any_of(table.rows.begin(), table.rows.end(),
                     [](const SamplerTable::Row& row) { return row.draw >= 0; });
}

}  // namespace

void fit_shape(DenoiserShape& shape, const SamplerTable& table) {
  shape.max_steps = table_length(table.rows.size());
  shape.slots = table.slots > 1 ? std::max<int64_t>(table.slots, 4) : 1;
  shape.noises = has_noise(table) ? std::min(shape.max_steps, most_noises) : 0;
}

void set_table(Executor& denoiser, const DenoiserShape& shape, const SamplerTable& table) {
  DRYPOINT_EXPECT(static_cast<int64_t>(table.rows.size()) <= shape.max_steps &&
                      table.slots <= shape.slots && (shape.noises > 0) == has_noise(table),
                  "a sampler's table of {} rows and {} slots does not fit", table.rows.size(),
                  table.slots);
  const auto from = static_cast<size_t>(table.slots), to = static_cast<size_t>(shape.slots);
  std::vector<float> timesteps(static_cast<size_t>(shape.max_steps), 0.0f);
  std::vector<float> rows(timesteps.size() * to * (to + 2), 0.0f);
  for (size_t r = 0; r < table.rows.size(); ++r) {
    timesteps[r] = static_cast<float>(table.rows[r].timestep);
    for (size_t slot = 0; slot < from; ++slot) {
      const float* shares = &table.rows[r].matrix[slot * (from + 2)];
      float* wider = &rows[(r * to + slot) * (to + 2)];
      std::copy(shares, shares + from, wider);
      std::copy(shares + from, shares + from + 2, wider + to);
    }
  }
  denoiser.set_input("timesteps", timesteps);
  denoiser.set_input("sampler", rows);
}

std::vector<float> first_slots(const SamplerTable& table, int64_t slots,
                               std::span<const float> noise,
                               std::span<const std::span<const float>> draws,
                               std::span<const float> latent) {
  DRYPOINT_EXPECT(table.start_latent == 0 || latent.size() == noise.size(),
                  "a latent of {} values to begin with, expected {}", latent.size(), noise.size());
  DRYPOINT_EXPECT(draws.size() == table.draws.size(), "{} draws of {}", draws.size(),
                  table.draws.size());
  std::vector<float> values(noise.size() * static_cast<size_t>(slots), 0.0f);
  for (size_t i = 0; i < noise.size(); ++i)
    values[i] = static_cast<float>(table.start_noise) * noise[i];
  if (table.start_draw != 0)
    for (size_t i = 0; i < noise.size(); ++i)
      values[i] += static_cast<float>(table.start_draw) * draws[0][i];
  if (table.start_latent != 0)
    for (size_t i = 0; i < noise.size(); ++i)
      values[i] += static_cast<float>(table.start_latent) * latent[i];
  return values;
}

void DenoiseLoop::begin(std::span<const float> noise, std::vector<std::span<const float>> draws,
                        std::span<const float> latent) {
  denoiser_->set_input("slots", first_slots(table_, shape_.slots, noise, draws, latent));
  denoiser_->set_input("step", std::vector<int32_t>{0});
  draws_ = std::move(draws);
  row_ = 0;
}

void DenoiseLoop::go_on_with(Executor& denoiser) {
  if (&denoiser == denoiser_) return;
  const auto slots = denoiser_->output("slots");
  denoiser.set_input("slots", slots);
  denoiser.set_input("step", std::vector<int32_t>{static_cast<int32_t>(row_)});
  denoiser_ = &denoiser;
  needs_noise_ = true;
}

/// The fresh noise of this row and those around it that lie on the device at once.
void DenoiseLoop::set_noise() {
  const auto count = static_cast<size_t>(shape_.noises);
  const size_t first = row_ - row_ % count;
  const size_t one = static_cast<size_t>(denoiser_->type_of_input("noise").elements()) / count;
  std::vector<float> noises(count * one, 0.0f);
  for (size_t i = 0; i < count && first + i < table_.rows.size(); ++i)
    if (const int draw = table_.rows[first + i].draw; draw >= 0)
      std::ranges::copy(draws_[static_cast<size_t>(draw)],
                        noises.begin() + static_cast<std::ptrdiff_t>(i * one));
  denoiser_->set_input("noise", noises);
}

void DenoiseLoop::run(const StopRequested& stop) {
  if (before_) before_(*this, row_);
  if (shape_.noises > 0 && (row_ % static_cast<size_t>(shape_.noises) == 0 || needs_noise_))
    set_noise();
  needs_noise_ = false;
  if (observer_ && observer_->before) observer_->before(*denoiser_, table_, row_);
  denoiser_->run(Rate::step, stop);
  if (observer_ && observer_->after) observer_->after(*denoiser_, table_, row_);
  ++row_;
}

std::span<const float> DenoiseLoop::first_slot() {
  const auto slots = denoiser_->output("slots");
  return slots.first(slots.size() / static_cast<size_t>(shape_.slots));
}

}  // namespace drypoint
