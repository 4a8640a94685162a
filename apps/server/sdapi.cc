// The web UI's API: pictures, and how far they are.
#include <ctime>

#include "drypoint/parameters.h"
#include "drypoint/version.h"
#include "server/encoding.h"
#include "server/requests.h"
#include "server/sdapi_extras.h"
#include "server/sdapi_lists.h"
#include "server/sdapi_request.h"

namespace drypoint::server {
namespace {

std::string timestamp() {
  const std::time_t now = std::time(nullptr);
  std::tm local{};
  ::localtime_r(&now, &local);
  char text[32];
  std::strftime(text, sizeof(text), "%Y%m%d%H%M%S", &local);
  return text;
}

/// What the web UI says of a drawing: a JSON text.
std::string info_of(const Json& body, const Json& parameters_sent, const Drawing& drawing,
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
            {"subseed", drawing.is_variation ? Json(drawing.subseed) : Json(-1)},
            {"all_subseeds", Json::array()},
            {"subseed_strength", fields.number("subseed_strength", 0)},
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
            {"seed_resize_from_w", fields.integer("seed_resize_from_w", -1)},
            {"seed_resize_from_h", fields.integer("seed_resize_from_h", -1)},
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
    info["all_subseeds"].push_back(
        drawing.is_variation ? drawing.subseed + info["all_subseeds"].size() : result.seed);
    info["infotexts"].push_back(result.parameters[0]);
  }
  return dumped(info);
}

HttpResponse draw(const Context& context, SdapiOptions& options, HttpRequest& request,
                  bool is_img2img) {
  const auto begun = Task::Clock::now();
  Json body = parse_object(request.body);
  request.body = {};
  Drawing drawing = read_drawing(context, options, request, body, is_img2img);
  const ImageFormat format = picture_format(drawing.format, "samples_format").format;
  const auto task = context.desk.accept(std::move(drawing.order));
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
    for (size_t i = 0; i < drawing.units.size() && !results.empty(); ++i)
      if (drawing.units[i].save_detected_map)
        images.push_back(to_base64(encode_png(results[0].hints.at(i))));
  }
  body["alwayson_scripts"] = Json::object();  // pictures are not sent back
  if (!Fields(body).flag("include_init_images", false))
    for (const char* name : {"init_images", "mask"})
      if (body.contains(name)) body[name] = nullptr;
  for (const auto& [name, usual] : {std::pair("width", Json(512)),
                                    {"height", Json(512)},
                                    {"cfg_scale", Json(7.0)},
                                    {"steps", Json(50)},
                                    {"batch_size", Json(1)},
                                    {"denoising_strength", Json(nullptr)}})
    if (!body.contains(name)) body[name] = usual;
  HttpResponse response = json_response({{"images", std::move(images)},
                                         {"parameters", body},
                                         {"info", info_of(body, body, drawing, results)}});
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
  const auto skipped = request.query.find("skip_current_image");
  const auto shown = task ? task->preview() : nullptr;
  Json preview = nullptr;
  if (shown && (skipped == request.query.end() || skipped->second != "true"))
    preview = to_base64(encode_png(*shown));
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
                        {"current_image", preview},
                        {"textinfo", nullptr}});
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
  for (const bool is_img2img : {false, true})
    add(
        "POST", is_img2img ? "img2img" : "txt2img",
        is_img2img ? "Draws pictures from another" : "Draws pictures",
        [options, is_img2img](const Context& of, HttpRequest& request) {
          return draw(of, *options, request, is_img2img);
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
  add_sdapi_extras(routes, context);
}

}  // namespace drypoint::server
