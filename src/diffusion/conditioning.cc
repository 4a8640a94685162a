#include "diffusion/conditioning.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "base/finite.h"

namespace drypoint {
namespace {

/// Runs the text encoder over all chunks.
class ChunkEncoder {
 public:
  ChunkEncoder(Stages& model, const Prompts& prompts, const Request& request)
      : model_(model),
        embeddings_(*prompts.embeddings),
        chunks_(prompts.all_chunks()),
        width_(static_cast<size_t>(model.config().text.width)),
        shape_(prompts.encoder(request)) {}

  /// A batch that is not full repeats the last chunk.
  std::vector<std::vector<float>> run(const StopRequested& stop) {
    Executor& encoder = model_.text_encoder(shape_, stop);
    const auto batch = static_cast<size_t>(shape_.prompts);
    std::vector<std::vector<float>> results;
    for (size_t first = 0; first < chunks_.size(); first += batch) {
      std::vector<const Chunk*> part;
      for (size_t i = 0; i < batch; ++i)
        part.push_back(chunks_[std::min(first + i, chunks_.size() - 1)]);
      set_inputs(encoder, part);
      encoder.run(Rate::picture, stop);
      const auto embedding = encoder.output("embedding");
      if (!all_finite(embedding))
        fail(ErrorKind::non_finite, "text encoder: the result holds NaN or infinity");
      const size_t one = embedding.size() / batch;
      for (size_t i = 0; i < batch && first + i < chunks_.size(); ++i) {
        const auto of_chunk = embedding.subspan(i * one, one);
        results.emplace_back(of_chunk.begin(), of_chunk.end());
      }
    }
    return results;
  }

 private:
  void set_inputs(Executor& encoder, const std::vector<const Chunk*>& chunks) const {
    std::vector<int32_t> ids, rows;
    for (const Chunk* chunk : chunks) ids.insert(ids.end(), chunk->ids.begin(), chunk->ids.end());
    encoder.set_input("ids", ids);
    if (!shape_.embeddings) return;
    std::vector<float> vectors(ids.size() * width_, 0.0f);
    for (size_t i = 0; i < ids.size(); ++i) rows.push_back(static_cast<int32_t>(i));
    for (size_t c = 0; c < chunks.size(); ++c)
      for (const Chunk::Fix& fix : chunks[c]->fixes) {
        const Tensor& embedding = embeddings_.vectors(fix.embedding);
        const auto place = static_cast<size_t>(fix.offset) + 1;
        const auto count = std::min(static_cast<size_t>(embedding.shape()[0]),
                                    static_cast<size_t>(kTokenCount) - place);
        const size_t row = c * static_cast<size_t>(kTokenCount) + place;
        std::ranges::copy(embedding.floats().first(count * width_),
                          vectors.begin() + static_cast<std::ptrdiff_t>(row * width_));
        for (size_t i = row; i < row + count; ++i) rows[i] = static_cast<int32_t>(ids.size() + i);
      }
    encoder.set_input("vectors", vectors);
    encoder.set_input("rows", rows);
  }

  Stages& model_;
  const Embeddings& embeddings_;
  std::vector<const Chunk*> chunks_;
  size_t width_;
  TextEncoderShape shape_;
};

/// One chunk of each of a schedule's texts.
struct WeighedChunk {
  std::span<float> values;
  std::span<const float> multipliers;
  int entries;
};

/// Multiplies each token's row; with `keep_mean` the mean of all stays what it was.
void weigh(const std::vector<WeighedChunk>& chunks, bool keep_mean) {
  const auto is_one = [](float multiplier) { return multiplier == 1; };
  if (std::ranges::all_of(chunks, [&](const WeighedChunk& chunk) {
        return std::ranges::all_of(chunk.multipliers, is_one);
      }))
    return;
  double before = 0, after = 0;
  for (const auto& [values, multipliers, entries] : chunks) {
    const size_t width = values.size() / multipliers.size();
    for (size_t i = 0; i < values.size(); ++i) {
      before += entries * double{values[i]};
      values[i] *= multipliers[i / width];
      after += entries * double{values[i]};
    }
  }
  if (!keep_mean) return;
  const auto ratio = static_cast<float>(before / after);
  if (!std::isfinite(ratio))
    fail(ErrorKind::non_finite,
         "emphasis: weights make the mean of the text encoder's result 0; \"No norm\" keeps it");
  for (const WeighedChunk& chunk : chunks)
    for (float& value : chunk.values) value *= ratio;
}

/// Takes the results of a prompt's chunks from `next` on.
Encoded encoded(const ScheduledPrompt& prompt, EmphasisKind emphasis,
                std::vector<std::vector<float>>::iterator& next) {
  std::vector<std::vector<std::vector<float>>> results;  // of each text, each chunk
  for (const auto& text : prompt.texts) {
    const auto end = next + static_cast<std::ptrdiff_t>(text.chunks.size());
    results.emplace_back(std::make_move_iterator(next), std::make_move_iterator(end));
    next = end;
  }
  if (emphasis == EmphasisKind::original || emphasis == EmphasisKind::no_norm)
    for (size_t c = 0; c < prompt.chunks(); ++c) {
      std::vector<WeighedChunk> together;
      for (size_t t = 0; t < results.size(); ++t)
        together.push_back(
            {results[t][c], prompt.texts[t].chunks[c].multipliers, prompt.texts[t].entries});
      weigh(together, emphasis == EmphasisKind::original);
    }
  Encoded joined;
  for (const auto& text : results) {
    auto& context = joined.emplace_back();
    for (const auto& chunk : text) context.insert(context.end(), chunk.begin(), chunk.end());
  }
  return joined;
}

/// Shorter contexts repeat their last row, as in the web UI.
void append_context(std::vector<float>& contexts, std::span<const float> context, size_t size,
                    size_t width) {
  contexts.insert(contexts.end(), context.begin(), context.end());
  const auto last = context.last(width);
  for (size_t filled = context.size(); filled < size; filled += width)
    contexts.insert(contexts.end(), last.begin(), last.end());
}

}  // namespace

Conditioning::Conditioning(Stages& model, const Prompts& prompts, const Request& request,
                           const StopRequested& stop)
    : prompts_(prompts) {
  auto results = ChunkEncoder(model, prompts, request).run(stop);
  auto next = results.begin();
  if (prompts.negative) negative_ = encoded(*prompts.negative, request.emphasis, next);
  for (const ScheduledPrompt& part : prompts.positive)
    positive_.push_back(encoded(part, request.emphasis, next));
}

std::vector<float> Conditioning::context(const DenoiserShape& shape) const {
  std::vector<float> contexts;
  if (shape.prompts > 1) contexts = negative_[0];
  contexts.insert(contexts.end(), positive_[0][0].begin(), positive_[0][0].end());
  return contexts;
}

std::vector<size_t> Conditioning::texts_at(int call) const {
  std::vector<size_t> texts{prompts_.negative ? prompts_.negative->text_at(call) : 0};
  for (const ScheduledPrompt& part : prompts_.positive) texts.push_back(part.text_at(call));
  return texts;
}

void Conditioning::set(Executor& denoiser, const DenoiserShape& shape,
                       const std::vector<size_t>& texts) const {
  std::vector<float> contexts;
  if (shape.negative_length > 0)
    denoiser.set_input("negative_context", negative_[texts[0]]);
  else if (shape.prompts > 1)
    contexts = negative_[texts[0]];
  const auto size =
      static_cast<size_t>(denoiser.type_of_input("context").elements() / shape.context_rows());
  for (size_t i = 0; i < positive_.size(); ++i)
    append_context(contexts, positive_[i][texts[i + 1]], size,
                   size / static_cast<size_t>(shape.context_length));
  denoiser.set_input("context", contexts);
}

void Conditioning::begin(Executor& denoiser, const DenoiserShape& shape) {
  if (shape.prompts > 1)
    denoiser.set_input("guidance_scale",
                       std::vector<float>(static_cast<size_t>(shape.latents),
                                          static_cast<float>(prompts_.guidance_scale)));
  if (shape.rescaled)
    denoiser.set_input("guidance_rescale",
                       std::vector<float>(static_cast<size_t>(shape.latents),
                                          static_cast<float>(prompts_.guidance_rescale)));
  if (prompts_.positive.size() > 1) {
    std::vector<float> weights;
    double sum = 0;
    for (const ScheduledPrompt& part : prompts_.positive) {
      weights.push_back(static_cast<float>(part.weight));
      sum += part.weight;
    }
    weights.push_back(static_cast<float>(-sum));
    denoiser.set_input("part_weights", weights);
  }
  const auto& texts = texts_[&denoiser] = texts_at(0);
  set(denoiser, shape, texts);
}

bool Conditioning::advance(Executor& denoiser, const DenoiserShape& shape, int call) {
  std::vector<size_t> texts = texts_at(call);
  auto& known = texts_[&denoiser];
  if (texts == known) return false;
  known = std::move(texts);
  set(denoiser, shape, known);
  return true;
}

}  // namespace drypoint
