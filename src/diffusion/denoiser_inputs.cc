#include "diffusion/denoiser_inputs.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "diffusion/first_latents.h"
#include "diffusion/model/denoise_loop.h"
#include "diffusion/request/controls.h"
#include "image/bilinear.h"

namespace drypoint {
namespace {

/// Latents denoised together: as many as divide the samples evenly.
int64_t latents_together(int64_t samples, int64_t most) {
  for (int64_t n = most; n > 1; --n)
    if (samples % n == 0) return n;
  return 1;
}

/// [H, W, C] bytes -> [H, W, c + 1], the mask in the last channel; of one channel all are made, of
/// three the first is taken alone.
void add_hint(const Unit& unit, size_t wanted, std::vector<uint8_t>& hints) {
  const size_t pixels = static_cast<size_t>(unit.hint.width) * unit.hint.height;
  const auto channels = static_cast<size_t>(unit.hint.channels);
  const size_t begin = hints.size(), step = wanted + 1;
  hints.resize(begin + step * pixels);
  if (wanted == 3 && channels == 1)  // edges: a word each
    for (size_t p = 0; p < pixels; ++p) {
      const uint32_t word = 0x010101u * unit.hint.pixels[p];
      std::memcpy(&hints[begin + p * step], &word, sizeof(word));
    }
  else
    for (size_t c = 0; c < wanted; ++c) {
      const uint8_t* from = &unit.hint.pixels[std::min(c, channels - 1)];
      for (size_t p = 0; p < pixels; ++p) hints[begin + p * step + c] = from[p * channels];
    }
  for (size_t p = 0; p < unit.masked.pixels.size(); ++p)
    hints[begin + p * step + wanted] = unit.masked.pixels[p];
}

/// A mask at the size of a level's feature maps, [.., .., h, w], from 0 to 1: bilinear between
/// pixels' middles, as the web UI's extension has it.
void add_region(const Image& mask, const Shape& plane, std::vector<float>& planes) {
  for (int64_t y = 0; y < plane[2]; ++y)
    for (int64_t x = 0; x < plane[3]; ++x) {
      const Between row(y, plane[2], mask.height), column(x, plane[3], mask.width);
      const auto at = [&](size_t line, size_t place) {
        return static_cast<float>(mask.pixels[line * static_cast<size_t>(mask.width) + place]) /
               255;
      };
      const auto across = [&](size_t line) {
        return at(line, column.low) + column.share * (at(line, column.high) - at(line, column.low));
      };
      planes.push_back(across(row.low) + row.share * (across(row.high) - across(row.low)));
    }
}

/// Edges that steer with the request's own strength.
Unit own_unit(const Image& edges, const Request& request, int64_t tensors) {
  Unit unit;
  unit.settings = own_control(request);
  unit.scales = control_scales(unit.settings, static_cast<size_t>(tensors));
  unit.hint = edges;
  return unit;
}

/// Each picture's [prompts, L, D] -> [prompts * pictures, L, D], the first prompts of all in front.
std::vector<float> joined_contexts(std::span<const PictureInputs> pictures, int64_t prompts) {
  std::vector<float> all;
  const size_t one = pictures[0].context.size() / static_cast<size_t>(prompts);
  for (size_t row = 0; row < static_cast<size_t>(prompts); ++row)
    for (const PictureInputs& picture : pictures) {
      const auto own = std::span(picture.context).subspan(row * one, one);
      all.insert(all.end(), own.begin(), own.end());
    }
  return all;
}

}  // namespace

void set_controls(Executor& denoiser, const DenoiserShape& shape,
                  std::span<const UnitSet* const> pictures) {
  std::vector<float> scales;
  for (size_t i = 0; i < shape.controls.size(); ++i) {
    std::vector<uint8_t> hints;
    const auto channels = static_cast<size_t>(denoiser.type_of_input(hint_input(i)).shape[3] - 1);
    for (const UnitSet* units : pictures) add_hint(*units->at(i), channels, hints);
    denoiser.set_input(hint_input(i), hints);
    for (size_t level = 0; denoiser.has_input(region_input(i, level)); ++level) {
      const Shape& plane = denoiser.type_of_input(region_input(i, level)).shape;
      std::vector<float> planes;
      for (const UnitSet* units : pictures) add_region(units->at(i)->region, plane, planes);
      denoiser.set_input(region_input(i, level), planes);
    }
    const Unit& first = *pictures[0]->at(i);
    scales.insert(scales.end(), first.scales.begin(), first.scales.end());
  }
  if (!scales.empty()) denoiser.set_input("control_scales", scales);
}

DenoiserShape denoiser_shape(const Stages& model, const Request& request, ImageSize size,
                             const SamplerTable& table, const PromptShape& of_prompts) {
  const auto& [guided, parts, chunks, negative_chunks] = of_prompts;
  const int64_t prompts = parts + (guided ? 1 : 0);
  DenoiserShape shape{.latents = latents_together(request.samples, model.most_latents_together()),
                      .prompts = prompts,
                      .contexts = prompts,
                      .height = size.height / 8,
                      .width = size.width / 8,
                      .context_length = chunks * kTokenCount,
                      .controls = {},
                      .masked = keeps_known(request, model.config().unet),
                      .soft = request.soft_inpainting,
                      .rescaled = guided && request.guidance_rescale > 0,
                      .pixels = true};
  if (!model.config().controls.empty())
    shape.controls = {{.net = 0,
                       .positive_only = request.guess_mode && guided,
                       .pooled = is_pooled(model.config().controls[0])}};
  if (guided && negative_chunks != chunks) shape.negative_length = negative_chunks * kTokenCount;
  fit_shape(shape, table);
  return shape;
}

DenoiserShape denoiser_shape(const Stages& model, const Request& request, ImageSize size,
                             const SamplerTable& table) {
  const bool is_told = model.config().unet.guidance_width > 0;
  return denoiser_shape(model, request, size, table,
                        {.guided = request.guidance_scale != 1 && !is_told});
}

DenoiserShape together(DenoiserShape shape, size_t pictures) {
  if (pictures == 1) return shape;
  shape.latents = shape.hints = static_cast<int64_t>(pictures);
  shape.contexts = shape.prompts * shape.latents;
  return shape;
}

void set_guidance_embedding(Executor& denoiser, double scale) {
  if (!denoiser.has_input("guidance_embedding")) return;
  const Shape& shape = denoiser.type_of_input("guidance_embedding").shape;
  const auto width = static_cast<size_t>(shape[1]), half = width / 2;
  std::vector<float> row(width, 0.0f);
  for (size_t i = 0; i < half; ++i) {
    const double rate = std::exp(-std::log(10000.0) * static_cast<double>(i) /
                                 static_cast<double>(std::max<size_t>(half, 2) - 1));
    row[i] = static_cast<float>(std::sin(1000 * (scale - 1) * rate));
    row[half + i] = static_cast<float>(std::cos(1000 * (scale - 1) * rate));
  }
  std::vector<float> rows;
  for (int64_t i = 0; i < shape[0]; ++i) rows.insert(rows.end(), row.begin(), row.end());
  denoiser.set_input("guidance_embedding", rows);
}

void set_picture_inputs(Executor& denoiser, const DenoiserShape& shape, const SamplerTable& table,
                        const UnitSet& units) {
  set_table(denoiser, shape, table);
  const UnitSet* const alone = &units;
  set_controls(denoiser, shape, std::span(&alone, 1));
}

void set_picture_inputs(Executor& denoiser, const DenoiserShape& shape, const SamplerTable& table,
                        const Image& edges, const Request& request) {
  set_guidance_embedding(denoiser, request.guidance_scale);
  if (shape.controls.empty()) return set_picture_inputs(denoiser, shape, table, UnitSet());
  const Unit unit = own_unit(edges, request, denoiser.type_of_input("control_scales").elements());
  set_picture_inputs(denoiser, shape, table, UnitSet{&unit});
}

void set_picture_inputs(Executor& denoiser, const DenoiserShape& shape, const SamplerTable& table,
                        std::span<const float> context, const Image& edges,
                        const Request& request) {
  set_picture_inputs(denoiser, shape, table, edges, request);
  const auto of_each = [&](double value) {
    return std::vector<float>(static_cast<size_t>(shape.latents), static_cast<float>(value));
  };
  if (shape.prompts > 1) denoiser.set_input("guidance_scale", of_each(request.guidance_scale));
  if (shape.rescaled) denoiser.set_input("guidance_rescale", of_each(request.guidance_rescale));
  denoiser.set_input("context", context);
}

void set_picture_inputs(Executor& denoiser, const DenoiserShape& shape, const SamplerTable& table,
                        std::span<const PictureInputs> pictures) {
  set_table(denoiser, shape, table);
  std::vector<float> guidance_scales, guidance_rescales;
  std::vector<const UnitSet*> units;
  for (const PictureInputs& picture : pictures) {
    guidance_scales.push_back(static_cast<float>(picture.guidance_scale));
    guidance_rescales.push_back(static_cast<float>(picture.guidance_rescale));
    units.push_back(&picture.units);
  }
  set_controls(denoiser, shape, units);
  if (shape.prompts > 1) denoiser.set_input("guidance_scale", guidance_scales);
  if (shape.rescaled) denoiser.set_input("guidance_rescale", guidance_rescales);
  denoiser.set_input("context", joined_contexts(pictures, shape.prompts));
}

}  // namespace drypoint
