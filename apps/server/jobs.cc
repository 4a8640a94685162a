// Our own API: jobs that one submits, watches and fetches.
#include <charconv>

#include "drypoint/fields.h"
#include "drypoint/preprocess.h"
#include "server/encoding.h"
#include "server/order_text.h"
#include "server/requests.h"

namespace drypoint::server {
namespace {

int64_t milliseconds_since_1970(std::chrono::system_clock::time_point time) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(time.time_since_epoch()).count();
}

Json status_json(const Task& task) {
  const Status status = task.status();
  Json json{{"id", task.id},
            {"state", name(status.state)},
            {"place", status.place},
            {"stage", name(status.stage)},
            {"step", status.step},
            {"steps", status.steps},
            {"progress", status.share},
            {"previews", task.previews()},
            {"pictures", task.pictures},
            {"done", status.done},
            {"model", task.model},
            {"api", task.api},
            {"created_ms", milliseconds_since_1970(task.created)},
            {"seconds", task.drawing_seconds()},
            {"settings", task.settings}};
  if (status.state == JobState::failed || status.state == JobState::cancelled) try {
      task.check();
    } catch (const std::exception& error) {
      json["error"] = error.what();
    }
  return json;
}

HttpResponse submit(const Context& context, const HttpRequest& request) {
  const Json body = parse_object(request.body);
  const Fields fields(body);
  Order order{.api = "jobs", .client = request.client, .id = fields.text("id")};
  order.engine = engine_for(context, fields.text("model"), body);
  Request picture = order.engine->model.defaults();
  picture.seed.reset();
  read_fields(body, picture, {"id", "model", "vae", "control"});
  steer_by(context, *order.engine, fields.text("control"), picture);
  order.requests.push_back(std::move(picture));
  const auto task = context.desk.accept(std::move(order));
  HttpResponse response = json_response(status_json(*task), 202);
  response.headers.emplace_back("Location", "/api/v1/jobs/" + task->id);
  return response;
}

HttpResponse list(const Context& context, const HttpRequest& request) {
  Json json = Json::array();
  for (const auto& task : context.desk.tasks())
    if (task->client == request.client) json.push_back(status_json(*task));
  return json_response({{"jobs", json}});
}

/// Those of a job that has been drawn; else throws what became of it, or 409 while it is not done.
std::vector<Result> results_of(const Task& task) {
  task.check();
  if (!task.has_ended())
    refuse(409, "job: {} is {}, expected done", task.id, name(task.status().state));
  return task.results();
}

HttpResponse result(const Context& context, const HttpRequest& request) {
  const auto task = own_task(context.desk, request);
  Json json{{"id", task->id}, {"images", Json::array()}, {"parameters", Json::array()}};
  for (const Result& one : results_of(*task)) {
    for (size_t i = 0; i < one.images.size(); ++i) {
      json["images"].push_back(
          to_base64(encode_image(one.images[i], ImageFormat::png, one.parameters[i])));
      json["parameters"].push_back(one.parameters[i]);
    }
    json["seed"] = one.seed;
    json["notices"] = one.notices;
    for (const auto& [stage, seconds] : one.seconds) json["seconds"][stage] = seconds;
    if (one.edges.width > 0) json["edges"] = to_base64(encode_png(one.edges));
    for (const Image& hint : one.hints) json["hints"].push_back(to_base64(encode_png(hint)));
  }
  return json_response(json);
}

/// Of a thumbnail whose longer side is so long.
Image thumbnail(const Image& image, const std::string& side_text) {
  int side = 0;
  const auto [end, error] =
      std::from_chars(side_text.data(), side_text.data() + side_text.size(), side);
  if (error != std::errc() || *end != '\0' || side < 16 || side > 1024)
    refuse_field(422, "side", "\"{}\", expected 16 to 1024", side_text.substr(0, 32));
  const double scale =
      std::min(1.0, static_cast<double>(side) / std::max(image.width, image.height));
  const auto scaled = [&](int length) { return std::max(1, static_cast<int>(length * scale)); };
  return resize_for_control(image, {scaled(image.width), scaled(image.height)},
                            ResizeMode::stretch);
}

HttpResponse preview(const Context& context, const HttpRequest& request) {
  const auto task = own_task(context.desk, request);
  const auto image = task->preview();
  if (!image) refuse(404, "job: {} has no preview at this time", task->id);
  return {
      .body = encode_png(*image), .type = "image/png", .headers = {{"Cache-Control", "no-store"}}};
}

HttpResponse picture(const Context& context, const HttpRequest& request) {
  const std::string& number = request.from_path.at("number");
  const auto task = own_task(context.desk, request);
  size_t index = 0;
  const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), index);
  const auto format = request.query.find("format");
  const auto [kind, type] =
      picture_format(format == request.query.end() ? "png" : format->second, "format");
  if (error == std::errc() && end == number.data() + number.size())
    for (const Result& one : results_of(*task)) {
      if (index < one.images.size()) {
        const auto side = request.query.find("side");
        const Image& image = one.images[index];
        if (side != request.query.end())
          return {.body = encode_image(thumbnail(image, side->second), kind), .type = type};
        return {.body = encode_image(image, kind, one.parameters[index]), .type = type};
      }
      index -= one.images.size();
    }
  refuse_field(404, "number", "job {} has no picture \"{}\"", task->id, number.substr(0, 32));
}

HttpResponse edges(const Context& context, const HttpRequest& request) {
  const auto task = own_task(context.desk, request);
  for (const Result& one : results_of(*task))
    if (one.edges.width > 0) return {.body = encode_png(one.edges), .type = "image/png"};
  refuse(404, "job: {} was drawn without edges", task->id);
}

HttpResponse cancel(const Context& context, const HttpRequest& request) {
  const auto task = own_task(context.desk, request);
  task->cancel();
  return json_response(status_json(*task));
}

/// Server-sent events: the status at each change, the last named by how it ended.
HttpResponse events(const Context& context, const HttpRequest& request) {
  const auto task = own_task(context.desk, request);
  struct Watch {
    uint64_t seen = ~uint64_t{0};  // so that the first comes at once
    Task::Clock::time_point told = Task::Clock::now();
    bool ended = false;
  };
  const auto watch = std::make_shared<Watch>();
  HttpResponse response{.type = "text/event-stream"};
  response.headers.emplace_back("Cache-Control", "no-store");
  response.next = [task, watch, client = request](std::string& text) {
    if (watch->ended) return false;
    while (text.empty()) {
      const uint64_t before = watch->seen;
      task->wait_for_change(watch->seen, std::chrono::milliseconds(500));
      if (client.is_gone()) return false;
      const auto now = Task::Clock::now();
      if (watch->seen != before) {
        watch->ended = task->has_ended();
        const Json status = status_json(*task);
        text = fmt::format("event: {}\ndata: {}\n\n",
                           watch->ended ? status["state"].get<std::string>() : "status",
                           dumped(status));
        watch->told = now;
      } else if (now - watch->told > std::chrono::seconds(10)) {
        text = ": still here\n\n";
        watch->told = now;
      }
    }
    return true;
  };
  return response;
}

template <class Settings>
Json schema_of(const Field<Settings>& field) {
  const char* type = field.type == FieldType::integer  ? "integer"
                     : field.type == FieldType::number ? "number"
                     : field.type == FieldType::flag   ? "boolean"
                     : field.type == FieldType::list   ? "array"
                                                       : "string";
  Json one{{"type", type}, {"description", field.help + " (" + field.expected + ")"}};
  if (field.type == FieldType::list) one["items"] = {{"type", "string"}};
  return one;
}

/// What a job takes, as JSON schema: the fields of a request and its picture.
Json job_schema() {
  Json properties = Json::object();
  const Request usual;
  const Json defaults = Json::parse(to_json(usual));
  for (const auto& field : request_fields()) {
    if (!is_for_clients(field)) continue;
    Json one = schema_of(field);
    if (!defaults.at(field.name).is_null()) one["default"] = defaults.at(field.name);
    properties[field.name] = one;
  }
  const auto text = [&](const char* property, const char* description) {
    properties[property] = {{"type", "string"}, {"description", description}};
  };
  Json control = Json::object();
  for (const auto& field : control_fields()) control[field.name] = schema_of(field);
  control["image"] = control["mask"] = {{"type", "string"}, {"description", "Base64"}};
  properties["controls"] = {
      {"type", "array"},
      {"description", "What steers instead of image, each through a ControlNet"},
      {"items", {{"type", "object"}, {"properties", control}, {"additionalProperties", false}}}};
  text("image", "Picture whose edges steer: base64 or a data URL");
  text("edges", "Ready edges instead, taken at their own size");
  text("init_image", "Picture to begin with");
  text("mask", "What of it is to be painted: white");
  text("model", "One of GET /api/v1/info");
  text("vae", "One of GET /api/v1/info");
  text("control", "ControlNet of image or edges, one of GET /api/v1/info");
  text("id", "Of the job; without one it gets one");
  return {{"type", "object"}, {"properties", properties}, {"additionalProperties", false}};
}

}  // namespace

size_t accept_again(const Context& context) {
  size_t lost = 0;
  for (const Journal::Entry& entry : context.journal->all()) try {
      context.desk.accept(order_in(context, entry));
    } catch (const std::exception&) {  // its model is gone, or limits are others
      context.journal->remove(entry.id);
      lost += 1;
    }
  return lost;
}

void add_jobs(Routes& routes, const Context& context) {
  const auto add = [&](const char* method, const char* path, const char* summary, auto answer,
                       const Json& body = nullptr) {
    routes.add({method, path, ErrorStyle::own, summary,
                [context, answer](HttpRequest& request) { return answer(context, request); }, true,
                body});
  };
  add("POST", "/api/v1/jobs", "Submits a job", submit, job_schema());
  add("GET", "/api/v1/jobs", "Your jobs, the newest first", list);
  add("GET", "/api/v1/jobs/{id}", "How far a job is",
      [](const Context& of, const HttpRequest& request) {
        return json_response(status_json(*own_task(of.desk, request)));
      });
  add("DELETE", "/api/v1/jobs/{id}", "Gives a job up", cancel);
  add("GET", "/api/v1/jobs/{id}/events", "The same as server-sent events", events);
  add("GET", "/api/v1/jobs/{id}/result", "Pictures in base64, and their settings", result);
  add("GET", "/api/v1/jobs/{id}/images/{number}",
      "One picture (?format=png, jpeg or webp; ?side= makes it a thumbnail)", picture);
  add("GET", "/api/v1/jobs/{id}/preview", "The picture at hand as it stands, small, as PNG",
      preview);
  add("GET", "/api/v1/jobs/{id}/edges", "The edges that steered it, as PNG", edges);
}

}  // namespace drypoint::server
