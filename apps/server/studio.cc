// What the page asks for beside jobs: what there is, and edges while thresholds move.
#include "drypoint/fields.h"
#include "drypoint/preprocess.h"
#include "drypoint/version.h"
#include "server/encoding.h"
#include "server/requests.h"

namespace drypoint::server {
namespace {

Json names_of(const Catalog& catalog, FileKind kind) {
  Json names = Json::array();
  for (const CatalogEntry& entry : catalog.all(kind)) names.push_back(entry.name);
  return names;
}

const char* type_name(FieldType type) {
  if (type == FieldType::integer) return "integer";
  if (type == FieldType::number) return "number";
  if (type == FieldType::flag) return "flag";
  if (type == FieldType::list) return "list";
  return type == FieldType::word ? "word" : "text";
}

/// Those that can be had here.
Json preprocessors_json(const Model& model) {
  const auto number = [](const PreprocessNumber& of) -> Json {
    if (of.meaning.empty()) return nullptr;
    return {{"meaning", of.meaning}, {"usual", of.usual}, {"least", of.least}, {"most", of.most}};
  };
  Json list = Json::array();
  for (const Preprocessor& one : preprocessors())
    if (model.can_preprocess(one))
      list.push_back({{"name", one.name},
                      {"controls", one.controls},
                      {"help", one.help},
                      {"threshold_a", number(one.threshold_a)},
                      {"threshold_b", number(one.threshold_b)}});
  return list;
}

HttpResponse info(const Context& context, const HttpRequest&) {
  const auto engine = context.engines.get();
  Json samplers = Json::array();
  for (const auto sampler : sampler_names()) samplers.push_back(sampler);
  Json schedules = Json::array();
  for (int i = 0; i <= static_cast<int>(ScheduleKind::lcm); ++i)
    schedules.push_back(name(static_cast<ScheduleKind>(i)));
  const Limits& limits = context.desk.limits();
  return json_response({{"version", version()},
                        {"device", engine->model.description().device},
                        {"model", engine->choice.model},
                        {"models", names_of(context.catalog, FileKind::checkpoint)},
                        {"controls", names_of(context.catalog, FileKind::control)},
                        {"vaes", names_of(context.catalog, FileKind::vae)},
                        {"loras", names_of(context.catalog, FileKind::lora)},
                        {"embeddings", names_of(context.catalog, FileKind::embedding)},
                        {"preprocessors", preprocessors_json(engine->model)},
                        {"samplers", samplers},
                        {"schedules", schedules},
                        {"defaults", Json::parse(to_json(engine->model.defaults()))},
                        {"limits",
                         {{"pixels", limits.pixels},
                          {"steps", limits.steps},
                          {"pictures", limits.pictures},
                          {"waiting", limits.waiting}}},
                        {"in_work", context.desk.pictures_in_work()}});
}

HttpResponse fields(const Context& context, const HttpRequest&) {
  const Json defaults = Json::parse(to_json(context.engines.get()->model.defaults()));
  Json list = Json::array();
  for (const auto& field : request_fields())
    if (is_for_clients(field))
      list.push_back({{"name", field.name},
                      {"type", type_name(field.type)},
                      {"expected", field.expected},
                      {"help", field.help},
                      {"default", defaults.at(field.name)}});
  return json_response({{"fields", list}});
}

HttpResponse edges_of(const Context&, const HttpRequest& request) {
  const Json body = parse_object(request.body);
  Request settings;
  read_fields(body, settings, {});
  if (settings.image.width == 0 || settings.is_edges)
    refuse_field(422, "image", "none was given, expected a picture");
  const ImageSize size = largest_size(settings);
  if (int64_t{size.width} * size.height > 16'000'000)
    refuse_field(413, "resolution", "expected at most 16 megapixels");
  const Image edges = control_edges(settings.image, {settings.resolution, settings.low_threshold,
                                                     settings.high_threshold, settings.size});
  return {.body = encode_png(edges), .type = "image/png"};
}

/// A picture's hint at the size that is drawn, as it would steer.
HttpResponse hint_of(const Context& context, const HttpRequest& request) {
  const Json body = parse_object(request.body);
  Json control = Json::object();
  for (const auto& [name, value] : body.items())
    if (name != "size") control[name] = value;
  Request settings;
  read_fields({{"size", Fields(body).text("size", "auto")}, {"controls", {control}}}, settings, {});
  const Control& asked = settings.controls.at(0);
  if (asked.image.pixels.empty()) refuse_field(422, "image", "none was given, expected a picture");
  for (const auto& field : control_fields()) field.check(asked);
  const ImageSize size = largest_size(settings);
  const int64_t pixels = int64_t{size.width} * size.height;
  if (pixels > context.desk.limits().pixels)
    refuse_field(413, "pixels", "{}, expected at most {} here", pixels,
                 context.desk.limits().pixels);
  const Preprocessor& preprocessor = asked.preprocessor == "auto"
                                         ? preprocessor_for(asked.name)
                                         : preprocessor_named(asked.preprocessor);
  PreprocessOptions options{asked.threshold_a, asked.threshold_b, {}, 0};
  if (!asked.mask.pixels.empty()) options.mask = resize_for_control(asked.mask, size, asked.resize);
  Image hint;
  context.desk.answer_at_once(request, [&](const std::function<bool()>& stop) {
    hint = context.engines.get()->model.preprocess(
        preprocessor, resize_for_control(asked.image, size, asked.resize), options, stop);
  });
  return {.body = encode_png(hint), .type = "image/png"};
}

}  // namespace

void add_studio(Routes& routes, const Context& context) {
  const auto add = [&](const char* method, const char* path, const char* summary, auto answer,
                       const Json& body = nullptr) {
    routes.add({method, path, ErrorStyle::own, summary,
                [context, answer](HttpRequest& request) { return answer(context, request); }, true,
                body});
  };
  add("GET", "/api/v1/info", "Models, samplers, defaults, limits", info);
  add("GET", "/api/v1/fields", "What a job can say", fields);
  add("POST", "/api/v1/hints", "What a ControlNet would see of a picture, as PNG", hint_of,
      {{"type", "object"}, {"required", {"image"}}});
  add("POST", "/api/v1/edges", "A picture's edges, as PNG", edges_of,
      {{"type", "object"}, {"required", {"image"}}});
}

}  // namespace drypoint::server
