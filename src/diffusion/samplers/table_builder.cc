#include "diffusion/samplers/table_builder.h"

#include <algorithm>
#include <map>

#include "base/error.h"

namespace drypoint {

Latent operator+(Latent a, Latent b) {
  return a.table_->add({.terms = {{a.id_, a.factor_}, {b.id_, b.factor_}}});
}

Latent TableBuilder::add(Node node) {
  node.region = region();
  nodes_.push_back(std::move(node));
  return {*this, static_cast<int>(nodes_.size()) - 1};
}

Latent TableBuilder::start() { return add({.kind = Node::Kind::start}); }

Latent TableBuilder::draw(double from_sigma, double to_sigma) {
  table_.draws.push_back({from_sigma, to_sigma});
  return add({.kind = Node::Kind::draw, .number = static_cast<int>(table_.draws.size()) - 1});
}

Latent TableBuilder::evaluate(Latent x, const NoiseLevel& level, double scale) {
  evaluations_.push_back({x.id_,
                          x.factor_,
                          {.step = table_.steps - 1,
                           .timestep = level.timestep,
                           .input_scale = scale,
                           .signal = level.signal,
                           .noise = level.noise}});
  return add({.kind = Node::Kind::output});
}

TableBuilder::Parts TableBuilder::parts(Latent x, Latent output, const NoiseLevel& level) {
  switch (prediction_) {
    case Prediction::epsilon:
      if (level.signal == 0)
        fail(ErrorKind::bad_argument,
             "prediction: \"epsilon\" at timestep {}, where no signal is left", level.timestep);
      return {(x - level.noise * output) / level.signal, output};
    case Prediction::v:
      return {level.signal * x - level.noise * output, level.signal * output + level.noise * x};
    case Prediction::automatic: break;
    case Prediction::sample: return {output, (x - level.signal * output) / level.noise};
  }
  fail(ErrorKind::internal, "prediction {}", static_cast<int>(prediction_));
}

Latent TableBuilder::denoise(Latent x, const NoiseLevel& level) {
  return parts(level.signal * x, evaluate(x, level, level.signal), level).clean;
}

Latent TableBuilder::denoise_between(Latent x, const NoiseLevel& level) {
  const Latent clean = denoise(x, level);
  evaluations_.back().row.between = true;
  return clean;
}

/// For each node the region in which it is read last, -1 if the result does not depend on it.
std::vector<int> TableBuilder::last_uses(int result) const {
  std::vector<int> last(nodes_.size(), -1);
  last[static_cast<size_t>(result)] = region();
  for (int k = 0; k < region(); ++k) {
    int& use = last[static_cast<size_t>(evaluations_[static_cast<size_t>(k)].input)];
    use = std::max(use, k);
  }
  for (size_t id = nodes_.size(); id-- > 0;)  // whatever reads a node comes after it
    if (last[id] >= 0)
      for (const auto& [term, factor] : nodes_[id].terms)
        last[static_cast<size_t>(term)] =
            std::max(last[static_cast<size_t>(term)], nodes_[id].region);
  return last;
}

/// What is known before evaluation `boundary` and read after it, apart from its input.
std::vector<int> TableBuilder::kept(const std::vector<int>& last_use, int boundary,
                                    int input) const {
  std::vector<int> ids;
  for (size_t id = 0; id < nodes_.size(); ++id)
    if (nodes_[id].region <= boundary && boundary < last_use[id] && static_cast<int>(id) != input)
      ids.push_back(static_cast<int>(id));
  return ids;
}

SamplerTable TableBuilder::finish(Latent x) {
  using Combination = std::map<int, double>;  // of what lies in slots, outputs and draws
  const auto last_use = last_uses(x.id_);
  const auto expand = [&](auto&& self, int id, int known) -> Combination {
    const Node& node = nodes_[static_cast<size_t>(id)];
    if (node.region <= known || node.kind != Node::Kind::sum) return {{id, 1}};
    Combination all;
    for (const auto& [term, factor] : node.terms)
      for (const auto& [of, share] : self(self, term, known)) all[of] += factor * share;
    return all;
  };

  // Slot 0 has what the model is to see, and at the end the result.
  const int count = region();
  const auto times_in_slot_0 = [&](int evaluation) {
    if (evaluation == count) return x.factor_;
    const Evaluation& read = evaluations_[static_cast<size_t>(evaluation)];
    return read.factor * read.row.input_scale;
  };

  // The start: of slot 0 alone, as all else is known to be nothing yet.
  DRYPOINT_EXPECT(count > 0, "a sampler without an evaluation");
  const Evaluation& first = evaluations_.front();
  DRYPOINT_EXPECT(kept(last_use, 0, first.input).empty(), "a sampler begins with several latents");
  table_.start_noise = 0;
  for (const auto& [id, share] : expand(expand, first.input, -1)) {
    const Node& node = nodes_[static_cast<size_t>(id)];
    DRYPOINT_EXPECT(node.kind == Node::Kind::start || node.number == 0, "a second draw at once");
    const double in_slot = times_in_slot_0(0) * share;
    if (node.kind == Node::Kind::start) {
      table_.start_noise += in_slot * start_.noise;
      table_.start_latent += in_slot * start_.latent;
    } else {
      table_.start_draw += in_slot;
    }
  }

  std::vector<std::vector<int>> kept_before;
  for (int k = 0; k <= count; ++k) {
    const int input = k < count ? evaluations_[static_cast<size_t>(k)].input : x.id_;
    auto& ids = kept_before.emplace_back(kept(last_use, k, input));
    table_.slots = std::max(table_.slots, static_cast<int64_t>(ids.size()) + 1);
    ids.insert(ids.begin(), input);
  }
  const auto slots = static_cast<size_t>(table_.slots), columns = slots + 2;
  for (int k = 0; k < count; ++k) {
    SamplerTable::Row& row = evaluations_[static_cast<size_t>(k)].row;
    row.matrix.assign(slots * columns, 0.0f);
    const auto& before = kept_before[static_cast<size_t>(k)];
    const auto& after = kept_before[static_cast<size_t>(k) + 1];
    for (size_t slot = 0; slot < after.size(); ++slot) {
      for (const auto& [id, share] : expand(expand, after[slot], k)) {
        const Node& node = nodes_[static_cast<size_t>(id)];
        double factor = (slot == 0 ? times_in_slot_0(k + 1) : 1) * share;
        size_t column = slots;  // the model's output
        if (node.region <= k) {
          const auto place = std::find(before.begin(), before.end(), id);
          DRYPOINT_EXPECT(place != before.end(), "latent {} is in no slot", id);
          column = static_cast<size_t>(place - before.begin());
          if (column == 0) factor /= times_in_slot_0(k);
        } else if (node.kind == Node::Kind::draw) {
          DRYPOINT_EXPECT(row.draw < 0 || row.draw == node.number, "two draws at once");
          row.draw = node.number;
          column = slots + 1;
        }
        row.matrix[slot * columns + column] = static_cast<float>(factor);
      }
    }
  }
  for (Evaluation& evaluation : evaluations_) table_.rows.push_back(std::move(evaluation.row));
  return std::move(table_);
}

}  // namespace drypoint
