#include "diffusion/denoising.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/error.h"
#include "base/finite.h"
#include "base/memory.h"
#include "diffusion/keeping.h"
#include "diffusion/model/denoise_loop.h"
#include "diffusion/model/tiled_denoise_loop.h"
#include "diffusion/preview.h"
#include "diffusion/request/sampling.h"
#include "image/pillow.h"

namespace drypoint {
namespace {

/// A latent's worth from each sample of all drawings, one after the other.
std::vector<float> joined(Batch batch, std::vector<float> FirstLatents::*member) {
  std::vector<float> all;
  for (const Generation* drawing : batch)
    all.insert(all.end(), (drawing->first.*member).begin(), (drawing->first.*member).end());
  return all;
}

/// What of a drawing lies in one of its tiles.
struct TileInputs {
  FirstLatents first;
  std::vector<Unit> units;
};

TileInputs inputs_of_tile(const Tiles& tiles, size_t tile, const FirstLatents& first,
                          const std::vector<Unit>& units) {
  TileInputs part;
  for (const auto member :
       {&FirstLatents::noise, &FirstLatents::known, &FirstLatents::masked, &FirstLatents::mask})
    part.first.*member = tiles.cut(first.*member, tile, Tiles::Layout::planes);
  const Region region{
      8 * tiles.left(tile), 8 * tiles.top(tile), {8 * tiles.size().width, 8 * tiles.size().height}};
  for (const Unit& unit : units) {
    Unit& own = part.units.emplace_back(unit);
    own.hint = part_of(unit.hint, region);
    if (!unit.masked.pixels.empty()) own.masked = part_of(unit.masked, region);
    if (!unit.region.pixels.empty()) own.region = part_of(unit.region, region);
  }
  return part;
}

/// One batch's walk.
class Denoising {
 public:
  Denoising(Stages& model, Batch batch, std::span<const DenoiserShape> shapes,
            const StepDone& step_done, const StopRequested& stop);
  std::vector<float> run();

 private:
  void set_inputs(Executor& denoiser, const DenoiserShape& shape, const Phase& phase) const;
  void draw_noise();
  void walk_whole();
  void walk_in_tiles();
  void enter_tile(Executor& denoiser, size_t phase, size_t first_latent,
                  const TileInputs& tile) const;
  [[noreturn]] void find_non_finite_step(DenoiseLoop& loop, size_t at);
  void begin(auto& loop, size_t at) const;
  void note_step(const auto& loop);
  bool shows_after(const Generation& drawing, size_t row) const;
  std::vector<float> seen_before_previews(DenoiseLoop& loop) const;
  void show_previews(const DenoiseLoop& loop, std::span<const float> seen, size_t at) const;
  void expect_finite(std::span<const float> values, size_t row) const;
  std::span<const float> chunk_of(std::span<const float> values, size_t at) const {
    return values.empty() ? values : values.subspan(at, chunk_);
  }

  Stages& model_;
  Batch batch_;
  std::span<const DenoiserShape> shapes_;
  const StepDone& step_done_;
  const StopRequested& stop_;
  const DenoiserShape& shape_;  // the others differ in controls and guidance alone
  const SamplerTable& table_;
  const Phases& phases_;
  const Tiles tiles_;
  std::vector<Executor*> denoisers_;
  FirstLatents all_;
  std::vector<std::vector<float>> draws_;
  size_t latent_, chunk_;  // values of one, and of those that are denoised together
  std::vector<float> result_;
  int done_ = 0;
};

Denoising::Denoising(Stages& model, Batch batch, std::span<const DenoiserShape> shapes,
                     const StepDone& step_done, const StopRequested& stop)
    : model_(model),
      batch_(batch),
      shapes_(shapes),
      step_done_(step_done),
      stop_(stop),
      shape_(shapes[0]),
      table_(batch[0]->table),
      phases_(batch[0]->phases),
      tiles_(batch[0]->tiles()),
      all_{joined(batch, &FirstLatents::noise), joined(batch, &FirstLatents::known),
           joined(batch, &FirstLatents::masked), joined(batch, &FirstLatents::mask)},
      latent_(static_cast<size_t>(model.config().vae.latent_channels) *
              static_cast<size_t>(tiles_.whole().width) *
              static_cast<size_t>(tiles_.whole().height)),
      chunk_(latent_ * static_cast<size_t>(shape_.latents)),
      result_(all_.noise.size()) {
  for (size_t phase = 0; phase < shapes.size(); ++phase) {
    Executor& denoiser = *denoisers_.emplace_back(&model_.denoiser(shapes[phase], stop));
    set_inputs(denoiser, shapes[phase], phases_.all[phase]);
    if (shape_.masked)
      set_kept_rows(denoiser, shape_, table_, model_.prediction(), batch[0]->request);
  }
  draw_noise();
}

void Denoising::set_inputs(Executor& denoiser, const DenoiserShape& shape,
                           const Phase& phase) const {
  Generation& first = *batch_[0];
  set_guidance_embedding(denoiser, first.request.guidance_scale);
  if (batch_.size() == 1) {
    if (tiles_.count() == 1)
      set_picture_inputs(denoiser, shape, table_, first.units_in(phase));
    else
      set_table(denoiser, shape, table_);
    first.conditioning->begin(denoiser, shape);
    return;
  }
  // The places of those given up meanwhile are filled somehow.
  const auto context_size = static_cast<size_t>(shape.prompts * shape.context_length *
                                                model_.config().unet.context_width);
  std::vector<PictureInputs> inputs;
  for (const Generation* drawing : batch_)
    inputs.push_back({.context = drawing->conditioning ? drawing->conditioning->context(shape)
                                                       : std::vector<float>(context_size),
                      .guidance_scale = drawing->prompts.guidance_scale,
                      .guidance_rescale = drawing->request.guidance_rescale,
                      .units = drawing->units_in(phase)});
  set_picture_inputs(denoiser, shape, table_, inputs);
}

/// Fresh noise of all steps.
void Denoising::draw_noise() {
  draws_.resize(table_.draws.size());
  expect_host_memory(draws_.size() * result_.size() * sizeof(float), "the noise of all steps");
  for (size_t i = 0; i < draws_.size(); ++i) {
    draws_[i].resize(result_.size());
    std::span<float> values = draws_[i];
    for (Generation* drawing : batch_) {
      const size_t own = latent_ * static_cast<size_t>(drawing->request.samples);
      drawing->noise.draw(values.first(own), table_.draws[i]);
      values = values.subspan(own);
    }
  }
}

void Denoising::begin(auto& loop, size_t at) const {
  std::vector<std::span<const float>> own;
  for (const auto& draw : draws_) own.push_back(chunk_of(draw, at));
  loop.begin(chunk_of(all_.noise, at), std::move(own), chunk_of(all_.known, at));
}

void Denoising::note_step(const auto& loop) {
  const int steps = loop.done() ? table_.steps : table_.rows[loop.row()].step;
  step_done_(done_ + steps, table_.rows[loop.row() - 1].timestep);
}

/// Whether a drawing wants a preview after the step that this row ends.
bool Denoising::shows_after(const Generation& drawing, size_t row) const {
  const Callbacks& callbacks = drawing.callbacks;
  const bool is_last_of_step =
      row + 1 < table_.rows.size() && table_.rows[row + 1].step != table_.rows[row].step;
  return callbacks.preview && is_last_of_step &&
         (table_.rows[row].step + 1) % std::max(callbacks.preview_steps, 1) == 0;
}

/// What the model is to see, where previews follow the step; else nothing.
std::vector<float> Denoising::seen_before_previews(DenoiseLoop& loop) const {
  const auto wants = [&](const Generation* drawing) { return shows_after(*drawing, loop.row()); };
  if (!shape_.foretells || std::ranges::none_of(batch_, wants)) return {};
  const auto slot = loop.first_slot();
  return {slot.begin(), slot.end()};
}

/// To those who want one and whose first sample, of all counted on, is among the loop's, the first
/// of which is `at`.
void Denoising::show_previews(const DenoiseLoop& loop, std::span<const float> seen,
                              size_t at) const {
  const size_t row = loop.row() - 1, first = at / latent_, end = first + chunk_ / latent_;
  const auto prediction = denoisers_[phases_.of_row[row]]->output("prediction");
  size_t sample = 0;
  for (const Generation* drawing : batch_) {
    if (sample >= first && sample < end && shows_after(*drawing, row)) {
      const size_t number = sample - first;
      const auto clean =
          clean_latent(seen.subspan(number * latent_, latent_), prediction, table_.rows[row],
                       model_.prediction(), drawing->prompts.guidance_scale,
                       {number, static_cast<size_t>(shape_.latents)});
      drawing->callbacks.preview(preview_of(model_, clean, tiles_.whole(), stop_));
    }
    sample += static_cast<size_t>(drawing->request.samples);
  }
}

void Denoising::expect_finite(std::span<const float> values, size_t row) const {
  const SamplerTable::Row& of = table_.rows[row];
  if (!all_finite(values))
    fail(ErrorKind::non_finite,
         "denoiser at step {} of {} (timestep {}): the result holds NaN or infinity", of.step + 1,
         table_.steps, of.timestep);
}

/// Once more, slowly, to say where it went wrong.
void Denoising::find_non_finite_step(DenoiseLoop& loop, size_t at) {
  begin(loop, at);
  while (!loop.done()) {
    loop.run();
    expect_finite(loop.first_slot(), loop.row() - 1);
  }
  fail(ErrorKind::device_failure,
       "denoiser: the result held NaN or infinity, but not when it was computed again");
}

void Denoising::walk_whole() {
  const auto before = [&](DenoiseLoop& going, size_t row) {
    const size_t phase = phases_.of_row[row];
    Executor& denoiser = *denoisers_[phase];
    if (batch_.size() == 1 &&
        batch_[0]->conditioning->advance(denoiser, shapes_[phase], static_cast<int>(row)))
      denoiser.run(Rate::picture, stop_);
    going.go_on_with(denoiser);
  };
  DenoiseLoop loop(*denoisers_[0], shape_, table_, before, model_.observer());
  const bool each_chunk_its_own = is_inpainting(model_.config().unet);
  for (size_t at = 0; at < result_.size(); at += chunk_, done_ += table_.steps) {
    for (Executor* denoiser : denoisers_) {
      set_known(*denoiser, shape_, at / latent_, all_);
      if (at == 0 || each_chunk_its_own) denoiser->run(Rate::picture, stop_);
    }
    begin(loop, at);
    while (!loop.done()) {
      const std::vector<float> seen = seen_before_previews(loop);
      loop.run(stop_);
      loop.wait_for_all_but_two();
      note_step(loop);
      if (!seen.empty()) show_previews(loop, seen, at);
    }
    const auto latents = loop.first_slot();
    if (!all_finite(latents)) find_non_finite_step(loop, at);
    std::ranges::copy(latents, result_.begin() + static_cast<std::ptrdiff_t>(at));
  }
}

/// All that a picture has once is a tile's own here, where there is anything to see in it.
void Denoising::enter_tile(Executor& denoiser, size_t phase, size_t first_latent,
                           const TileInputs& tile) const {
  UnitSet units;
  for (const size_t i : phases_.all[phase].units) units.push_back(&tile.units[i]);
  const UnitSet* const alone = &units;
  set_controls(denoiser, shapes_[phase], std::span(&alone, 1));
  set_known(denoiser, shape_, first_latent, tile.first);
}

void Denoising::walk_in_tiles() {
  std::vector<TileInputs> inputs;
  for (size_t tile = 0; tile < tiles_.count(); ++tile)
    inputs.push_back(inputs_of_tile(tiles_, tile, all_, batch_[0]->units));
  const bool sees_latents_alone =
      batch_[0]->units.empty() && !shape_.masked && !is_inpainting(model_.config().unet);
  size_t at = 0;
  std::vector<bool> ready(denoisers_.size());
  TiledDenoiseLoop loop(tiles_, shape_, table_, [&](size_t row, size_t tile) -> Executor& {
    const size_t phase = phases_.of_row[row];
    Executor& denoiser = *denoisers_[phase];
    const bool advances =
        batch_[0]->conditioning->advance(denoiser, shapes_[phase], static_cast<int>(row));
    if (!ready[phase] || advances || !sees_latents_alone) {
      enter_tile(denoiser, phase, at / latent_, inputs[tile]);
      denoiser.run(Rate::picture, stop_);
    }
    ready[phase] = true;
    return denoiser;
  });
  for (; at < result_.size(); at += chunk_, done_ += table_.steps) {
    begin(loop, at);
    while (!loop.done()) {
      loop.run(stop_);
      expect_finite(loop.first_slot(), loop.row() - 1);
      note_step(loop);
    }
    std::ranges::copy(loop.first_slot(), result_.begin() + static_cast<std::ptrdiff_t>(at));
  }
}

std::vector<float> Denoising::run() {
  if (tiles_.count() == 1)
    walk_whole();
  else
    walk_in_tiles();
  return std::move(result_);
}

}  // namespace

std::vector<DenoiserShape> denoiser_shapes(const Stages& model, Batch batch) {
  std::vector<DenoiserShape> shapes = shapes_of(model, *batch[0]);
  const auto wants = [](const Generation* drawing) { return bool(drawing->callbacks.preview); };
  const bool foretells = batch[0]->tiles().count() == 1 && std::ranges::any_of(batch, wants);
  for (DenoiserShape& shape : shapes) {
    shape = together(shape, batch.size());
    shape.foretells = foretells;
  }
  return shapes;
}

int evaluations(Batch batch, const DenoiserShape& shape) {
  int samples = 0;
  for (const Generation* drawing : batch) samples += drawing->request.samples;
  return batch[0]->table.steps * samples / static_cast<int>(shape.latents);
}

std::vector<float> denoise(Stages& model, Batch batch, std::span<const DenoiserShape> shapes,
                           const StepDone& step_done, const StopRequested& stop) {
  return Denoising(model, batch, shapes, step_done, stop).run();
}

}  // namespace drypoint
