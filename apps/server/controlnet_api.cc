// The API of the web UI's ControlNet extension.
#include <algorithm>
#include <cctype>

#include "server/controlnet_units.h"
#include "server/encoding.h"

namespace drypoint::server {
namespace {

Json model_names(const Context& context) {
  Json names = Json::array();
  for (const CatalogEntry& entry : context.catalog.all(FileKind::control))
    names.push_back(entry.name);
  return names;
}

HttpResponse module_list(const Context&, const HttpRequest& request) {
  const auto alias = request.query.find("alias_names");
  const bool labels =
      alias != request.query.end() && (alias->second == "true" || alias->second == "1");
  Json names = Json::array(), detail = Json::object();
  for (const Module& module : modules()) {
    Json sliders = Json::array();
    for (const auto& slider : module.sliders)
      sliders.push_back({{"name", slider.name},
                         {"value", slider.usual},
                         {"min", slider.least},
                         {"max", slider.most},
                         {"step", slider.step}});
    names.push_back(labels ? module.label : module.name);
    detail[labels ? module.label : module.name] = {{"model_free", false}, {"sliders", sliders}};
  }
  return json_response({{"module_list", names}, {"module_detail", detail}});
}

HttpResponse control_types(const Context& context, const HttpRequest&) {
  Json names = Json::array();
  for (const Module& module : modules()) names.push_back(module.name);
  Json models = model_names(context);
  const Json first = models.empty() ? Json("None") : models[0];
  models.insert(models.begin(), "None");
  const auto type = [&](const char* usual) -> Json {
    return {{"module_list", names},
            {"model_list", models},
            {"default_option", usual},
            {"default_model", first}};
  };
  return json_response({{"control_types", {{"All", type("none")}, {"Canny", type("canny")}}}});
}

HttpResponse detect(const Context&, const HttpRequest& request) {
  const Json body = parse_object(request.body);
  const Fields fields(body);
  const std::string asked = fields.text("controlnet_module", "none");
  const auto known = std::ranges::find_if(modules(), [&](const Module& module) {
    return module.name == asked || module.label == asked;
  });
  if (known == modules().end()) refuse_field(422, "controlnet_module", "Module not available");
  // The second name is what one client sends.
  const Json& pictures = fields.has("controlnet_input_images")
                             ? fields.list("controlnet_input_images")
                             : fields.list("controlnet_images");
  if (pictures.empty()) refuse_field(422, "controlnet_input_images", "No image selected");
  if (pictures.size() > 16)
    refuse_field(413, "controlnet_input_images", "{} pictures, expected at most 16",
                 pictures.size());
  for (const Json& mask : fields.list("controlnet_masks"))
    if (!mask.is_null() && !(mask.is_string() && mask.get<std::string>().empty()))
      refuse_field(422, "controlnet_masks", "expected none: there are no masks yet");
  const auto setting = [&](const char* name, double usual, double least, double most) {
    const double value = fields.number(name, -1);
    return value >= least && value <= most ? value : usual;
  };
  Json images = Json::array();
  for (size_t i = 0; i < pictures.size(); ++i) {
    const std::string where = fmt::format("controlnet_input_images[{}]", i);
    if (!pictures[i].is_string()) refuse_field(422, where, "expected a picture in base64");
    Image image = picture_from(pictures[i].get<std::string>(), where).image;
    if (known->name == "canny")
      image = control_edges(
          image,
          {.resolution = static_cast<int>(setting("controlnet_processor_res", 512, 64, 2048)),
           .low_threshold = setting("controlnet_threshold_a", 100, 1, 255),
           .high_threshold = setting("controlnet_threshold_b", 200, 1, 255)});
    images.push_back(to_base64(encode_png(image)));
  }
  return json_response({{"images", images}, {"info", "Success"}, {"poses", Json::array()}});
}

}  // namespace

void add_controlnet(Routes& routes, const Context& context) {
  const auto add = [&](const char* method, const char* path, const char* summary, auto answer,
                       const Json& body = nullptr) {
    routes.add({method, std::string("/controlnet/") + path, ErrorStyle::sdapi, summary,
                [context, answer](HttpRequest& request) { return answer(context, request); }, true,
                body});
  };
  add("GET", "version", "Of this API", [](const Context&, const HttpRequest&) {
    return json_response({{"version", 3}});
  });
  add("GET", "model_list", "ControlNets (?update=true looks into the folders again)",
      [](const Context& of, const HttpRequest& request) {
        if (request.query.contains("update")) of.catalog.refresh();
        return json_response({{"model_list", model_names(of)}});
      });
  add("GET", "module_list", "Preprocessors", module_list);
  add("GET", "control_types", "Preprocessors and ControlNets that go together", control_types);
  add("GET", "settings", "Of the extension", [](const Context&, const HttpRequest&) {
    return json_response({{"control_net_unit_count", 3}});
  });
  add("POST", "detect", "What a preprocessor makes of pictures", detect, {{"type", "object"}});
}

}  // namespace drypoint::server
