// The web UI's lists of what there is.
#include "server/sdapi_lists.h"

#include <unistd.h>

#include <fstream>

namespace drypoint::server {
namespace {

Json models(const Context& context) {
  Json list = Json::array();
  for (const CatalogEntry& entry : context.catalog.all(FileKind::checkpoint))
    list.push_back({{"title", entry.title},
                    {"model_name", entry.name},
                    {"hash", nullptr},
                    {"sha256", nullptr},
                    {"filename", entry.title},
                    {"config", nullptr}});
  return list;
}

/// Those of the web UI by the names that it has for them, with others' beside.
Json samplers(const Context&) {
  Json list = Json::array();
  for (const auto name : sampler_names())
    list.push_back({{"name", name}, {"aliases", Json::array()}, {"options", Json::object()}});
  return list;
}

Json schedulers(const Context&) {
  Json list = Json::array();
  for (int i = 0; i <= static_cast<int>(ScheduleKind::lcm); ++i) {
    const auto label = name(static_cast<ScheduleKind>(i));
    list.push_back({{"name", label},
                    {"label", label},
                    {"aliases", nullptr},
                    {"default_rho", -1},
                    {"need_inner_model", false}});
  }
  return list;
}

Json files(const Context& context, FileKind kind) {
  Json list = Json::array();
  for (const CatalogEntry& entry : context.catalog.all(kind))
    if (kind == FileKind::lora)
      list.push_back({{"name", entry.name},
                      {"alias", entry.name},
                      {"path", entry.title},
                      {"metadata", Json::object()}});
    else
      list.push_back({{"model_name", entry.name}, {"filename", entry.title}});
  return list;
}

Json upscalers(const Context&) {
  Json list = Json::array();
  for (const char* name : {"None", "Lanczos", "Nearest"})
    list.push_back({{"name", name},
                    {"model_name", nullptr},
                    {"model_path", nullptr},
                    {"model_url", nullptr},
                    {"scale", 4}});
  return list;
}

Json latent_upscale_modes(const Context&) {
  Json list = Json::array();
  for (const char* name :
       {"Latent", "Latent (antialiased)", "Latent (bicubic)", "Latent (bicubic antialiased)",
        "Latent (nearest)", "Latent (nearest-exact)"})
    list.push_back({{"name", name}});
  return list;
}

Json scripts(const Context&) {
  // By the second name clients find out that there is ControlNet.
  return {{"txt2img", {"controlnet", "controlnet m2m"}},
          {"img2img", {"controlnet", "controlnet m2m", "soft inpainting"}}};
}

Json script_info(const Context&) {
  Json list = Json::array();
  for (const bool is_img2img : {false, true})
    list.push_back({{"name", "controlnet"},
                    {"is_alwayson", true},
                    {"is_img2img", is_img2img},
                    {"args", Json::array()}});
  list.push_back({{"name", "soft inpainting"},
                  {"is_alwayson", true},
                  {"is_img2img", true},
                  {"args", Json::array()}});
  return list;
}

/// Bytes of this process, and what the device has left.
Json memory(const Context& context) {
  std::ifstream statm("/proc/self/statm");
  int64_t pages = 0, resident = 0;
  statm >> pages >> resident;
  const int64_t used = resident * ::sysconf(_SC_PAGESIZE);
  const auto total = int64_t{::sysconf(_SC_PHYS_PAGES)} * ::sysconf(_SC_PAGESIZE);
  const auto left = static_cast<int64_t>(context.engines.device().available_memory());
  return {{"ram", {{"free", total - used}, {"used", used}, {"total", total}}},
          {"cuda", {{"system", {{"free", left}}}}}};
}

}  // namespace

void add_sdapi_lists(Routes& routes, const Context& context) {
  const auto list = [&](const char* path, const char* summary, auto answer) {
    routes.add({"GET", std::string("/sdapi/v1/") + path, ErrorStyle::sdapi, summary,
                [context, answer](HttpRequest&) { return json_response(answer(context)); }});
  };
  list("sd-models", "Base models", models);
  list("sd-vae", "VAEs", [](const Context& of) { return files(of, FileKind::vae); });
  list("loras", "LoRAs", [](const Context& of) { return files(of, FileKind::lora); });
  list("samplers", "Samplers", samplers);
  list("schedulers", "Schedules of noise levels", schedulers);
  list("upscalers", "Upscalers", upscalers);
  list("scripts", "Scripts", scripts);
  list("script-info", "Their arguments", script_info);
  list("memory", "Memory", memory);
  list("embeddings", "Textual inversions", [](const Context& of) -> Json {
    Json loaded = Json::object();
    for (const CatalogEntry& entry : of.catalog.all(FileKind::embedding))
      loaded[entry.name] = Json::object();
    return {{"loaded", loaded}, {"skipped", Json::object()}};
  });
  list("cmd-flags", "The command line, of which nothing is told",
       [](const Context&) -> Json { return Json::object(); });
  list("latent-upscale-modes", "What enlarges a first pass's latent", latent_upscale_modes);
  for (const char* path :
       {"hypernetworks", "face-restorers", "realesrgan-models", "prompt-styles", "extensions"})
    list(path, "There are none", [](const Context&) -> Json { return Json::array(); });

  const auto command = [&](const char* path, const char* summary, auto act) {
    routes.add({"POST", std::string("/sdapi/v1/") + path, ErrorStyle::sdapi, summary,
                [context, act](HttpRequest&) {
                  act(context);
                  return json_response(Json::object());
                }});
  };
  for (const char* path :
       {"refresh-checkpoints", "refresh-vae", "refresh-loras", "refresh-embeddings"})
    command(path, "Looks into the models' folders again",
            [](const Context& of) { of.catalog.refresh(); });
  command("unload-checkpoint", "Gives up the memory of models that draw nothing",
          [](const Context& of) { of.engines.unload(); });
  command("reload-checkpoint", "Loads the chosen model",
          [](const Context& of) { of.engines.get(); });
}

}  // namespace drypoint::server
