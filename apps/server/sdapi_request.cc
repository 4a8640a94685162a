#include "server/sdapi_request.h"

#include <algorithm>
#include <cctype>

#include "drypoint/fields.h"
#include "server/encoding.h"
#include "server/lower_case.h"
#include "server/requests.h"

namespace drypoint::server {
namespace {

/// What would change a picture and is not there: only what changes nothing is taken.
void refuse_what_is_not_there(const Fields& fields) {
  const auto refuse_it = [&](const char* name, const char* expected) {
    refuse_field(422, name, "{}, expected {}: nothing here does otherwise",
                 dumped(fields.all().at(name)).substr(0, 60), expected);
  };
  for (const char* name : {"restore_faces", "tiling", "disable_extra_networks"})
    if (fields.flag(name, false)) refuse_it(name, "false");
  if (!fields.list("styles").empty()) refuse_it("styles", "none");
  for (const char* name : {"refiner_checkpoint", "infotext"})
    if (!fields.text(name).empty()) refuse_it(name, "none");
  if (fields.number("s_min_uncond", 0) != 0) refuse_it("s_min_uncond", "0");
  for (const char* name : {"firstphase_width", "firstphase_height"})
    if (fields.integer(name, 0) != 0) refuse_it(name, "0");
  if (fields.number("initial_noise_multiplier", 1) != 1) refuse_it("initial_noise_multiplier", "1");
  const std::string script = fields.text("script_name");
  if (!script.empty() && script != "None")
    refuse_field(422, "script_name", "Script '{}' not found", script.substr(0, 60));
}

/// A field of the client's as one of a request, where it is there.
void put(const Fields& fields, const char* name, std::string_view field, Request& request) {
  const Json* value = fields.find(name);
  if (!value) return;
  set_field(request, field, value->is_string() ? value->get<std::string>() : dumped(*value), name);
}

/// Sampler and scheduler. The web UI passes eta to those samplers alone that have it.
void put_sampler(const Fields& fields, Request& request) {
  std::string sampler = fields.text("sampler_name");
  if (sampler.empty()) sampler = fields.text("sampler_index", "Euler");
  try {
    set_field(request, "sampler", sampler, "sampler_name");
  } catch (const Refusal& refusal) {
    throw Refusal(400, std::string("Sampler not found: ") + refusal.what(), "sampler_name");
  }
  std::string schedule = fields.text("scheduler");
  if (schedule.empty()) schedule = "automatic";
  set_field(request, "schedule", schedule, "scheduler");
  if (sampler_takes_eta(sampler)) put(fields, "eta", "eta", request);
  for (const char* name : {"s_churn", "s_tmin", "s_tmax", "s_noise"})
    put(fields, name, name, request);
}

/// -1 is a random one.
uint64_t seed_of(const Fields& fields, const char* name) {
  const int64_t seed = fields.integer(name, -1);
  return seed < 0 ? random_seed() : static_cast<uint64_t>(seed);
}

void put_seeds(const Fields& fields, Request& request) {
  request.seed = seed_of(fields, "seed");
  put(fields, "subseed_strength", "subseed_strength", request);
  if (request.subseed_strength > 0) request.subseed = seed_of(fields, "subseed");
  const int64_t height = fields.integer("seed_resize_from_h", -1),
                width = fields.integer("seed_resize_from_w", -1);
  if (height > 0 && width > 0)
    set_field(request, "seed_resize", fmt::format("{}x{}", height, width),
              "seed_resize_from_h, seed_resize_from_w");
}

/// "Latent (bicubic antialiased)" as the field has it.
std::string upscaler_word(std::string text) {
  std::erase_if(text, [](char c) { return c == '(' || c == ')'; });
  for (char& c : text)
    c = c == ' ' ? '-' : static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return text;
}

/// How many times as large, of a factor or of sides.
double hires_scale(const Fields& fields, ImageSize size) {
  const auto x = static_cast<double>(fields.integer("hr_resize_x", 0)),
             y = static_cast<double>(fields.integer("hr_resize_y", 0));
  if (x <= 0 && y <= 0) return fields.number("hr_scale", 2);
  const double by_x = x / size.width, by_y = y / size.height;
  if (x > 0 && y > 0 && std::abs(by_x - by_y) * std::max(size.width, size.height) >= 8)
    refuse_field(422, "hr_resize_x", "{}x{}, expected the proportions of {}x{}", x, y, size.width,
                 size.height);
  return (x > 0 ? by_x : by_y) * (1 + 1e-9);  // so that the side is not one pixel short
}

void put_second_pass(const Fields& fields, Request& request) {
  for (const char* name : {"hr_checkpoint_name", "hr_sampler_name", "hr_scheduler", "hr_prompt",
                           "hr_negative_prompt"}) {
    const std::string text = fields.text(name);
    const bool is_same = text.starts_with("Use same") ||
                         text == fields.text(std::string(name).substr(3)) ||
                         (name == std::string("hr_scheduler") && text == "Automatic");
    if (!text.empty() && !is_same)
      refuse_field(422, name, "\"{}\", expected that of the first pass", text.substr(0, 60));
  }
  set_field(request, "hires_scale", fmt::to_string(hires_scale(fields, request.size)), "hr_scale");
  set_field(request, "hires_upscaler", upscaler_word(fields.text("hr_upscaler", "Latent")),
            "hr_upscaler");
  put(fields, "hr_second_pass_steps", "hires_steps", request);
  put(fields, "denoising_strength", "denoising_strength", request);
}

/// What a mask paints: of one that is transparent somewhere, what is not.
void put_mask(const Fields& fields, Request& request) {
  const ReadImage read = picture_from(fields.text("mask"), "mask");
  request.mask = read.alpha.pixels.empty() ? read.image : mask_of_alpha(read.alpha, false);
  if (fields.number("inpainting_mask_invert", 0) != 0)
    for (uint8_t& value : request.mask.pixels) value = static_cast<uint8_t>(255 - value);
  put(fields, "mask_blur", "mask_blur", request);
  const double across = fields.number("mask_blur_x", 4), down = fields.number("mask_blur_y", 4);
  if (across != down) refuse_field(422, "mask_blur_x", "{}, expected mask_blur_y", across);
  if (!request.mask_blur) request.mask_blur = across;
  static const std::vector<std::string> fills{"fill", "original", "latent-noise", "latent-nothing"};
  const int64_t fill = fields.integer("inpainting_fill", 0);
  if (fill < 0 || fill > 3) refuse_field(422, "inpainting_fill", "{}, expected 0 to 3", fill);
  set_field(request, "inpaint_fill", fills[static_cast<size_t>(fill)], "inpainting_fill");
  // A number or a flag.
  const Json* whole = fields.find("inpaint_full_res");
  request.only_masked = !whole || (whole->is_number() ? fields.number("inpaint_full_res", 1) != 0
                                                      : fields.flag("inpaint_full_res", true));
  if (!request.only_masked) return;
  set_field(request, "mask_padding", fmt::to_string(fields.integer("inpaint_full_res_padding", 0)),
            "inpaint_full_res_padding");
}

/// The arguments of the web UI's extension, in its order; what is left out has its defaults. Like
/// there it does nothing without a mask, and is not there for pictures from nothing.
void put_soft_inpainting(const Fields& fields, bool is_img2img, Request& request) {
  static constexpr const char* names[] = {"soft_inpainting",
                                          "soft_schedule_bias",
                                          "soft_preservation_strength",
                                          "soft_transition_contrast_boost",
                                          "soft_mask_influence",
                                          "soft_difference_threshold",
                                          "soft_difference_contrast"};
  for (const auto& [name, script] : fields.object("alwayson_scripts").items()) {
    if (in_lower_case(name) != "soft inpainting") continue;
    const std::string path = "alwayson_scripts." + name;
    const Fields own(script, path + ".");
    const Json& args = own.list("args");
    if (args.empty() || args[0] == false) continue;
    if (!is_img2img) refuse_field(422, path, "always on script {} not found", name.substr(0, 60));
    if (request.mask.pixels.empty()) continue;
    for (size_t i = 0; i < args.size() && i < std::size(names); ++i)
      set_field(request, names[i], dumped(args[i]), fmt::format("{}.args[{}]", path, i));
  }
}

void put_initial(const Fields& fields, Request& request) {
  const Json& pictures = fields.list("init_images");
  if (pictures.size() != 1 || !pictures[0].is_string())
    refuse_field(pictures.empty() ? 404 : 422, "init_images",
                 "found {}, expected one picture in base64", pictures.size());
  request.init_image = picture_from(pictures[0].get<std::string>(), "init_images[0]").image;
  request.painting_rule = PaintingRule::a1111;
  put(fields, "denoising_strength", "denoising_strength", request);
  static const std::vector<std::string> modes{"stretch", "crop", "fill"};
  const int64_t mode = fields.integer("resize_mode", 0);
  if (mode < 0 || mode > 2)
    refuse_field(422, "resize_mode", "{}, expected 0 to 2: nothing here resizes latents", mode);
  set_field(request, "resize_mode", modes[static_cast<size_t>(mode)], "resize_mode");
  if (!fields.text("mask").empty()) put_mask(fields, request);
}

Request read_picture_wish(const Fields& fields, const Json& settings, bool is_img2img) {
  Request picture;
  picture.added_prompt.clear();
  set_field(picture, "prompt", fields.text("prompt"), "prompt");
  set_field(picture, "negative_prompt", fields.text("negative_prompt"), "negative_prompt");
  set_field(picture, "steps", fmt::to_string(fields.integer("steps", 50)), "steps");
  set_field(picture, "guidance_scale", fmt::to_string(fields.number("cfg_scale", 7)), "cfg_scale");
  set_field(picture, "size",
            fmt::format("{}x{}", fields.integer("height", 512), fields.integer("width", 512)),
            "width, height");
  put_sampler(fields, picture);
  put_seeds(fields, picture);
  SdapiOptions::put(settings, picture);
  if (is_img2img)
    put_initial(fields, picture);
  else if (fields.flag("enable_hr", false))
    put_second_pass(fields, picture);
  put_soft_inpainting(fields, is_img2img, picture);
  return picture;
}

int64_t picture_count(const Fields& fields, const Limits& limits) {
  const int64_t pictures = fields.integer("batch_size", 1), times = fields.integer("n_iter", 1);
  for (const auto& [name, count] : {std::pair("batch_size", pictures), {"n_iter", times}})
    if (count < 1 || count > limits.pictures)
      refuse_field(count < 1 ? 422 : 413, name, "{}, expected 1 to {}", count, limits.pictures);
  if (pictures * times > limits.pictures)
    refuse_field(413, "n_iter", "{} pictures in all, expected at most {}", pictures * times,
                 limits.pictures);
  return pictures * times;
}

}  // namespace

Drawing read_drawing(const Context& context, SdapiOptions& options, const HttpRequest& request,
                     const Json& body, bool is_img2img) {
  const Fields fields(body);
  refuse_what_is_not_there(fields);
  const Json& overridden = fields.object("override_settings");
  const Json settings = options.with(overridden);
  if (!fields.flag("override_settings_restore_afterwards", true)) options.set(overridden);

  Request picture = read_picture_wish(fields, settings, is_img2img);
  Drawing drawing{.units = read_units(fields.object("alwayson_scripts"))};
  put_units(drawing.units, picture);
  for (const Unit& unit : drawing.units)
    if (!unit.control.name.empty())
      context.catalog.find(FileKind::control, unit.control.name, unit.where + "model");
  drawing.format = settings.at("samples_format").get<std::string>();
  drawing.send_images = fields.flag("send_images", true);
  drawing.subseed = picture.subseed;
  drawing.is_variation = picture.subseed_strength > 0;
  const int64_t count = picture_count(fields, context.desk.limits());
  Order& order = drawing.order;
  order.api = "sdapi";
  order.client = request.client;
  order.id = fields.text("force_task_id");
  order.engine = context.engines.get({.model = Fields(settings).text("sd_model_checkpoint"),
                                      .vae = SdapiOptions::vae(settings),
                                      .controls = control_names(picture)});
  put_control_names(context.engines, *order.engine, picture);
  order.requests = one_by_one(std::move(picture), count);
  return drawing;
}

}  // namespace drypoint::server
