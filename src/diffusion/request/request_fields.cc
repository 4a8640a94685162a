#include <fmt/ranges.h>

#include <algorithm>
#include <cctype>
#include <cmath>
#include <limits>

#include "diffusion/request/adapter_use.h"
#include "diffusion/request/field_makers.h"
#include "diffusion/request/request.h"
#include "diffusion/samplers/names.h"
#include "text/unicode.h"

namespace drypoint {
namespace fields {

std::string listed(const std::vector<std::string>& words) {
  std::string all;
  for (size_t i = 0; i < words.size(); ++i)
    all += (i == 0 ? "" : i + 1 == words.size() ? " or " : ", ") + words[i];
  return all;
}

void expect_utf8(std::string_view name, std::string_view text) {
  try {
    decode_utf8(text);
  } catch (const Error& error) {
    fail(error.kind(), "{}: {}", name, error.what());
  }
}

namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

/// Absent: -1.
Field<Request> seed() {
  const std::string expected = "-1 (random) to 18446744073709551615";
  return field<Request>(
      "seed", FieldType::integer, expected, "0 to 2^64-1, or -1 for a random one",
      [](const Request& r) { return r.seed ? fmt::to_string(*r.seed) : "-1"; },
      [=](Request& r, std::string_view text) {
        uint64_t seed = 0;
        if (text == "-1") return r.seed.reset();
        if (!parse_number(text, seed)) refuse("seed", text, expected);
        r.seed = seed;
      },
      [](const Request&) {});
}

/// "256x384"
bool parse_sides(std::string_view text, ImageSize& size) {
  const size_t x = std::min(text.find_first_of("xX"), text.size());
  return x < text.size() && parse_number(text.substr(0, x), size.height) &&
         parse_number(text.substr(x + 1), size.width);
}

/// "auto" or "256x384".
Field<Request> size() {
  const std::string expected = "HEIGHTxWIDTH, as in 256x384, or auto";
  return field<Request>(
      "size", FieldType::word, expected,
      "Instead: HEIGHTxWIDTH, multiples of 8, cut from the middle",
      [](const Request& r) {
        return r.size == ImageSize() ? "auto" : fmt::format("{}x{}", r.size.height, r.size.width);
      },
      [=](Request& r, std::string_view text) {
        ImageSize size;
        if (text != "auto" && !parse_sides(text, size)) refuse("size", text, expected);
        r.size = size;
      },
      [](const Request& r) {
        if (r.size != ImageSize()) check_size(r.size, "size");
      });
}

/// "Original", "no-norm" ...
Field<Request> emphasis() {
  using enum EmphasisKind;
  static const std::vector<std::pair<std::string, EmphasisKind>> names{
      {"Original", original}, {"No norm", no_norm}, {"None", none}, {"Ignore", ignore}};
  const std::string expected = "Original, No norm, None or Ignore";
  const auto plain = [](std::string_view text) {
    std::string result;
    for (const char c : text)
      result += c == '-' || c == '_'
                    ? ' '
                    : static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    return result;
  };
  return with(
      field<Request>(
          "emphasis", FieldType::word, expected,
          "What weights do: Original, No norm, None (they are text) or\nIgnore, as in the web UI",
          [](const Request& r) {
            for (const auto& [name, kind] : names)
              if (kind == r.emphasis) return name;
            return std::string("unknown");
          },
          [=](Request& r, std::string_view text) {
            for (const auto& [name, kind] : names)
              if (plain(name) == plain(text)) return void(r.emphasis = kind);
            refuse("emphasis", text, expected);
          },
          [](const Request&) {}),
      &Field<Request>::text_key, "Emphasis");
}

/// "ink.safetensors=0.8:0.5", a line each.
Field<Request> lora() {
  const std::string expected =
      "FILE, FILE=STRENGTH, FILE=STRENGTH:TEXT_STRENGTH or FILE=STRENGTH:TEXT_STRENGTH:BLOCKS";
  return field<Request>(
      "lora", FieldType::list, expected,
      "LoRA or another adapter: FILE[=STRENGTH[:TEXT_STRENGTH[:BLOCKS]]],\nor a name in the folder "
      "of "
      "--loras; may be given several times",
      [](const Request& r) {
        std::string lines;
        for (const AdapterUse& use : r.loras) {
          if (!lines.empty()) lines += '\n';
          lines += text_of(use);
        }
        return lines;
      },
      [=](Request& r, std::string_view text) {
        r.loras.clear();
        while (!text.empty()) {
          const size_t end = std::min(text.find('\n'), text.size());
          if (end > 0) r.loras.push_back(adapter_use(text.substr(0, end)));
          text.remove_prefix(std::min(end + 1, text.size()));
        }
      },
      [=](const Request& r) {
        if (r.loras.size() > kMostAdapters)
          fail(ErrorKind::bad_argument, "lora: {} adapters, expected at most {}", r.loras.size(),
               kMostAdapters);
        for (const AdapterUse& use : r.loras) {
          if (use.file.empty() || use.file.find('\n') != use.file.npos)
            refuse("lora", use.file, expected);
          check_strengths(use);
        }
      });
}

/// "DDIM", "dpmpp_2m", "DPM++ 2M Karras".
Field<Request> sampler() {
  return field<Request>(
      "sampler", FieldType::word, "a sampler's name",
      "DDIM, Euler a, DPM++ 2M, DPM++ 2M Karras, ..., as the web UI,\n"
      "diffusers or ComfyUI calls it",
      [](const Request& r) { return r.sampler; },
      [](Request& r, std::string_view text) {
        choose_sampler(text);
        r.sampler = text;
      },
      [](const Request& r) { choose_sampler(r.sampler, r.schedule); });
}

Field<Request> schedule() {
  return field<Request>(
      "schedule", FieldType::word, "a schedule's name",
      "Of noise levels: karras, exponential, sgm_uniform, ...; exact: DDIM's;\n"
      "official: as ControlNet's own code; automatic: the sampler's",
      [](const Request& r) { return std::string(name(r.schedule)); },
      [](Request& r, std::string_view text) { r.schedule = schedule_named(text); },
      [](const Request&) {});
}

/// "999,749.25,500"; empty: none.
Field<Request> numbers(const std::string& name, std::vector<double> Request::*member,
                       std::string help) {
  const std::string expected = "numbers that fall, with commas between";
  return with(field<Request>(
                  name, FieldType::word, expected, std::move(help),
                  [=](const Request& r) { return fmt::to_string(fmt::join(r.*member, ",")); },
                  [=](Request& r, std::string_view text) {
                    std::vector<double> values;
                    for (std::string_view rest = text; !text.empty();) {
                      const size_t comma = std::min(rest.find(','), rest.size());
                      if (!parse_number(rest.substr(0, comma), values.emplace_back()))
                        refuse(name, text, expected);
                      if (comma == rest.size()) break;
                      rest.remove_prefix(comma + 1);
                    }
                    r.*member = std::move(values);
                  },
                  [](const Request&) {}),
              &Field<Request>::text_key, name == "sigmas" ? "Sigmas" : "Timesteps");
}

/// "none" or "512x512".
Field<Request> seed_resize() {
  const std::string expected = "HEIGHTxWIDTH, as in 512x512, or none";
  return field<Request>(
      "seed_resize", FieldType::word, expected,
      "Noise of a picture of this size, HEIGHTxWIDTH, in the middle",
      [](const Request& r) {
        return r.seed_resize == ImageSize()
                   ? "none"
                   : fmt::format("{}x{}", r.seed_resize.height, r.seed_resize.width);
      },
      [=](Request& r, std::string_view text) {
        ImageSize size;
        if (text != "none" && !parse_sides(text, size)) refuse("seed_resize", text, expected);
        r.seed_resize = size;
      },
      [](const Request& r) {
        if (r.seed_resize != ImageSize()) check_size(r.seed_resize, "seed_resize");
      });
}

/// "cpu", "nv", "cuda" or "cuda:132x2048".
Field<Request> rng() {
  return field<Request>(
      "rng", FieldType::word, "cpu, cuda, cuda:SMSxTHREADS or nv",
      "Random numbers as PyTorch's on cpu or cuda[:SMSxTHREADS], or nv, the\nweb UI's",
      [](const Request& r) -> std::string {
        const RandomOptions usual;
        if (r.random.kind == RandomKind::cpu) return "cpu";
        if (r.random.kind == RandomKind::nv) return "nv";
        if (r.random.multiprocessors == usual.multiprocessors && r.random.threads == usual.threads)
          return "cuda";
        return fmt::format("cuda:{}x{}", r.random.multiprocessors, r.random.threads);
      },
      [](Request& r, std::string_view text) {
        RandomOptions random{text == "cpu"  ? RandomKind::cpu
                             : text == "nv" ? RandomKind::nv
                                            : RandomKind::cuda};
        const size_t x = text.find('x');
        if (text != "cpu" && text != "nv" && text != "cuda" &&
            (!text.starts_with("cuda:") || x == text.npos ||
             !parse_number(text.substr(5, x - 5), random.multiprocessors) ||
             !parse_number(text.substr(x + 1), random.threads)))
          refuse("rng", text, "cpu, cuda, cuda:SMSxTHREADS or nv");
        r.random = random;
      },
      [](const Request& r) {
        const RandomOptions& random = r.random;
        if (random.multiprocessors < 1 || random.multiprocessors > 1024 || random.threads < 256 ||
            random.threads > 4096)
          fail(ErrorKind::bad_argument,
               "rng: cuda:{}x{}, expected 1 to 1024 multiprocessors and 256 to 4096 threads",
               random.multiprocessors, random.threads);
      });
}

/// "0,0,64,64": left, top, right, bottom.
Field<Request> outpaint() {
  const std::string expected = "LEFT,TOP,RIGHT,BOTTOM, 0 to 2048 pixels each";
  return field<Request>(
      "outpaint", FieldType::word, expected,
      "Let the initial picture grow by LEFT,TOP,RIGHT,BOTTOM pixels",
      [](const Request& r) {
        const Margins& m = r.outpaint;
        return fmt::format("{},{},{},{}", m.left, m.top, m.right, m.bottom);
      },
      [=](Request& r, std::string_view text) {
        Margins margins;
        std::string_view rest = text;
        for (int* side : {&margins.left, &margins.top, &margins.right, &margins.bottom}) {
          const bool is_last = side == &margins.bottom;
          const size_t comma = is_last ? rest.size() : std::min(rest.find(','), rest.size());
          if (!parse_number(rest.substr(0, comma), *side) || (!is_last && comma == rest.size()))
            refuse("outpaint", text, expected);
          rest.remove_prefix(is_last ? comma : comma + 1);
        }
        r.outpaint = margins;
      },
      [=](const Request& r) {
        for (const int side :
             {r.outpaint.left, r.outpaint.top, r.outpaint.right, r.outpaint.bottom})
          if (side < 0 || side > 2048)
            fail(ErrorKind::bad_argument, "outpaint: {}, expected {}", side, expected);
      });
}

/// The side of a window.
Field<Request> tile(const std::string& name, int Request::*member, std::string help) {
  Field<Request> all = integer(name, member, 0, 8192, std::move(help));
  all.check = [=](const Request& r) {
    if (const int side = r.*member; side != 0 && (side < 256 || side > 8192 || side % 64 != 0))
      fail(ErrorKind::bad_argument, "{}: {}, expected 0 or a multiple of 64 from 256 to 8192", name,
           side);
  };
  return all;
}

}  // namespace
}  // namespace fields

const std::vector<Field<Request>>& request_fields() {
  using namespace fields;
  using R = Request;
  static const std::vector<Field<R>> all{
      with(text("prompt", &R::prompt, "What to draw"), &Field<R>::letter, "p"),
      text("added_prompt", &R::added_prompt, "Added to the prompt after a comma"),
      with(text("negative_prompt", &R::negative_prompt, "What not to draw"), &Field<R>::letter,
           "n"),
      with(choice("parser", &R::parser,
                  {{"auto", ParserKind::automatic},
                   {"a1111", ParserKind::a1111},
                   {"plain", ParserKind::plain}},
                  "Of prompts: a1111 (weights, BREAK, AND, schedules), plain (text),\n"
                  "or auto: a1111 where there is such syntax"),
           &Field<R>::text_key, "Parser"),
      emphasis(),
      with(integer("clip_skip", &R::clip_skip, 1, 12,
                   "The text encoder's layer that counts, from the last"),
           &Field<R>::text_key, "Clip skip"),
      with(integer("comma_backtrack", &R::comma_backtrack, 0, 75,
                   "Long prompts are cut at a comma at most so many tokens back"),
           &Field<R>::text_key, "Comma backtrack"),
      lora(),
      integer("samples", &R::samples, 1, 64, "Pictures to draw"),
      integer("resolution", &R::resolution, 64, 4096, "Of the shorter side, rounded to 64"),
      size(),
      integer("steps", &R::steps, 1, 999, "Denoising steps"),
      sampler(),
      schedule(),
      numbers("timesteps", &R::timesteps, "Instead of a schedule, one a step, from 999 on"),
      numbers("sigmas", &R::sigmas,
              "Instead of a schedule, or beside timesteps: one a step, and where\n"
              "the last leads"),
      with(integer("solver_order", &R::solver_order, 0, 4,
                   "Of DPM++ 2M, UniPC, DEIS, LMS; 0: the sampler's own"),
           &Field<R>::text_key, "Solver order"),
      with(choice("solver_type", &R::solver_type,
                  {{"auto", Solver::automatic},
                   {"midpoint", Solver::midpoint},
                   {"heun", Solver::heun},
                   {"bh1", Solver::bh1},
                   {"bh2", Solver::bh2}},
                  "midpoint or heun of DPM++ 2M, bh1 or bh2 of UniPC"),
           &Field<R>::text_key, "Solver type"),
      with(choice("lower_order_final", &R::lower_order_final,
                  {{"auto", LowerOrder::automatic},
                   {"off", LowerOrder::off},
                   {"on", LowerOrder::on},
                   {"last", LowerOrder::last}},
                  "Multistep samplers end with lower orders: in fewer than 15 steps\n"
                  "(on), or in the last step (last)"),
           &Field<R>::text_key, "Lower order final"),
      with(choice("first_noise", &R::first_noise,
                  {{"auto", FirstNoise::automatic},
                   {"sigma", FirstNoise::sigma},
                   {"whole", FirstNoise::whole}},
                  "Its deviation: sigma, or sqrt(sigma^2 + 1) (whole)"),
           &Field<R>::text_key, "First noise"),
      with(choice("compat", &R::compat,
                  {{"auto", CompatKind::automatic},
                   {"a1111", CompatKind::a1111},
                   {"comfy", CompatKind::comfy},
                   {"diffusers", CompatKind::diffusers}},
                  "Whose noise and noise levels, where programs differ: a1111, comfy\n"
                  "or diffusers"),
           &Field<R>::text_key, "Compat"),
      with(number("guidance_scale", &R::guidance_scale, 0, infinity,
                  "Guidance: how closely to follow the prompt"),
           &Field<R>::option, "scale"),
      with(number("guidance_rescale", &R::guidance_rescale, 0, 1,
                  "How far guidance keeps the deviation of the prompt's own prediction"),
           &Field<R>::text_key, "Guidance rescale"),
      with(number("guidance_start", &R::guidance_start, 0, 1,
                  "Share of the steps before there is guidance"),
           &Field<R>::text_key, "Guidance start"),
      with(number("guidance_end", &R::guidance_end, 0, 1, "Share of the steps until it ends"),
           &Field<R>::text_key, "Guidance end"),
      number("strength", &R::strength, 0, infinity, "How closely to follow the edges"),
      flag("guess_mode", &R::guess_mode, "Let the edges decide; works without a prompt"),
      seed(),
      rng(),
      with(choice("noise", &R::noise,
                  {{"batch", NoiseKind::batch}, {"per-sample", NoiseKind::per_sample}},
                  "Noise of several samples: one draw for all (batch),\n"
                  "or sample i from seed+i (per-sample)"),
           &Field<R>::text_key, "Noise"),
      with(integer("ensd", &R::ensd, int64_t{-4294967295}, int64_t{4294967295},
                   "Added to the seed for all noise but the first (the web UI's eta\n"
                   "noise seed delta)"),
           &Field<R>::text_key, "ENSD"),
      integer("subseed", &R::subseed, uint64_t{0}, std::numeric_limits<uint64_t>::max(),
              "The seed of a variation"),
      number("subseed_strength", &R::subseed_strength, 0, 1,
             "How far to go towards the subseed's noise, 0 to 1"),
      seed_resize(),
      number("eta", &R::eta, 0, infinity,
             "Fresh noise at each step, from 0 (none) [the sampler's, 0 for DDIM]"),
      with(number("s_churn", &R::s_churn, 0, infinity,
                  "Euler, Heun, DPM2: noise before each step, from 0"),
           &Field<R>::text_key, "Sigma churn"),
      with(number("s_tmin", &R::s_tmin, 0, infinity, "The least sigma at which there is churn"),
           &Field<R>::text_key, "Sigma tmin"),
      with(number("s_tmax", &R::s_tmax, 0, infinity, "The largest; 0: any"), &Field<R>::text_key,
           "Sigma tmax"),
      with(number("s_noise", &R::s_noise, 0, infinity, "Factor of fresh noise, from 0"),
           &Field<R>::text_key, "Sigma noise"),
      number("low_threshold", &R::low_threshold, 0, 1000, "Of the edge detector"),
      number("high_threshold", &R::high_threshold, 0, 1000, "Of the edge detector"),
      number("denoising_strength", &R::denoising_strength, 0, 1,
             "How much of an initial picture, or of a first pass, is drawn anew"),
      with(choice("painting_rule", &R::painting_rule,
                  {{"auto", PaintingRule::automatic},
                   {"diffusers", PaintingRule::diffusers},
                   {"a1111", PaintingRule::a1111},
                   {"comfy", PaintingRule::comfy}},
                  "Whose arithmetic begins with a picture and keeps what a mask keeps;\n"
                  "auto: as compat says, else diffusers for its own samplers, a1111 for\n"
                  "the others"),
           &Field<R>::text_key, "Painting rule"),
      with(choice("resize_mode", &R::resize_mode,
                  {{"stretch", ResizeMode::stretch},
                   {"crop", ResizeMode::crop},
                   {"fill", ResizeMode::fill}},
                  "Of an initial picture of another size: stretch, crop (cut from the\n"
                  "middle) or fill (all of it, and the colour of its border)"),
           &Field<R>::text_key, "Resize mode"),
      number("mask_blur", &R::mask_blur, 0, 64,
             "Of the mask, in pixels [4, or 0 by diffusers' rule]"),
      choice("inpaint_fill", &R::inpaint_fill,
             {{"original", InpaintFill::original},
              {"fill", InpaintFill::fill},
              {"latent-noise", InpaintFill::latent_noise},
              {"latent-nothing", InpaintFill::latent_nothing}},
             "What lies under the mask at first"),
      flag("only_masked", &R::only_masked,
           "Draw the masked part alone, at the whole size, and paste it back"),
      integer("mask_padding", &R::mask_padding, 0, 1024, "Pixels around it"),
      with(choice("paste_kept", &R::paste_kept,
                  {{"auto", PasteKept::automatic}, {"on", PasteKept::on}, {"off", PasteKept::off}},
                  "Paste the initial picture's pixels over what the mask keeps;\n"
                  "auto: by a1111's rule and with only_masked"),
           &Field<R>::text_key, "Paste kept"),
      flag("soft_inpainting", &R::soft_inpainting,
           "Let the mask's greys count, as the web UI's soft inpainting"),
      with(number("soft_schedule_bias", &R::soft_schedule_bias, 0, 8,
                  "Above 1 it keeps the picture more in the first steps, below in the last"),
           &Field<R>::text_key, "Soft inpainting schedule bias"),
      with(number("soft_preservation_strength", &R::soft_preservation_strength, 0, 8,
                  "How strongly it keeps what is masked in part"),
           &Field<R>::text_key, "Soft inpainting preservation strength"),
      with(number("soft_transition_contrast_boost", &R::soft_transition_contrast_boost, 1, 32,
                  "Contrast in what is masked in part"),
           &Field<R>::text_key, "Soft inpainting transition contrast boost"),
      with(number("soft_mask_influence", &R::soft_mask_influence, 0, 1,
                  "How much the mask decides which pixels are pasted"),
           &Field<R>::text_key, "Soft inpainting mask influence"),
      with(number("soft_difference_threshold", &R::soft_difference_threshold, 0, 8,
                  "How much may change before pixels are not pasted any more"),
           &Field<R>::text_key, "Soft inpainting difference threshold"),
      with(number("soft_difference_contrast", &R::soft_difference_contrast, 0, 8,
                  "How sharp the transition to these is"),
           &Field<R>::text_key, "Soft inpainting difference contrast"),
      with(outpaint(), &Field<R>::text_key, "Outpaint"),
      number("hires_scale", &R::hires_scale, 1, 8,
             "Above 1: draw small, then so many times as large once more"),
      choice("hires_upscaler", &R::hires_upscaler,
             {{"latent", HiresUpscaler::latent},
              {"latent-antialiased", HiresUpscaler::latent_antialiased},
              {"latent-bicubic", HiresUpscaler::latent_bicubic},
              {"latent-bicubic-antialiased", HiresUpscaler::latent_bicubic_antialiased},
              {"latent-nearest", HiresUpscaler::latent_nearest},
              {"latent-nearest-exact", HiresUpscaler::latent_nearest_exact},
              {"lanczos", HiresUpscaler::lanczos},
              {"nearest", HiresUpscaler::nearest},
              {"model", HiresUpscaler::model}},
             "What makes the first pass large, in the latent or as a picture"),
      integer("hires_steps", &R::hires_steps, 0, 999, "Of the second pass; 0: as the first"),
      with(tile("tile", &R::tile,
                "Denoise in windows of so many pixels, multiples of 64 from 256; 0: all\n"
                "at once. For pictures beyond what the model was trained on or fits"),
           &Field<R>::text_key, "Tile"),
      with(tile("vae_tile", &R::vae_tile,
                "Encode and decode pictures in tiles of so many pixels, multiples of\n"
                "64 from 256; 0: all at once"),
           &Field<R>::text_key, "VAE tile")};
  return all;
}

bool is_of_painting(const Field<Request>& field) {
  static constexpr std::string_view names[] = {
      "denoising_strength", "painting_rule", "resize_mode",    "mask_blur",
      "inpaint_fill",       "only_masked",   "mask_padding",   "paste_kept",
      "outpaint",           "hires_scale",   "hires_upscaler", "hires_steps"};
  return std::ranges::find(names, field.name) != std::end(names) || field.name.starts_with("soft_");
}

}  // namespace drypoint
