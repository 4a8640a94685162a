// The web UI's API: pictures, and how far they are.
#include <cmath>
#include <ctime>
#include <span>

#include "drypoint/fields.h"
#include "drypoint/parameters.h"
#include "drypoint/picture_text.h"
#include "drypoint/version.h"
#include "server/controlnet_units.h"
#include "server/encoding.h"
#include "server/requests.h"
#include "server/sdapi_lists.h"
#include "server/sdapi_options.h"

namespace drypoint::server {
namespace {

/// What a request to draw says, and how its pictures are to be sent.
struct Drawing {
  Order order;
  std::vector<Unit> units;
  std::string format;
  bool send_images = true;
};

/// What would change a picture and is not there: only what changes nothing is taken.
void refuse_what_is_not_there(const Fields& fields) {
  const auto refuse_it = [&](const char* name, const char* expected) {
    refuse_field(422, name, "{}, expected {}: nothing else is there yet",
                 dumped(fields.all().at(name)).substr(0, 60), expected);
  };
  for (const char* name : {"restore_faces", "tiling", "enable_hr", "save_images"})
    if (fields.flag(name, false)) refuse_it(name, "false");
  for (const char* name : {"styles", "init_images"})
    if (!fields.list(name).empty()) refuse_it(name, "none");
  for (const char* name : {"refiner_checkpoint", "infotext"})
    if (!fields.text(name).empty()) refuse_it(name, "none");
  if (fields.number("subseed_strength", 0) != 0) refuse_it("subseed_strength", "0");
  for (const char* name : {"seed_resize_from_h", "seed_resize_from_w"})
    if (fields.number(name, 0) > 0) refuse_it(name, "-1");
  const std::string script = fields.text("script_name");
  if (!script.empty() && script != "None")
    refuse_field(422, "script_name", "Script '{}' not found", script.substr(0, 60));
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
  if (fields.has("eta") && sampler_takes_eta(sampler))
    set_field(request, "eta", fmt::to_string(fields.number("eta", 0)), "eta");
  for (const char* name : {"s_churn", "s_tmin", "s_tmax", "s_noise"})
    if (fields.has(name)) set_field(request, name, fmt::to_string(fields.number(name, 0)), name);
}

Drawing read_drawing(const Context& context, SdapiOptions& options, const HttpRequest& request,
                     const Json& body) {
  const Fields fields(body);
  refuse_what_is_not_there(fields);
  const Json& overridden = fields.object("override_settings");
  const Json settings = options.with(overridden);
  if (!fields.flag("override_settings_restore_afterwards", true)) options.set(overridden);

  Request picture;
  picture.added_prompt.clear();
  picture.negative_prompt.clear();
  set_field(picture, "prompt", fields.text("prompt"), "prompt");
  set_field(picture, "negative_prompt", fields.text("negative_prompt"), "negative_prompt");
  set_field(picture, "steps", fmt::to_string(fields.integer("steps", 50)), "steps");
  set_field(picture, "guidance_scale", fmt::to_string(fields.number("cfg_scale", 7)), "cfg_scale");
  set_field(picture, "size",
            fmt::format("{}x{}", fields.integer("height", 512), fields.integer("width", 512)),
            "width, height");
  const int64_t seed = fields.integer("seed", -1);
  picture.seed = seed < 0 ? random_seed() : static_cast<uint64_t>(seed);
  put_sampler(fields, picture);
  SdapiOptions::put(settings, picture);

  Drawing drawing{.units = read_units(fields.object("alwayson_scripts"))};
  for (const Unit& unit : drawing.units)
    if (!unit.model.empty())
      context.catalog.find(FileKind::control, unit.model, unit.where + "model");
  put_units(drawing.units, picture);
  drawing.format = settings.at("samples_format").get<std::string>();
  drawing.send_images = fields.flag("send_images", true);
  const int64_t pictures = fields.integer("batch_size", 1), times = fields.integer("n_iter", 1);
  for (const auto& [name, count] : {std::pair("batch_size", pictures), {"n_iter", times}})
    if (count < 1 || count > context.desk.limits().pictures)
      refuse_field(count < 1 ? 422 : 413, name, "{}, expected 1 to {}", count,
                   context.desk.limits().pictures);
  if (pictures * times > context.desk.limits().pictures)
    refuse_field(413, "n_iter", "{} pictures in all, expected at most {}", pictures * times,
                 context.desk.limits().pictures);
  Order& order = drawing.order;
  order.api = "sdapi";
  order.client = request.client;
  order.id = fields.text("force_task_id");
  order.engine = context.engines.get(Fields(settings).text("sd_model_checkpoint"),
                                     drawing.units.empty() ? "" : drawing.units[0].model);
  order.requests = one_by_one(std::move(picture), pictures * times);
  return drawing;
}

std::string timestamp() {
  const std::time_t now = std::time(nullptr);
  std::tm local{};
  ::localtime_r(&now, &local);
  char text[32];
  std::strftime(text, sizeof(text), "%Y%m%d%H%M%S", &local);
  return text;
}

/// What the web UI says of a drawing: a JSON text.
std::string info_of(const Json& body, const Json& parameters_sent,
                    const std::vector<Result>& results) {
  const Fields fields(body);
  const Parameters first =
      results.empty() ? Parameters{} : parse_parameters(results[0].parameters[0]);
  Json info{{"prompt", fields.text("prompt")},
            {"all_prompts", Json::array()},
            {"negative_prompt", fields.text("negative_prompt")},
            {"all_negative_prompts", Json::array()},
            {"seed", results.empty() ? Json(-1) : Json(results[0].seed)},
            {"all_seeds", Json::array()},
            {"subseed", results.empty() ? Json(-1) : Json(results[0].seed)},
            {"all_subseeds", Json::array()},
            {"subseed_strength", 0},
            {"width", parameters_sent.at("width")},
            {"height", parameters_sent.at("height")},
            {"sampler_name", first.sampler},
            {"cfg_scale", parameters_sent.at("cfg_scale")},
            {"steps", parameters_sent.at("steps")},
            {"batch_size", parameters_sent.at("batch_size")},
            {"restore_faces", false},
            {"face_restoration_model", nullptr},
            {"sd_model_name", first.model},
            {"sd_model_hash", first.model_hash},
            {"sd_vae_name", nullptr},
            {"sd_vae_hash", nullptr},
            {"seed_resize_from_w", -1},
            {"seed_resize_from_h", -1},
            {"denoising_strength", parameters_sent.at("denoising_strength")},
            {"extra_generation_params", Json::object()},
            {"index_of_first_image", 0},
            {"infotexts", Json::array()},
            {"styles", Json::array()},
            {"job_timestamp", timestamp()},
            {"clip_skip", 1},
            {"is_using_inpainting_conditioning", false},
            {"version", fmt::format("drypoint {}", version())}};
  for (const auto& [key, value] : first.others) {
    if (key == "Clip skip") info["clip_skip"] = std::stoi(value);
    info["extra_generation_params"][key] = value;
  }
  for (const Result& result : results) {
    info["all_prompts"].push_back(fields.text("prompt"));
    info["all_negative_prompts"].push_back(fields.text("negative_prompt"));
    info["all_seeds"].push_back(result.seed);
    info["all_subseeds"].push_back(result.seed);
    info["infotexts"].push_back(result.parameters[0]);
  }
  return dumped(info);
}

HttpResponse draw(const Context& context, SdapiOptions& options, HttpRequest& request) {
  const auto begun = Task::Clock::now();
  Json body = parse_object(request.body);
  request.body = {};
  const Drawing drawing = read_drawing(context, options, request, body);
  const ImageFormat format = picture_format(drawing.format, "samples_format").format;
  const auto task = context.desk.accept(drawing.order);
  context.desk.finish(task, request);
  try {
    task->check();
  } catch (const Error& error) {  // one that was interrupted sends what there is
    if (error.kind() != ErrorKind::cancelled) throw;
  }
  const std::vector<Result> results = task->results();
  Json images = Json::array();
  if (drawing.send_images) {
    for (const Result& result : results)
      images.push_back(to_base64(encode_image(result.images[0], format, result.parameters[0])));
    for (const Unit& unit : drawing.units)
      if (unit.save_detected_map && !results.empty())
        images.push_back(to_base64(encode_image(results[0].edges, ImageFormat::png)));
  }
  body["alwayson_scripts"] = Json::object();  // pictures are not sent back
  for (const auto& [name, usual] : {std::pair("width", Json(512)),
                                    {"height", Json(512)},
                                    {"cfg_scale", Json(7.0)},
                                    {"steps", Json(50)},
                                    {"batch_size", Json(1)},
                                    {"denoising_strength", Json(nullptr)}})
    if (!body.contains(name)) body[name] = usual;
  HttpResponse response = json_response(
      {{"images", images}, {"parameters", body}, {"info", info_of(body, body, results)}});
  response.headers.emplace_back(
      "X-Process-Time",
      fmt::format("{:.4f}", std::chrono::duration<double>(Task::Clock::now() - begun).count()));
  return response;
}

/// The web UI has one drawing at a time; here each client has: its oldest that has not ended, or
/// the one that is named.
std::shared_ptr<Task> current(const Context& context, const HttpRequest& request) {
  std::string id;
  if (const auto named = request.query.find("id_task"); named != request.query.end())
    id = named->second;
  if (request.method == "POST" && !request.body.empty()) {
    const Json body = parse_object(request.body);
    id = Fields(body).text("id_task", id);
  }
  std::shared_ptr<Task> oldest;
  for (const auto& task : context.desk.tasks())  // the newest first
    if (task->client == request.client && task->api == "sdapi" && !task->has_ended() &&
        (id.empty() || id == task->id))
      oldest = task;
  return oldest;
}

HttpResponse progress(const Context& context, const HttpRequest& request) {
  const auto task = current(context, request);
  const Status status = task ? task->status() : Status{};
  const double seconds = task ? task->drawing_seconds() : 0;
  const double left = status.share > 0 ? seconds * (1 - status.share) / status.share : 0;
  return json_response({{"progress", task ? std::max(status.share, 0.01) : 0},
                        {"eta_relative", left},
                        {"state",
                         {{"skipped", false},
                          {"interrupted", false},
                          {"stopping_generation", false},
                          {"job", task ? task->id : ""},
                          {"job_count", task ? task->pictures : 0},
                          {"job_timestamp", task ? timestamp() : "0"},
                          {"job_no", status.ended},
                          {"sampling_step", status.step},
                          {"sampling_steps", status.steps}}},
                        {"current_image", nullptr},
                        {"textinfo", nullptr}});
}

HttpResponse png_info(const Context&, const HttpRequest& request) {
  const Json body = parse_object(request.body);
  std::string_view text;
  const std::string image = Fields(body).text("image");
  text = image;
  if (text.starts_with("data:")) text.remove_prefix(std::min(text.size(), text.find(',') + 1));
  const auto bytes = from_base64(text);
  if (!bytes || bytes->empty()) refuse_field(404, "image", "Invalid image");
  picture_of(*bytes, "image");  // whether it is one
  const std::string info = read_picture_text(std::as_bytes(std::span(*bytes)), "image").parameters;
  Json parameters = Json::object();
  if (!info.empty()) {
    const Parameters parsed = parse_parameters(info);
    parameters = {{"Prompt", parsed.prompt},
                  {"Negative prompt", parsed.negative_prompt},
                  {"Steps", fmt::to_string(parsed.steps)},
                  {"Sampler", parsed.sampler},
                  {"Schedule type", parsed.schedule_type},
                  {"CFG scale", fmt::to_string(parsed.cfg_scale)},
                  {"Seed", fmt::to_string(parsed.seed)},
                  {"Size-1", fmt::to_string(parsed.width)},
                  {"Size-2", fmt::to_string(parsed.height)},
                  {"Model", parsed.model},
                  {"Model hash", parsed.model_hash}};
    for (const auto& [key, value] : parsed.others) parameters[key] = value;
  }
  const Json items = info.empty() ? Json::object() : Json{{"parameters", info}};
  return json_response({{"info", info}, {"items", items}, {"parameters", parameters}});
}

}  // namespace

void add_sdapi(Routes& routes, const Context& context) {
  const auto options = std::make_shared<SdapiOptions>(context);
  const auto add = [&](const char* method, const char* path, const char* summary, auto answer,
                       const Json& body = nullptr) {
    routes.add({method, std::string("/sdapi/v1/") + path, ErrorStyle::sdapi, summary,
                [context, answer](HttpRequest& request) { return answer(context, request); }, true,
                body});
  };
  const Json object{{"type", "object"}};
  add(
      "POST", "txt2img", "Draws pictures",
      [options](const Context& of, HttpRequest& request) { return draw(of, *options, request); },
      object);
  add(
      "POST", "img2img", "Draws pictures from another",
      [](const Context&, const HttpRequest&) -> HttpResponse {
        refuse_field(422, "init_images",
                     "no picture is drawn from another yet (txt2img takes one "
                     "in alwayson_scripts.controlnet)");
      },
      object);
  add("GET", "progress", "How far the client's picture is", progress);
  add("POST", "interrupt", "Gives the client's picture up",
      [](const Context& of, const HttpRequest& request) {
        if (const auto task = current(of, request)) task->cancel();
        return json_response(Json::object());
      });
  add("POST", "skip", "Gives up the one that is being drawn, of several",
      [](const Context& of, const HttpRequest& request) {
        if (const auto task = current(of, request)) task->skip();
        return json_response(Json::object());
      });
  add("POST", "png-info", "The settings that a PNG holds", png_info, object);
  add("GET", "options", "Settings",
      [options](const Context&, const HttpRequest&) { return json_response(options->all()); });
  add(
      "POST", "options", "Changes some of them",
      [options](const Context&, const HttpRequest& request) {
        options->set(parse_object(request.body));
        return json_response(nullptr);
      },
      object);
  add_sdapi_lists(routes, context);
}

}  // namespace drypoint::server
