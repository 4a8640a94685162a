#include "diffusion/prompts.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "base/error.h"
#include "base/utf8.h"
#include "diffusion/request/adapter_use.h"
#include "diffusion/request/request.h"
#include "diffusion/samplers/names.h"
#include "text/foreign_syntax.h"
#include "text/prompt_schedule.h"

namespace drypoint {
namespace {

constexpr size_t kMostParts = 32;

class PromptReader {
 public:
  PromptReader(const Request& request, const Stages& model, const Embeddings& embeddings,
               std::vector<std::string>& notices, int steps_before)
      : request_(request), model_(model), embeddings_(embeddings), notices_(notices) {
    const auto& sampler = choose_sampler(request.sampler, request.schedule).sampler;
    const int calls_of_step = sampler.second_order ? 2 : 1;
    calls_ = request.steps * calls_of_step;
    calls_before_ = steps_before * calls_of_step;
  }

  std::vector<ScheduledPrompt> read(const std::string& field, const std::string& text,
                                    bool in_parts) {
    try {
      return read_checked(field, text, in_parts);
    } catch (const Error& error) {
      if (error.kind() != ErrorKind::bad_argument) throw;
      fail(error.kind(), "{}: {}", field == "prompt" ? field : "negative_prompt", error.what());
    }
  }

 private:
  bool reads_as_web_ui(const std::string& field, const std::string& text, bool in_parts) {
    if (request_.parser != ParserKind::automatic) return request_.parser == ParserKind::a1111;
    const std::vector<ScheduledText> same{{calls_, text}};
    if ((!in_parts || prompt_parts(text).size() == 1) &&
        prompt_schedule(text, calls_, calls_before_) == same &&
        parse_emphasis(text) == std::vector<WeightedText>{{text}})
      return false;
    notices_.push_back(
        fmt::format("{}: brackets, BREAK and AND are read as in the web UI; parser \"plain\" takes "
                    "them as text",
                    field));
    return true;
  }

  std::vector<ScheduledPrompt> read_checked(const std::string& field, const std::string& text,
                                            bool in_parts) {
    const bool as_web_ui = reads_as_web_ui(field, text, in_parts);
    for (const std::string& notice : foreign_syntax(text, request_.parser != ParserKind::plain))
      notices_.push_back(fmt::format("{}: {}", field, notice));
    std::vector<PromptPart> parts{{text}};
    if (as_web_ui && in_parts) parts = prompt_parts(text);
    if (parts.size() > kMostParts)
      fail(ErrorKind::bad_argument, "{} parts joined by AND, expected at most {}", parts.size(),
           kMostParts);
    std::vector<ScheduledPrompt> prompts;
    for (const PromptPart& part : parts) {
      ScheduledPrompt& prompt = prompts.emplace_back();
      prompt.weight = part.weight;
      std::map<std::string, size_t> known;
      std::vector<ScheduledText> schedule{{calls_, part.text}};
      if (as_web_ui) schedule = prompt_schedule(part.text, calls_, calls_before_);
      for (const auto& [last, of_step] : schedule) {
        const auto [entry, is_new] = known.emplace(of_step, prompt.texts.size());
        if (is_new) prompt.texts.push_back({chunks(field, of_step, as_web_ui)});
        ++prompt.texts[entry->second].entries;
        prompt.schedule.push_back({last, entry->second});
      }
      // The web UI encodes all texts of a schedule together.
      size_t most = 0;
      for (const auto& of_step : prompt.texts) most = std::max(most, of_step.chunks.size());
      for (auto& of_step : prompt.texts)
        of_step.chunks.resize(most, empty_chunk(model_.tokenizer()));
    }
    return prompts;
  }

  std::vector<Chunk> chunks(const std::string& field, const std::string& text, bool as_web_ui) {
    const bool plain = request_.parser == ParserKind::plain;
    std::vector<WeightedText> parts{{text}};
    if (as_web_ui && request_.emphasis != EmphasisKind::none) parts = parse_emphasis(text);
    const Chunks result =
        chunks_of(parts, model_.tokenizer(),
                  {.comma_backtrack = plain ? 0 : request_.comma_backtrack,
                   .most_chunks = plain ? 1 : kMostChunks,
                   .embeddings = &embeddings_.names(),
                   .vectors = [&](int i) { return embeddings_.vectors(i).shape()[0]; }});
    if (result.cut && !std::exchange(told_cut_[field], true))
      notices_.push_back(fmt::format(
          "{}: longer than {} tokens, cut before \"{}\"", field,
          kChunkTokens * static_cast<int64_t>(result.chunks.size()),
          printable(first_bytes(
              std::string_view(parts[result.cut_part].text).substr(result.cut_byte), 40))));
    return result.chunks;
  }

  const Request& request_;
  const Stages& model_;
  const Embeddings& embeddings_;
  std::vector<std::string>& notices_;
  int calls_ = 0;  // of the model
  int calls_before_ = 0;
  std::map<std::string, bool> told_cut_;
};

/// What has no effect, or none that is known, is refused.
void check_guidance(const Request& request, bool is_told, size_t parts) {
  if (request.guidance_start > request.guidance_end)
    fail(ErrorKind::bad_argument, "guidance_start: {}, expected at most guidance_end, {}",
         request.guidance_start, request.guidance_end);
  const bool is_whole = request.guidance_start == 0 && request.guidance_end == 1;
  if (is_told && (!is_whole || request.guidance_rescale != 0))
    fail(ErrorKind::bad_argument,
         "{}: the UNet is told how far to be guided, and is guided at all steps by itself; "
         "expected the default",
         is_whole ? "guidance_rescale" : "guidance_start, guidance_end");
  if (parts > 1 && !is_whole)
    fail(ErrorKind::bad_argument,
         "guidance_start, guidance_end: {} to {}, expected 0 to 1 with a prompt of {} parts joined "
         "by AND, which guidance joins",
         request.guidance_start, request.guidance_end, parts);
}

/// The model's, and those of adapters.
std::shared_ptr<const Embeddings> embeddings_with(const Stages& model, const AdapterSet& adapters) {
  std::shared_ptr<Embeddings> more;
  for (const ActiveAdapter& one : adapters) {
    const Adapter& adapter = *one.fitted->adapter;
    if (adapter.embeddings.empty()) continue;
    if (!more) more = std::make_shared<Embeddings>(model.embeddings());
    more->add(adapter.embeddings, adapter.name, adapter.id, model.tokenizer(),
              model.config().text.width);
  }
  if (more) return more;
  return {model.model(), &model.embeddings()};
}

}  // namespace

size_t ScheduledPrompt::text_at(int call) const {
  for (const Entry& entry : schedule)
    if (call <= entry.last_call) return entry.text;
  return schedule[0].text;
}

PromptShape Prompts::shape() const {
  PromptShape shape{.guided = negative.has_value(), .parts = static_cast<int64_t>(positive.size())};
  for (const ScheduledPrompt& part : positive)
    shape.chunks = std::max(shape.chunks, static_cast<int64_t>(part.chunks()));
  if (negative) shape.negative_chunks = static_cast<int64_t>(negative->chunks());
  return shape;
}

std::vector<const Chunk*> Prompts::all_chunks() const {
  std::vector<const Chunk*> chunks;
  const auto add = [&](const ScheduledPrompt& prompt) {
    for (const auto& text : prompt.texts)
      for (const Chunk& chunk : text.chunks) chunks.push_back(&chunk);
  };
  if (negative) add(*negative);
  for (const ScheduledPrompt& part : positive) add(part);
  return chunks;
}

bool Prompts::are_plain() const {
  if (positive.size() != 1 || positive[0].texts.size() != 1) return false;
  return !negative || (negative->texts.size() == 1 && negative->chunks() == positive[0].chunks());
}

TextEncoderShape Prompts::encoder(const Request& request) const {
  const auto chunks = all_chunks();
  const auto has_vectors = [](const Chunk* chunk) { return !chunk->fixes.empty(); };
  return {.prompts = std::min<int64_t>(2, static_cast<int64_t>(chunks.size())),
          .clip_skip = request.clip_skip,
          .embeddings = std::ranges::any_of(chunks, has_vectors)};
}

Prompts read_prompts(const Request& request, const Stages& model, std::vector<std::string>& notices,
                     const AdapterSet& adapters, int steps_before) {
  if (request.clip_skip > model.config().text.layers)
    fail(ErrorKind::bad_argument, "clip_skip: {}, expected 1 to {}, the text encoder's layers",
         request.clip_skip, model.config().text.layers);
  Prompts prompts;
  prompts.embeddings = embeddings_with(model, adapters);
  std::ranges::copy(prompts.embeddings->notices(), std::back_inserter(notices));
  if (model.tokenizer().encode(request.prompt).count == 2)
    notices.push_back(fmt::format("prompt: is {}", request.prompt.empty() ? "empty" : "blank"));
  PromptReader reader(request, model, *prompts.embeddings, notices, steps_before);
  prompts.positive = reader.read("prompt", encoded_prompt(request), true);
  prompts.guidance_scale = request.guidance_scale;
  if (prompts.positive.size() == 1) prompts.guidance_scale *= prompts.positive[0].weight;
  // Also checked where it has no effect.
  auto negative = reader.read("negative prompt", request.negative_prompt, false);
  const bool is_told = model.config().unet.guidance_width > 0;
  if (is_told && prompts.positive.size() > 1)
    fail(ErrorKind::bad_argument,
         "prompt: {} parts joined by AND, but the UNet is told how far to be guided, and is guided "
         "by one; expected one part",
         prompts.positive.size());
  prompts.guidance_rescale = request.guidance_rescale;
  check_guidance(request, is_told, prompts.positive.size());
  if (!is_told && (prompts.positive.size() > 1 || prompts.guidance_scale != 1))
    prompts.negative = std::move(negative[0]);
  return prompts;
}

}  // namespace drypoint
