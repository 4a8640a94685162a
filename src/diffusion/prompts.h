// A request's prompts as texts for the text encoder, checked before anything large is made.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "diffusion/denoiser_inputs.h"
#include "text/chunks.h"

namespace drypoint {

/// A prompt, or one of its parts, that may change over the evaluations of the model.
struct ScheduledPrompt {
  struct Text {
    std::vector<Chunk> chunks;
    int entries = 0;  // of the schedule that are this text
  };
  struct Entry {
    int last_call = 0;
    size_t text = 0;
  };

  std::vector<Text> texts;  // of equally many chunks
  std::vector<Entry> schedule;
  double weight = 1;

  size_t chunks() const { return texts[0].chunks.size(); }
  /// The text at an evaluation, from 0. The web UI counts so: the first entry whose last step, from
  /// 1, is not below it.
  size_t text_at(int call) const;
};

struct Prompts {
  std::shared_ptr<const Embeddings> embeddings;  // whose vectors they have
  std::vector<ScheduledPrompt> positive;         // the parts of AND
  std::optional<ScheduledPrompt> negative;       // with guidance
  double guidance_scale = 1;                     // with the weight of a part that is alone
  double guidance_rescale = 0;

  PromptShape shape() const;
  /// Whether the denoiser has the same one or two texts, of equal length, at all evaluations.
  bool are_plain() const;
  /// Runs two chunks at a time, if there are so many, as a plan has it.
  TextEncoderShape encoder(const Request& request) const;
  /// All chunks that it encodes: the negative prompt's, then each part's.
  std::vector<const Chunk*> all_chunks() const;
};

/// Throws bad_argument naming the field. `notices` gets what was cut, and how it was read.
/// `adapters` may bring embeddings along. `steps_before`: those of the pass before this one.
Prompts read_prompts(const Request& request, const Stages& model, std::vector<std::string>& notices,
                     const AdapterSet& adapters = {}, int steps_before = 0);

}  // namespace drypoint
