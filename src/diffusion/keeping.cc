#include "diffusion/keeping.h"

#include "base/error.h"

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

void add(std::vector<float>& rows, double known, double other, bool kept) {
  for (const double value : {known, other, kept ? 1.0 : 0.0})
    rows.push_back(static_cast<float>(value));
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
    add(kept.latent, next.signal, next.noise, !of_output && next.step != row.step);
  }
  return kept;
}

void set_kept_rows(Executor& denoiser, const DenoiserShape& shape, const SamplerTable& table,
                   Prediction prediction, PaintingRule rule) {
  KeptRows kept = kept_rows(table, prediction, rule);
  const auto size = static_cast<size_t>(shape.max_steps) * 3;
  kept.output.resize(size);
  kept.latent.resize(size);
  denoiser.set_input("kept_output", kept.output);
  denoiser.set_input("kept_latent", kept.latent);
}

}  // namespace drypoint
