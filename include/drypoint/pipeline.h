// Drawing pictures: load a model once, then ask for as many pictures as you like.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "drypoint/control.h"
#include "drypoint/edges.h"
#include "drypoint/error.h"
#include "drypoint/image.h"
#include "drypoint/model.h"
#include "drypoint/model_files.h"
#include "drypoint/painting.h"
#include "drypoint/prompting.h"
#include "drypoint/sampling.h"

namespace drypoint {

/// A LoRA or another adapter: a change to the model's weights that a request brings along.
struct AdapterUse {
  std::string file;     ///< its path, or its name in the model's folder (`ModelFiles::loras`)
  double strength = 1;  ///< any finite number: of what it does to the UNet
  std::optional<double> text_strength;  ///< to the text encoder; none: the same
  /// Factors of the strengths, none or 17 or 26, as the web UI's extension for block weights has
  /// them: of the text encoder, of input blocks 0 to 11, the middle, output blocks 0 to 11; of 17
  /// there are input blocks 1, 2, 4, 5, 7, 8 and output blocks 3 to 11 alone, and of others it
  /// is 1.
  std::vector<double> blocks = {};
  bool operator==(const AdapterUse&) const = default;
};

/// Everything that decides a picture. The defaults are those of ControlNet's canny2image; a model
/// may carry its own (`Pipeline::defaults`).
struct Request {
  std::string prompt;
  std::string added_prompt = "best quality, extremely detailed";  ///< after the prompt and ", "
  std::string negative_prompt =
      "longbody, lowres, bad anatomy, bad hands, missing fingers, extra digit, fewer digits, "
      "cropped, worst quality, low quality";
  ParserKind parser = ParserKind::automatic;
  EmphasisKind emphasis = EmphasisKind::original;
  /// Which of the text encoder's layers counts, from the last, which is 1, to 12 or as many as
  /// there are.
  int clip_skip = 1;
  /// A prompt beyond 75 tokens is cut into such chunks, at a comma that is at most so many tokens
  /// back: 0 (never) to 75.
  int comma_backtrack = 20;
  /// Beside those that the prompt calls ("<lora:name:0.8>"). Each adds to the model's own weights
  /// what it makes of them. Between
  /// requests only the weights that others than before change are made anew, and without adapters
  /// they are what they were, to the byte.
  std::vector<AdapterUse> loras;
  int samples = 1;       ///< 1 to 64
  int resolution = 512;  ///< of the shorter side, about: 64 to 4096
  /// Instead, the very size, multiples of 8: the picture is cut from the middle to these
  /// proportions, edges must have it. 0x0: by `resolution`.
  ImageSize size;
  int steps = 20;  ///< 1 to 999
  /// As the web UI, diffusers or ComfyUI calls it, case aside: "DDIM", "Euler a", "DPM++ 2M",
  /// "dpmpp_2m_sde", "DPM++ 2M Karras" (with the schedule in its name).
  std::string sampler = "DDIM";
  /// Whose noise levels, first noise, Brownian noise and rounding of pixels, where programs differ.
  CompatKind compat = CompatKind::automatic;
  ScheduleKind schedule = ScheduleKind::automatic;
  /// Instead of a schedule: the timesteps of the levels that are visited, `steps` of them, falling
  /// from 999 or below to 0 or above.
  std::vector<double> timesteps;
  /// The same, as noise levels: `steps` + 1 of them, falling, the last where the last step leads, 0
  /// or above. With `timesteps` too the model is told those. For samplers over clean + sigma * n:
  /// not DDIM, PLMS, LCM, TCD.
  std::vector<double> sigmas;
  /// Of a sampler that has several, as DPM++ 2M, UniPC, DEIS and LMS: 1 to 3, LMS to 4. 0: its own.
  int solver_order = 0;
  Solver solver_type = Solver::automatic;
  LowerOrder lower_order_final = LowerOrder::automatic;  ///< DPM++ 2M, DPM++ 2M SDE, DEIS
  FirstNoise first_noise = FirstNoise::automatic;  ///< of pictures that begin with nothing else
  double guidance_scale = 9;  ///< 0 and up; at 1 the negative prompt has no effect
  /// How far the guided prediction is brought to the deviation of the prompt's own, 0 to 1
  /// (diffusers' `guidance_rescale`).
  double guidance_rescale = 0;
  /// There is guidance from this share of the steps to that one, 0 to 1, by the rule of a control's
  /// `start` and `end`; the steps outside cost what they cost at scale 1. Not with AND.
  double guidance_start = 0, guidance_end = 1;
  double strength = 1;           ///< of the control: 0 and up
  bool guess_mode = false;       ///< controls the positive prompt only, less in shallow layers
  std::optional<uint64_t> seed;  ///< none: a random one, told in the result
  RandomOptions random;
  NoiseKind noise = NoiseKind::batch;
  /// Added to the seed for all noise but the first, as the web UI's "eta noise seed delta".
  int64_t ensd = 0;
  /// The web UI's variations: the first noise goes by `subseed_strength`, 0 to 1, towards that of
  /// another seed. Samples share `seed` then and count on from `subseed`.
  uint64_t subseed = 0;
  double subseed_strength = 0;
  /// The first noise is that of a picture of this size, multiples of 8, in the middle of one of its
  /// own. 0x0: it is not.
  ImageSize seed_resize;
  /// Fresh noise at each step, from 0: none. None: the sampler's own, 0 for DDIM, 0.3 for TCD, 1
  /// for ancestral samplers and those of stochastic equations. DDIM takes as much as a step can
  /// hold.
  std::optional<double> eta;
  double s_noise = 1;  ///< factor of fresh noise, 0 and up
  /// Noise that Euler, Heun and DPM2 add before a step (Karras and others, 2022), where sigma is
  /// between `s_tmin` and `s_tmax` (0: no limit); all 0 and up.
  double s_churn = 0, s_tmin = 0, s_tmax = 0;
  double low_threshold = 100, high_threshold = 200;  ///< of the edge detector: 0 to 1000

  /// The picture whose edges steer the drawing, or, with `is_edges`, the edges themselves, taken
  /// at their own size (sides are multiples of 8). None: nothing steers, and `size` or a square of
  /// `resolution` is drawn.
  Image image;
  bool is_edges = false;

  /// What steers instead, at most 8; `image` is then the picture of those without one, and
  /// `strength`, `guess_mode` and the thresholds must be left alone. The first picture decides the
  /// size where `size` does not. Empty: `image`, through the first ControlNet.
  std::vector<Control> controls;

  /// The picture to begin with, of three channels or one; empty: noise alone.
  Image init_image;
  /// What of it is to be painted: white. What is black is kept. Of the initial picture's size, of
  /// three channels or one; empty: all is painted.
  Image mask;
  /// How much of the walk from noise is walked, 0 (the initial picture as it is) to 1 (it hardly
  /// matters); of the second pass with `hires_scale`. It has an effect with one of both only.
  double denoising_strength = 0.75;
  PaintingRule painting_rule = PaintingRule::automatic;
  /// How an initial picture of another size becomes one of the size that is drawn.
  ResizeMode resize_mode = ResizeMode::stretch;
  /// Standard deviation of a Gaussian blur of the mask, in pixels of the initial picture: 0 to 64.
  /// None: the rule's own.
  std::optional<double> mask_blur;
  InpaintFill inpaint_fill = InpaintFill::original;
  /// The masked part alone is drawn, at the whole size, with `mask_padding` pixels around it (0 to
  /// 1024), and pasted back: the result has the initial picture's own size.
  bool only_masked = false;
  int mask_padding = 32;
  PasteKept paste_kept = PasteKept::automatic;
  /// The mask's greys count, as the web UI's "Soft inpainting" has it
  /// (extensions-builtin/soft-inpainting): at each step a pixel of the clean latent is a mixture of
  /// what is drawn and what is known, and in the end pixels are pasted by how much the latent has
  /// changed. By a1111's rule alone. With m the mask, 0 to 1:
  bool soft_inpainting = false;
  /// The share of what is drawn is m ^ (sigma ^ bias * strength): above 1 the picture is kept more
  /// in the first steps, below in the last; 0 to 8.
  double soft_schedule_bias = 1;
  double soft_preservation_strength = 0.5;  ///< 0 (it is not kept) to 8
  /// The power of the mean of both lengths that the mixture gets, 1 (the mean) to 32 (about the
  /// larger one).
  double soft_transition_contrast_boost = 4;
  /// How much the mask decides, beside the change, what is pasted: 0 (nothing) to 1.
  double soft_mask_influence = 0;
  double soft_difference_threshold = 0.5;  ///< the change at which half is pasted, 0 to 8
  double soft_difference_contrast = 2;     ///< how sharp that is, 0 to 8
  /// The initial picture grows by these pixels first, 0 to 2048 each, which are masked.
  Margins outpaint;

  /// Above 1, to 8: the picture is drawn small, then made so many times as large, and drawn again
  /// with `denoising_strength`, as the web UI's "hires fix" does. Not with an initial picture.
  double hires_scale = 1;
  HiresUpscaler hires_upscaler = HiresUpscaler::latent;
  int hires_steps = 0;  ///< of the second pass: 1 to 999; 0: as many as the first has

  /// Denoising in windows of so many pixels (multiples of 64 from 256), which overlap by a quarter
  /// and are blended at each step (MultiDiffusion, https://arxiv.org/abs/2302.08113): memory and
  /// the model's view stay those of a window, however large the picture. 0: all at once.
  int tile = 0;
  /// The VAE in tiles of so many pixels, blended where they overlap. Colours may differ a little
  /// from those of the whole, as its group norms see one tile. 0: all at once.
  int vae_tile = 0;
};

/// Throws bad_argument naming the field, what it is and what it may be, as far as that can be told
/// without a model.
void check(const Request& request);

/// The largest picture that a request makes: its result or, where one grows for it, its initial
/// picture. Throws bad_argument for a size that cannot be had.
ImageSize largest_size(const Request& request);

enum class Stage : uint8_t { prepare, text, encode, denoise, decode };
std::string_view name(Stage stage);

struct Progress {
  Stage stage = Stage::prepare;
  int done = 0, of = 0;  ///< steps when denoising, samples when decoding
  double timestep = 0;   ///< when denoising, of the step that was done last
};

/// Called from the thread that calls `generate`. They must not draw with the same model or device.
struct Callbacks {
  std::function<void(const Progress&)> progress;
  std::function<bool()> stop;  ///< true: give up; asked often, must be cheap
  /// What each part takes of `max_memory`, before the first step; without it, a notice of the
  /// result.
  std::function<void(const std::string&)> notice = {};
  /// The first sample as it is to become, after every `preview_steps` steps but the last, a pixel
  /// for each of the latent's, or full size where the VAE is a tiny one. Not of pictures in windows
  /// (`Request::tile`). Without it previews cost nothing.
  std::function<void(const Image&)> preview = {};
  int preview_steps = 5;  ///< from 1
};

struct Result {
  std::vector<Image> images;            ///< RGB, one a sample
  std::vector<std::string> parameters;  ///< the settings of each as text, see parameters.h
  Image edges;                          ///< the first of `hints`, if any
  std::vector<Image> hints;             ///< what each ControlNet saw
  uint64_t seed = 0;
  std::vector<std::string> notices;                     ///< e.g. that a prompt was cut
  std::vector<std::pair<std::string, double>> seconds;  ///< spent in each stage
};

using PipelineOptions = DeviceOptions;

/// Draws the pictures of a model. Not for several threads at once; several pipelines may run side
/// by side, and those of one model share its weights: each has but the memory for its pictures.
class Pipeline {
 public:
  explicit Pipeline(const Model& model);
  /// With a device and a model of its own. Throws what their constructors throw.
  explicit Pipeline(const ModelFiles& files, const PipelineOptions& options = {});
  ~Pipeline();
  Pipeline(Pipeline&&) noexcept;
  Pipeline& operator=(Pipeline&&) noexcept;

  const Model& model() const;
  ModelDescription description() const;

  /// A request with this model's own defaults.
  Request defaults() const;

  /// `Model::set_control` on its model, after which all is ready for the next picture.
  void set_control(const std::filesystem::path& path, const std::string& name = {});

  /// Makes everything ready for pictures of these sizes, so that the first request pays nothing.
  /// Throws bad_argument (sides are multiples of 8, 100 megapixels at most; samples 1 to 64),
  /// out_of_memory, non_finite, bad_file.
  void prepare(std::span<const ImageSize> sizes, int samples = 1);

  /// Draws. Throws bad_argument for a request out of range, cancelled, out_of_memory, non_finite.
  Result generate(const Request& request, const Callbacks& callbacks = {});

 private:
  friend struct PipelineParts;  // the library's own
  class Implementation;
  std::unique_ptr<Implementation> implementation_;
};

}  // namespace drypoint
