// Samplers are written as in their papers, over latents that are not there yet; what they do with
// them becomes a table.
#pragma once

#include <utility>

#include "diffusion/samplers/table.h"
#include "diffusion/schedules/noise_schedule.h"
#include "drypoint/sampling.h"

namespace drypoint {

class TableBuilder;

/// A latent to be computed: a multiple of one that the table knows, which may be a sum of others.
class Latent {
 public:
  friend Latent operator+(Latent a, Latent b);
  friend Latent operator-(Latent a, Latent b) { return a + -1 * b; }
  friend Latent operator*(double factor, Latent x) {
    x.factor_ *= factor;
    return x;
  }
  friend Latent operator/(Latent x, double divisor) { return 1 / divisor * x; }

 private:
  friend class TableBuilder;
  Latent(TableBuilder& table, int id) : table_(&table), id_(id) {}
  TableBuilder* table_;
  int id_;
  double factor_ = 1;
};

/// What a walk begins with in the place of noise of unit variance: these shares of such noise and
/// of a latent that is given.
struct WalkStart {
  double noise = 1, latent = 0;
};

class TableBuilder {
 public:
  explicit TableBuilder(Prediction prediction, WalkStart start = {})
      : prediction_(prediction), start_(start) {}
  TableBuilder(const TableBuilder&) = delete;
  TableBuilder& operator=(const TableBuilder&) = delete;

  /// What the walk begins with: noise of unit variance, or what takes its place.
  Latent start();
  /// Fresh noise of unit variance. Between two evaluations only one draw can be used.
  Latent draw(double from_sigma, double to_sigma);
  void begin_step() { ++table_.steps; }

  /// The model's own output for a sample at a level. The model sees `scale` * x.
  Latent evaluate(Latent x, const NoiseLevel& level, double scale = 1);

  /// What the sample x = signal * clean + noise * n consists of, by the model.
  struct Parts {
    Latent clean, noise;
  };
  Parts predict(Latent x, const NoiseLevel& level) { return parts(x, evaluate(x, level), level); }
  Parts parts(Latent x, Latent output, const NoiseLevel& level);
  /// The same for x = clean + sigma * n.
  Latent denoise(Latent x, const NoiseLevel& level);
  /// The same at one that lies between two of the walk.
  Latent denoise_between(Latent x, const NoiseLevel& level);

  /// The walk ends with x.
  SamplerTable finish(Latent x);

 private:
  friend Latent operator+(Latent a, Latent b);

  /// Known after `region` evaluations.
  struct Node {
    enum class Kind : uint8_t { start, draw, output, sum } kind = Kind::sum;
    int region = 0;
    int number = 0;                             // of the draw
    std::vector<std::pair<int, double>> terms;  // of a sum
  };
  struct Evaluation {
    int input;
    double factor;  ///< the sample is so many times the input
    SamplerTable::Row row;
  };
  Latent add(Node node);
  int region() const { return static_cast<int>(evaluations_.size()); }
  std::vector<int> last_uses(int result) const;
  std::vector<int> kept(const std::vector<int>& last_use, int boundary, int input) const;

  Prediction prediction_;
  WalkStart start_;
  std::vector<Node> nodes_;
  std::vector<Evaluation> evaluations_;
  SamplerTable table_;
};

}  // namespace drypoint
