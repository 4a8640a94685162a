#include "server/order_text.h"

#include <fmt/format.h>

#include <algorithm>

#include "drypoint/fields.h"
#include "server/encoding.h"
#include "server/requests.h"

namespace drypoint::server {
namespace {

/// As a plain PGM or PPM: the client waits for this, and packing a PNG takes longer than all else.
std::string as_pnm(const Image& image) {
  std::string file =
      fmt::format("P{} {} {} 255\n", image.channels == 1 ? 5 : 6, image.width, image.height);
  file.append(image.pixels.begin(), image.pixels.end());
  return file;
}

void put_picture(Json& object, const char* name, const Image& image) {
  if (!image.pixels.empty()) object[name] = to_base64(as_pnm(image));
}

/// What the catalog calls a ControlNet that the engine's requests call so.
std::string catalog_name(const Engine& engine, const std::string& name) {
  for (const auto& [entry, own] : engine.controls)
    if (own == name) return entry;
  return name;
}

Json json_of(const Request& request, const Engine& engine) {
  Json json = Json::parse(to_json(request));
  put_picture(json, request.is_edges ? "edges" : "image", request.image);
  put_picture(json, "init_image", request.init_image);
  put_picture(json, "mask", request.mask);
  for (size_t i = 0; i < request.controls.size(); ++i) {
    Json& control = json["controls"][i];
    control["name"] = catalog_name(engine, request.controls[i].name);
    put_picture(control, "image", request.controls[i].image);
    put_picture(control, "mask", request.controls[i].mask);
  }
  return json;
}

}  // namespace

std::string text_of(const Order& order) {
  const EngineChoice& choice = order.engine->choice;
  Json json{{"api", order.api},
            {"model", choice.model},
            {"vae", choice.vae},
            {"controls", choice.controls},
            {"requests", Json::array()}};
  for (const Request& request : order.requests)
    json["requests"].push_back(json_of(request, *order.engine));
  return dumped(json);
}

Order order_in(const Context& context, const Journal::Entry& entry) {
  const Json json = parse_object(entry.body);
  const Fields fields(json);
  Order order{.api = fields.text("api"), .client = entry.client, .id = entry.id};
  EngineChoice choice{.model = fields.text("model"), .vae = fields.text("vae")};
  for (const Json& name : fields.list("controls"))
    if (name.is_string()) choice.controls.push_back(name);
  order.engine = context.engines.get(choice);
  for (const Json& one : fields.list("requests")) {
    Request& request = order.requests.emplace_back();
    read_fields(one, request, {});
    put_control_names(context.engines, *order.engine, request);
  }
  if (order.requests.empty()) refuse_field(422, "requests", "found none");
  return order;
}

}  // namespace drypoint::server
