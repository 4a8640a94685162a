// OpenAI's images API.
#include <charconv>
#include <ctime>

#include "drypoint/fields.h"
#include "server/encoding.h"
#include "server/requests.h"

namespace drypoint::server {
namespace {

/// Of a request that wants pictures, whichever way they are to be sent.
struct Wish {
  Order order;
  PictureFormat format;
  std::string format_name, size;
  bool as_urls = false, stream = false;
  std::string event;  ///< "image_generation" or "image_edit"
};

/// "512x768" (width x height), or "auto" or nothing: the model's own.
std::string size_text(const std::string& text) {
  if (text.empty() || text == "auto") return "auto";
  const size_t x = text.find('x');
  int width = 0, height = 0;
  const auto number = [](std::string_view digits, int& value) {
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
    return error == std::errc() && end == digits.data() + digits.size();
  };
  if (x == text.npos || !number(std::string_view(text).substr(0, x), width) ||
      !number(std::string_view(text).substr(x + 1), height))
    refuse_field(400, "size", "\"{}\", expected WIDTHxHEIGHT or auto", text.substr(0, 60));
  return fmt::format("{}x{}", height, width);
}

/// Fields that are the API's own; all others are those of a request, as `extra_body` has them.
const std::vector<std::string> api_fields{
    "prompt",         "model", "n",          "size",       "response_format",    "output_format",
    "quality",        "style", "background", "moderation", "output_compression", "stream",
    "partial_images", "user",  "mask",       "control",    "input_fidelity",     "image"};

Wish read_wish(const Context& context, const HttpRequest& request, const Json& body) {
  const Fields fields(body);
  Wish wish{.event = "image_generation"};
  const auto engine = context.engines.get(
      [&] {
        const std::string model = fields.text("model");
        // What clients send who know of no other models.
        return model.starts_with("dall-e") || model.starts_with("gpt-image") ? "" : model;
      }(),
      fields.text("control"));
  Request picture = engine->model.defaults();
  if (fields.text("prompt").empty()) refuse_field(400, "prompt", "is empty, expected what to draw");
  if (fields.has("mask")) refuse_field(400, "mask", "expected none: there are no masks yet");
  if (fields.text("background", "auto") == "transparent")
    refuse_field(400, "background", "\"transparent\", expected auto or opaque");
  set_field(picture, "prompt", fields.text("prompt"), "prompt");
  const std::string size = size_text(fields.text("size"));
  if (size != "auto") set_field(picture, "size", size, "size");
  Json rest = Json::object();
  for (const auto& [name, value] : body.items())
    if (std::ranges::count(api_fields, name) == 0 || name == "image") rest[name] = value;
  read_fields(rest, picture, {});

  wish.format_name = fields.text("output_format", "png");
  wish.format = picture_format(wish.format_name, "output_format");
  const std::string response = fields.text("response_format", "b64_json");
  if (response != "b64_json" && response != "url")
    refuse_field(400, "response_format", "\"{}\", expected b64_json or url",
                 response.substr(0, 60));
  wish.as_urls = response == "url";
  wish.stream = fields.flag("stream", false);
  const int64_t count = fields.integer("n", 1);
  const int64_t most = std::min(10, context.desk.limits().pictures);
  if (count < 1 || count > most) refuse_field(400, "n", "{}, expected 1 to {}", count, most);
  wish.order.api = "openai";
  wish.order.client = request.client;
  wish.order.engine = engine;
  wish.order.requests = one_by_one(std::move(picture), count);
  return wish;
}

std::string url_of(const HttpRequest& request, const Task& task, size_t number) {
  const std::string_view proxy = request.header("x-forwarded-proto");
  return fmt::format("{}://{}/api/v1/jobs/{}/images/{}", proxy == "https" ? "https" : "http",
                     request.header("host"), task.id, number);
}

/// One picture, as it stands in lists and events.
Json data_of(const Wish& wish, const HttpRequest& request, const Task& task, const Result& result,
             size_t number) {
  Json one = Json::object();
  if (wish.as_urls)
    one["url"] = url_of(request, task, number);
  else
    one["b64_json"] =
        to_base64(encode_image(result.images[0], wish.format.format, result.parameters[0]));
  one["seed"] = result.seed;  // beyond the API
  return one;
}

std::string size_of(const Result& result) {
  return fmt::format("{}x{}", result.images[0].width, result.images[0].height);
}

/// The whole answer at once.
HttpResponse answer_whole(const Context& context, const HttpRequest& request, const Wish& wish,
                          const std::shared_ptr<Task>& task) {
  context.desk.finish(task, request);
  task->check();
  Json data = Json::array();
  const std::vector<Result> results = task->results();
  for (size_t i = 0; i < results.size(); ++i)
    data.push_back(data_of(wish, request, *task, results[i], i));
  return json_response({{"created", std::time(nullptr)},
                        {"data", data},
                        {"output_format", wish.format_name},
                        {"size", size_of(results.at(0))}});
}

std::string event_text(const std::string& type, Json json) {
  json["type"] = type;
  return fmt::format("event: {}\ndata: {}\n\n", type, dumped(json));
}

/// One event a picture. There are no partial ones, of which a client may get fewer than it asks
/// for.
HttpResponse answer_stream(const HttpRequest& request, const Wish& wish,
                           const std::shared_ptr<Task>& task) {
  struct Watch {
    Watch(std::shared_ptr<Task> own_task) : task(std::move(own_task)) {}
    ~Watch() { task->cancel(); }  // the client is gone, or all is done
    Watch(const Watch&) = delete;
    Watch& operator=(const Watch&) = delete;
    std::shared_ptr<Task> task;
    Task::Clock::time_point told = Task::Clock::now();
    bool ended = false;
  };
  const auto watch = std::make_shared<Watch>(task);
  HttpResponse response{.type = "text/event-stream"};
  response.headers.emplace_back("Cache-Control", "no-store");
  HttpRequest client = request;
  client.body = {};
  client.form = {};
  response.next = [watch, wish, client](std::string& text) {
    if (watch->ended) return false;
    while (!watch->task->wait_for_end(std::chrono::milliseconds(500))) {
      if (client.is_gone()) return false;
      if (Task::Clock::now() - watch->told < std::chrono::seconds(10)) continue;
      watch->told = Task::Clock::now();
      text = ": still here\n\n";
      return true;
    }
    watch->ended = true;
    try {
      watch->task->check();
      const std::vector<Result> results = watch->task->results();
      for (size_t i = 0; i < results.size(); ++i) {
        Json json = data_of(wish, client, *watch->task, results[i], i);
        json["created_at"] = std::time(nullptr);
        json["output_format"] = wish.format_name;
        json["size"] = size_of(results[i]);
        json["background"] = "opaque";
        json["quality"] = "auto";
        text += event_text(wish.event + ".completed", json);
      }
    } catch (const std::exception& error) {
      const Refusal refusal = refusal_of(error, ErrorStyle::openai);
      text = event_text("error", Json::parse(error_response(ErrorStyle::openai, refusal).body));
    }
    return true;
  };
  return response;
}

HttpResponse draw_wish(const Context& context, const HttpRequest& request, const Wish& wish) {
  const auto task = context.desk.accept(wish.order);
  return wish.stream ? answer_stream(request, wish, task)
                     : answer_whole(context, request, wish, task);
}

HttpResponse generations(const Context& context, HttpRequest& request) {
  const Json body = parse_object(request.body);
  request.body = {};
  return draw_wish(context, request, read_wish(context, request, body));
}

/// A form's text as the JSON that the field takes.
Json json_of(const std::string& name, const std::string& text) {
  for (const char* of_text : {"prompt", "model", "size", "negative_prompt", "added_prompt", "user"})
    if (name == of_text) return text;
  const Json value = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  return value.is_number() || value.is_boolean() || value.is_null() ? value : Json(text);
}

/// The picture's edges steer.
HttpResponse edits(const Context& context, HttpRequest& request) {
  Json body = Json::object();
  if (request.form.empty()) body = parse_object(request.body);
  for (const FormPart& part : request.form) {
    if (part.name != "image" && part.name != "image[]") {
      body[part.name] = part.name == "mask" ? Json("") : json_of(part.name, part.data);
      continue;
    }
    if (body.contains("image")) refuse_field(400, "image", "found two, expected one picture");
    body["image"] = to_base64(part.data);
  }
  request.form = {};
  if (!body.contains("image")) refuse_field(400, "image", "none was given, expected a picture");
  Wish wish = read_wish(context, request, body);
  wish.event = "image_edit";
  return draw_wish(context, request, wish);
}

HttpResponse model_list(const Context& context, const HttpRequest&) {
  Json data = Json::array();
  for (const CatalogEntry& entry : context.catalog.all(FileKind::checkpoint))
    data.push_back(
        {{"id", entry.name}, {"object", "model"}, {"created", 0}, {"owned_by", "drypoint"}});
  return json_response({{"object", "list"}, {"data", data}});
}

HttpResponse one_model(const Context& context, const HttpRequest& request) {
  const std::string& id = request.from_path.at("id");
  for (const CatalogEntry& entry : context.catalog.all(FileKind::checkpoint))
    if (entry.name == id)
      return json_response(
          {{"id", entry.name}, {"object", "model"}, {"created", 0}, {"owned_by", "drypoint"}});
  refuse_field(404, "model", "there is no model \"{}\" here", id.substr(0, 60));
}

}  // namespace

void add_openai(Routes& routes, const Context& context) {
  const auto add = [&](const char* method, const char* path, const char* summary, auto answer,
                       const Json& body = nullptr) {
    routes.add({method, path, ErrorStyle::openai, summary,
                [context, answer](HttpRequest& request) { return answer(context, request); }, true,
                body});
  };
  const Json object{{"type", "object"}, {"required", {"prompt"}}};
  add("POST", "/v1/images/generations", "Draws pictures", generations, object);
  add("POST", "/v1/images/edits", "Draws pictures along the edges of one", edits, object);
  add("GET", "/v1/models", "Base models", model_list);
  add("GET", "/v1/models/{id}", "One of them", one_model);
}

}  // namespace drypoint::server
