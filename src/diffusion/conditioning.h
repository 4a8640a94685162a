// What the text encoder makes of a request's prompts, and when the denoiser is to have which of it.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "diffusion/prompts.h"

namespace drypoint {

/// The result for each of a prompt's texts, [chunks * 77, width], chunks one after the other,
/// weighted as the web UI's sd_emphasis does.
using Encoded = std::vector<std::vector<float>>;

class Conditioning {
 public:
  /// Runs the text encoder. Throws non_finite, cancelled.
  Conditioning(Stages& model, const Prompts& prompts, const Request& request,
               const StopRequested& stop);

  const Encoded& negative() const { return negative_; }
  const std::vector<Encoded>& positive() const { return positive_; }

  /// [1 or 2, L, D] of prompts that are plain: the negative one's, if a denoiser of this shape has
  /// guidance, and the positive one's.
  std::vector<float> context(const DenoiserShape& shape) const;

  /// Sets all that the denoiser knows of the prompts at its first evaluation.
  void begin(Executor& denoiser, const DenoiserShape& shape);
  /// The same at another evaluation. False: it is as it was.
  bool advance(Executor& denoiser, const DenoiserShape& shape, int call);

 private:
  std::vector<size_t> texts_at(int call) const;
  void set(Executor& denoiser, const DenoiserShape& shape, const std::vector<size_t>& texts) const;

  const Prompts& prompts_;
  Encoded negative_;
  std::vector<Encoded> positive_;
  // What each denoiser has: the texts of the negative prompt, of each part.
  std::map<const Executor*, std::vector<size_t>> texts_;
};

}  // namespace drypoint
