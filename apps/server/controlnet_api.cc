// The API of the web UI's ControlNet extension.
#include <algorithm>
#include <cctype>
#include <map>

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

/// Those that can be had here.
std::vector<Module> own_modules(const Context& context) {
  const auto engine = context.engines.get();
  std::vector<Module> own;
  for (const Module& module : modules())
    if (engine->model.can_preprocess(*module.preprocessor)) own.push_back(module);
  return own;
}

HttpResponse module_list(const Context& context, const HttpRequest&) {
  Json names = Json::array(), detail = Json::object();
  for (const Module& module : own_modules(context)) {
    Json sliders = Json::array();
    for (const auto& slider : module.sliders)
      sliders.push_back({{"name", slider.name},
                         {"value", slider.usual},
                         {"min", slider.least},
                         {"max", slider.most},
                         {"step", slider.step}});
    names.push_back(module.name());
    detail[module.name()] = {{"model_free", false}, {"sliders", sliders}};
  }
  return json_response({{"module_list", names}, {"module_detail", detail}});
}

/// What the extension calls a kind of ControlNet, by which clients choose.
std::string title_of(const std::string& kind) {
  static const std::map<std::string, std::string> titles{{"mlsd", "MLSD"},
                                                         {"normalbae", "NormalMap"},
                                                         {"openpose", "OpenPose"},
                                                         {"softedge", "SoftEdge"}};
  if (const auto found = titles.find(kind); found != titles.end()) return found->second;
  std::string title = kind;
  title[0] = static_cast<char>(std::toupper(static_cast<unsigned char>(title[0])));
  return title;
}

/// For each kind of ControlNet what makes its hints, and those whose names tell that they are of
/// the kind.
HttpResponse control_types(const Context& context, const HttpRequest&) {
  const Json models = model_names(context);
  Json all_modules = Json::array(), types = Json::object();
  std::map<std::string, Json> of_kind;
  for (const Module& module : own_modules(context)) {
    all_modules.push_back(module.name());
    for (const auto kind : module.preprocessor->controls)
      of_kind[std::string(kind)].push_back(module.name());
  }
  const auto type = [](Json modules_of, Json models_of, const Json& usual) -> Json {
    const Json first = models_of.empty() ? Json("None") : models_of[0];
    models_of.insert(models_of.begin(), "None");
    return {{"module_list", std::move(modules_of)},
            {"model_list", std::move(models_of)},
            {"default_option", usual},
            {"default_model", first}};
  };
  types["All"] = type(all_modules, models, "none");
  for (auto& [kind, own] : of_kind) {
    Json models_of = Json::array();
    for (const Json& model : models)
      if (model.get<std::string>().find(kind) != std::string::npos) models_of.push_back(model);
    if (models_of.empty()) models_of = models;
    const Json first = own[0];
    own.insert(own.begin(), "none");
    types[title_of(kind)] = type(own, models_of, first);
  }
  return json_response({{"control_types", types}});
}

/// The picture's hint as the extension's preview has it: the shorter side at the resolution.
Image detected(const Model& model, const Module& module, Image image, const Image& mask,
               const Fields& fields, const std::function<bool()>& stop) {
  if (module.has_resolution)
    image = resize_in_proportion(
        image,
        static_cast<int>(module.sliders[0].taken(fields.number("controlnet_processor_res", -1))));
  PreprocessOptions options{.mask = mask};
  if (!takes_mask(module.name())) {
    options.threshold_a = module.threshold(0, fields.number("controlnet_threshold_a", -1));
    options.threshold_b = module.threshold(1, fields.number("controlnet_threshold_b", -1));
  }
  return model.preprocess(*module.preprocessor, image, options, stop);
}

HttpResponse detect(const Context& context, const HttpRequest& request) {
  const Json body = parse_object(request.body);
  const Fields fields(body);
  const Module* module = nullptr;
  try {
    module = &module_named(fields.text("controlnet_module", "none"), "controlnet_module");
  } catch (const Refusal& refusal) {
    refuse_field(422, "controlnet_module", "Module not available ({})", refusal.what());
  }
  // The second name is what one client sends.
  const Json& pictures = fields.has("controlnet_input_images")
                             ? fields.list("controlnet_input_images")
                             : fields.list("controlnet_images");
  if (pictures.empty()) refuse_field(422, "controlnet_input_images", "No image selected");
  if (pictures.size() > 16)
    refuse_field(413, "controlnet_input_images", "{} pictures, expected at most 16",
                 pictures.size());
  const Json& masks = fields.list("controlnet_masks");
  const auto engine = context.engines.get();
  Json images = Json::array();
  const auto picture_at = [](const Json& list, const char* name, size_t i) {
    const std::string where = fmt::format("{}[{}]", name, i);
    if (!list[i].is_string()) refuse_field(422, where, "expected a picture in base64");
    return picture_from(list[i].get<std::string>(), where).image;
  };
  const auto add_detected = [&](size_t i, const std::function<bool()>& stop) {
    Image mask{0, 0, 1, {}};
    const bool has_mask = i < masks.size() && !masks[i].is_null() && masks[i] != "";
    if (has_mask && !takes_mask(module->name()))
      refuse_field(422, "controlnet_masks", "expected none: the module {} takes none",
                   module->name());
    if (has_mask) mask = picture_at(masks, "controlnet_masks", i);
    images.push_back(to_base64(encode_png(
        detected(engine->model, *module, picture_at(pictures, "controlnet_input_images", i), mask,
                 fields, stop))));
  };
  context.desk.answer_at_once(request, [&](const std::function<bool()>& stop) {
    for (size_t i = 0; i < pictures.size(); ++i) add_detected(i, stop);
  });
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
