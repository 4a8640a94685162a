#include "diffusion/keeping.h"

#include <cmath>

#include "base/error.h"
#include "diffusion/request/sampling.h"
#include "ops/soft_blend.h"

namespace drypoint {
namespace {

/// Of clean and slot 0 = signal * clean + noise * n in what the model would say if it knew `clean`.
std::pair<double, double> output_shares(const SamplerTable::Row& row, Prediction prediction) {
  switch (prediction) {
    case Prediction::epsilon: return {-row.signal / row.noise, 1 / row.noise};
    case Prediction::v: return {-1 / row.noise, row.signal / row.noise};
    case Prediction::sample: return {1, 0};
    case Prediction::automatic: break;
  }
  fail(ErrorKind::internal, "prediction {}", static_cast<int>(prediction));
}

/// Of slot 0 and what the model says in the clean latent.
std::pair<double, double> clean_shares(const SamplerTable::Row& row, Prediction prediction) {
  switch (prediction) {
    case Prediction::epsilon: return {1 / row.signal, -row.noise / row.signal};
    case Prediction::v: return {row.signal, -row.noise};
    case Prediction::sample: return {0, 1};
    case Prediction::automatic: break;
  }
  fail(ErrorKind::internal, "prediction {}", static_cast<int>(prediction));
}

void add(std::vector<float>& rows, double known, double other, bool kept) {
  for (const double value : {known, other, kept ? 1.0 : 0.0})
    rows.push_back(static_cast<float>(value));
}

double sigma_of(const SamplerTable::Row& row) { return row.noise / row.signal; }

/// The share of noise that the known latent has after a row: the next row's, and between two levels
/// that of the second.
double kept_noise(const SamplerTable& table, size_t row) {
  const SamplerTable::Row& next = table.rows[row + 1];
  if (!next.between || row + 2 == table.rows.size()) return next.noise;
  return next.signal * sigma_of(table.rows[row + 2]);
}

}  // namespace

KeptRows kept_rows(const SamplerTable& table, Prediction prediction, PaintingRule rule) {
  const bool of_output = rule == PaintingRule::a1111;
  KeptRows kept;
  for (size_t i = 0; i < table.rows.size(); ++i) {
    const SamplerTable::Row& row = table.rows[i];
    const auto [known, seen] = output_shares(row, prediction);
    add(kept.output, known, seen, of_output);
    if (i + 1 == table.rows.size()) {
      add(kept.latent, 1, 0, true);
      break;
    }
    const SamplerTable::Row& next = table.rows[i + 1];
    add(kept.latent, next.signal, kept_noise(table, i), !of_output);
  }
  return kept;
}

std::vector<float> soft_rows(const SamplerTable& table, Prediction prediction,
                             const Request& request) {
  std::vector<float> rows;
  for (const SamplerTable::Row& row : table.rows) {
    const double sigma = sigma_of(row);
    const auto [of_seen, of_output] = clean_shares(row, prediction);
    const auto [clean, seen] = output_shares(row, prediction);
    const double strength = request.soft_preservation_strength;
    const double exponent =
        strength == 0 ? 0 : std::pow(sigma, request.soft_schedule_bias) * strength;
    for (const double value :
         {exponent, request.soft_transition_contrast_boost, of_seen, of_output, clean, seen})
      rows.push_back(static_cast<float>(value));
  }
  return rows;
}

void set_kept_rows(Executor& denoiser, const DenoiserShape& shape, const SamplerTable& table,
                   Prediction prediction, const Request& request) {
  if (shape.soft) {
    std::vector<float> rows = soft_rows(table, prediction, request);
    rows.resize(static_cast<size_t>(shape.max_steps * SoftRow::size));
    denoiser.set_input("soft_rows", rows);
    return;
  }
  KeptRows kept = kept_rows(table, prediction, painting_rule(request));
  const auto size = static_cast<size_t>(shape.max_steps) * 3;
  kept.output.resize(size);
  kept.latent.resize(size);
  denoiser.set_input("kept_output", kept.output);
  denoiser.set_input("kept_latent", kept.latent);
}

}  // namespace drypoint
