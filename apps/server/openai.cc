// OpenAI's images API.
#include <charconv>
#include <ctime>
#include <map>

#include "drypoint/fields.h"
#include "drypoint/preprocess.h"
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
  int64_t partial_images = 0;  ///< previews that are sent while it is drawn, at most
  std::string event;           ///< "image_generation" or "image_edit"
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
    "prompt",  "model", "n",          "size",           "response_format",    "output_format",
    "quality", "style", "background", "moderation",     "output_compression", "stream",
    "user",    "vae",   "control",    "partial_images", "input_fidelity"};

/// What an edit begins with: a picture and perhaps what of it is to be painted.
struct Source {
  Image image, mask = {0, 0, 1, {}};
};

Wish read_wish(const Context& context, const HttpRequest& request, const Json& body,
               const Source& source = {}) {
  const Fields fields(body);
  Wish wish{.event = "image_generation"};
  const std::string model = fields.text("model");
  // What clients send who know of no other models.
  const bool is_theirs = model.starts_with("dall-e") || model.starts_with("gpt-image");
  const auto engine = engine_for(context, is_theirs ? "" : model, body);
  Request picture = engine->model.defaults();
  if (fields.text("prompt").empty()) refuse_field(400, "prompt", "is empty, expected what to draw");
  if (fields.text("background", "auto") == "transparent")
    refuse_field(400, "background", "\"transparent\", expected auto or opaque");
  set_field(picture, "prompt", fields.text("prompt"), "prompt");
  const std::string size = size_text(fields.text("size"));
  if (size != "auto") set_field(picture, "size", size, "size");
  Json rest = Json::object();
  for (const auto& [name, value] : body.items())
    if (std::ranges::count(api_fields, name) == 0) rest[name] = value;
  if (source.mask.pixels.empty()) {
    picture.image = source.image;
  } else {
    picture.init_image = source.image;
    picture.mask = source.mask;
    picture.denoising_strength = 1;
  }
  read_fields(rest, picture, {});
  steer_by(context, *engine, fields.text("control"), picture);

  wish.format_name = fields.text("output_format", "png");
  wish.format = picture_format(wish.format_name, "output_format");
  const std::string response = fields.text("response_format", "b64_json");
  if (response != "b64_json" && response != "url")
    refuse_field(400, "response_format", "\"{}\", expected b64_json or url",
                 response.substr(0, 60));
  wish.as_urls = response == "url";
  wish.stream = fields.flag("stream", false);
  wish.partial_images = fields.integer("partial_images", 0);
  if (wish.partial_images < 0 || wish.partial_images > 3)
    refuse_field(400, "partial_images", "{}, expected 0 to 3", wish.partial_images);
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
                        {"data", std::move(data)},
                        {"output_format", wish.format_name},
                        {"size", size_of(results.at(0))}});
}

HttpRequest without_body(HttpRequest request) {
  request.body = {};
  request.form = {};
  return request;
}

std::string event_text(const std::string& type, Json json) {
  json["type"] = type;
  return fmt::format("event: {}\ndata: {}\n\n", type, dumped(json));
}

/// A picture that is being drawn and those who watch it.
class Watch {
 public:
  Watch(Wish wish, HttpRequest client, std::shared_ptr<Task> task)
      : wish_(std::move(wish)), client_(std::move(client)), task_(std::move(task)) {}
  ~Watch() { task_->cancel(); }  // the client is gone, or all is done
  Watch(const Watch&) = delete;
  Watch& operator=(const Watch&) = delete;

  /// The next of its events; false after the last.
  bool next(std::string& text) {
    if (ended_) return false;
    while (text.empty()) {
      task_->wait_for_change(seen_, std::chrono::milliseconds(500));
      if (client_.is_gone()) return false;
      if (task_->has_ended())
        text = last_events();
      else if (is_time_for_partial())
        text = partial_event();
      else if (Task::Clock::now() - told_ > std::chrono::seconds(10))
        text = ": still here\n\n";
    }
    told_ = Task::Clock::now();
    return true;
  }

 private:
  /// They are spread evenly over the work, as far as there are previews by then.
  bool is_time_for_partial() const {
    const double due =
        static_cast<double>(partials_ + 1) / static_cast<double>(wish_.partial_images + 1);
    return partials_ < wish_.partial_images && task_->preview() && task_->status().share >= due;
  }

  /// A preview has a pixel for each of the latent's, or, of a tiny VAE, all of the picture's.
  ImageSize shown_size(const Image& preview) const {
    const ImageSize drawn = largest_size(wish_.order.requests.at(0));
    const int times = 8 * preview.width <= drawn.width ? 8 : 1;
    return {times * preview.width, times * preview.height};
  }

  std::string partial_event() {
    const auto preview = task_->preview();
    if (!preview) return "";
    const ImageSize size = shown_size(*preview);
    const Image large = resize_for_control(*preview, size, ResizeMode::stretch);
    Json json{{"b64_json", to_base64(encode_image(large, wish_.format.format))},
              {"partial_image_index", partials_++}};
    add_facts(json, size);
    return event_text(wish_.event + ".partial_image", json);
  }

  std::string last_events() {
    ended_ = true;
    std::string text;
    try {
      task_->check();
      const std::vector<Result> results = task_->results();
      for (size_t i = 0; i < results.size(); ++i) {
        Json json = data_of(wish_, client_, *task_, results[i], i);
        add_facts(json, {results[i].images[0].width, results[i].images[0].height});
        text += event_text(wish_.event + ".completed", json);
      }
    } catch (const std::exception& error) {
      const Refusal refusal = refusal_of(error, ErrorStyle::openai);
      text = event_text("error", Json::parse(error_response(ErrorStyle::openai, refusal).body));
    }
    return text;
  }

  void add_facts(Json& json, ImageSize size) const {
    json["created_at"] = std::time(nullptr);
    json["output_format"] = wish_.format_name;
    json["size"] = fmt::format("{}x{}", size.width, size.height);
    json["background"] = "opaque";
    json["quality"] = "auto";
  }

  const Wish wish_;
  const HttpRequest client_;
  const std::shared_ptr<Task> task_;
  Task::Clock::time_point told_ = Task::Clock::now();
  uint64_t seen_ = 0;
  int64_t partials_ = 0;
  bool ended_ = false;
};

HttpResponse answer_stream(const HttpRequest& request, const Wish& wish,
                           const std::shared_ptr<Task>& task) {
  const auto watch = std::make_shared<Watch>(wish, without_body(request), task);
  HttpResponse response{.type = "text/event-stream"};
  response.headers.emplace_back("Cache-Control", "no-store");
  response.next = [watch](std::string& text) { return watch->next(text); };
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

/// What a picture's transparency or a mask's says is painted; without either the edges steer.
Source source_of(ReadImage image, const std::optional<ReadImage>& mask) {
  if (mask && mask->alpha.pixels.empty())
    refuse_field(400, "mask", "is opaque, expected a picture that is transparent where to paint");
  return {std::move(image.image),
          mask_of_alpha(mask ? mask->alpha : image.alpha, /*transparent_is_painted=*/true)};
}

HttpResponse edits(const Context& context, HttpRequest& request) {
  Json body = Json::object();
  std::map<std::string, ReadImage> pictures;
  const auto keep = [&](const std::string& name, ReadImage picture) {
    if (!pictures.emplace(name, std::move(picture)).second)
      refuse_field(400, name, "found two, expected one picture");
  };
  for (const FormPart& part : request.form) {
    const std::string name = part.name == "image[]" ? "image" : part.name;
    if (name == "image" || name == "mask")
      keep(name, picture_of(part.data, name));
    else
      body[part.name] = json_of(part.name, part.data);
  }
  if (request.form.empty()) {
    body = parse_object(request.body);
    for (const char* name : {"image", "mask"}) {
      const Fields fields(body);
      if (fields.has(name)) keep(name, picture_from(fields.text(name), name));
      body.erase(name);
    }
  }
  request = without_body(std::move(request));
  if (!pictures.contains("image")) refuse_field(400, "image", "none was given, expected a picture");
  const auto mask = pictures.find("mask");
  Wish wish =
      read_wish(context, request, body,
                source_of(std::move(pictures.at("image")),
                          mask == pictures.end() ? std::nullopt : std::optional(mask->second)));
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
  add("POST", "/v1/images/edits", "Draws over a part of a picture, or along its edges", edits,
      object);
  add("GET", "/v1/models", "Base models", model_list);
  add("GET", "/v1/models/{id}", "One of them", one_model);
}

}  // namespace drypoint::server
