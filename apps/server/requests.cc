#include "server/requests.h"

#include <algorithm>
#include <utility>

#include "server/encoding.h"
#include "server/lower_case.h"

namespace drypoint::server {

void set_field(Request& request, std::string_view field, const std::string& value,
               const std::string& said) {
  const Field<Request>* found = find_field(request_fields(), field);
  if (!found) refuse_field(422, said, "there is no such setting here");
  try {
    found->set(request, value);
    found->check(request);
  } catch (const Error& error) {
    std::string what = error.what();
    if (what.starts_with(found->name + ":")) what = said + what.substr(found->name.size());
    throw Refusal(422, what, said);
  }
}

bool has_field(std::string_view field) { return find_field(request_fields(), field) != nullptr; }

bool is_for_clients(const Field<Request>& field) { return field.type != FieldType::file; }

namespace {

void read_picture(const Fields& from, const char* name, Image& to) {
  if (from.has(name)) to = picture_from(from.text(name), from.where() + name).image;
}

/// The list without its pictures, which are large.
Json without_pictures(const Json& controls) {
  Json rest = controls;
  if (rest.is_array())
    for (Json& control : rest)
      if (control.is_object()) control.erase("image"), control.erase("mask");
  return rest;
}

}  // namespace

void read_fields(const Json& object, Request& request, const std::vector<std::string>& known) {
  static const std::vector<std::string> pictures{"image", "edges", "init_image", "mask"};
  Json fields = Json::object();
  for (const auto& [name, value] : object.items()) {
    if (std::ranges::count(pictures, name) > 0 || std::ranges::count(known, name) > 0) continue;
    const auto* field = find_field(request_fields(), name);
    if (name != "controls" && (!field || !is_for_clients(*field)))
      refuse_field(422, name, "is no field of a request (GET /api/v1/fields lists them)");
    fields[name] = name == "controls" ? without_pictures(value) : value;
  }
  try {
    read_json(dumped(fields), "body", request);
  } catch (const Error& error) {
    const std::string what = error.what();
    throw Refusal(422, what, what.substr(0, std::min(what.find(':'), what.size())));
  }
  const Fields all(object);
  if (all.has("image") && all.has("edges"))
    refuse_field(422, "edges", "found image and edges, expected one of them");
  request.is_edges |= all.has("edges");
  read_picture(all, "image", request.image);
  read_picture(all, "edges", request.image);
  read_picture(all, "init_image", request.init_image);
  read_picture(all, "mask", request.mask);
  for (size_t i = 0; i < request.controls.size() && all.has("controls"); ++i) {
    const Fields control(all.list("controls").at(i), fmt::format("controls[{}].", i));
    read_picture(control, "image", request.controls[i].image);
    read_picture(control, "mask", request.controls[i].mask);
  }
}

std::shared_ptr<Engine> engine_for(const Context& context, const std::string& model,
                                   const Json& object) {
  const Fields fields(object);
  EngineChoice choice{.model = model, .vae = fields.text("vae")};
  choice.controls.push_back(fields.text("control"));
  for (const Json& control : fields.list("controls"))
    if (control.is_object()) choice.controls.push_back(Fields(control).text("name"));
  return context.engines.get(choice);
}

void steer_by(const Context& context, const Engine& engine, const std::string& control,
              Request& request) {
  put_control_names(context.engines, engine, request);
  if (control.empty()) return;
  if (!request.controls.empty())
    refuse_field(422, "control", "found control and controls, expected one of them");
  if (request.image.pixels.empty())
    refuse_field(422, "control", "expected an image or edges with it");
  Control own{.name = context.engines.control_in(engine, control)};
  own.preprocessor = request.is_edges ? "none" : "canny";
  own.threshold_a = std::exchange(request.low_threshold, Request().low_threshold);
  own.threshold_b = std::exchange(request.high_threshold, Request().high_threshold);
  own.weight = std::exchange(request.strength, Request().strength);
  own.mode =
      std::exchange(request.guess_mode, false) ? ControlMode::control : ControlMode::balanced;
  if (request.is_edges) own.threshold_a = own.threshold_b = std::nullopt;
  request.controls.push_back(std::move(own));
}

std::vector<std::string> control_names(const Request& request) {
  std::vector<std::string> names;
  for (const Control& control : request.controls) names.push_back(control.name);
  return names;
}

void put_control_names(const Engines& engines, const Engine& engine, Request& request) {
  for (Control& control : request.controls) control.name = engines.control_in(engine, control.name);
}

Image mask_of_alpha(Image alpha, bool transparent_is_painted) {
  for (uint8_t& value : alpha.pixels) value = (value >= 128) != transparent_is_painted ? 255 : 0;
  return alpha;
}

namespace {

/// What stands between "<lora:" and ">", or the end, for each.
std::vector<std::string_view> adapter_tags(std::string_view prompt) {
  std::vector<std::string_view> tags;
  for (size_t begin = prompt.find('<'); begin != prompt.npos; begin = prompt.find('<', begin + 1)) {
    const size_t colon = std::min(prompt.find_first_of(":<>", begin + 1), prompt.size());
    if (!prompt.substr(colon).starts_with(':')) continue;
    std::string kind = in_lower_case(prompt.substr(begin + 1, colon - begin - 1));
    std::erase(kind, ' ');
    if (kind == "lora" || kind == "lyco")
      tags.push_back(prompt.substr(colon + 1, prompt.find('>', colon) - colon - 1));
  }
  return tags;
}

/// Its name is the first part that is no "te=0.5".
std::string_view adapter_name(std::string_view tag) {
  while (true) {
    const size_t end = tag.find(':');
    const std::string_view part = tag.substr(0, end);
    if (part.find('=') == part.npos) return part;
    if (end == tag.npos) return {};
    tag.remove_prefix(end + 1);
  }
}

}  // namespace

void check_files(const Request& request, const Catalog& catalog) {
  for (size_t i = 0; i < request.controls.size(); ++i)
    if (request.controls[i].preprocessor.find(':') != std::string::npos)
      refuse_field(422, fmt::format("controls[{}].preprocessor", i),
                   "\"{}\", expected a name alone: weights are the server's",
                   request.controls[i].preprocessor.substr(0, 60));
  for (const AdapterUse& use : request.loras)
    if (!catalog.has(FileKind::lora, use.file))
      refuse_field(422, "lora", "\"{}\", but there is no LoRA of this name here",
                   use.file.substr(0, 60));
  for (const std::string* prompt :
       {&request.prompt, &request.added_prompt, &request.negative_prompt})
    for (const std::string_view tag : adapter_tags(*prompt)) {
      std::string name(adapter_name(tag));
      while (name.starts_with(' ')) name.erase(0, 1);
      while (name.ends_with(' ')) name.pop_back();
      if (!catalog.has(FileKind::lora, name))
        refuse_field(422, "prompt", "calls \"{}\", but there is no LoRA of this name here",
                     name.substr(0, 60));
    }
}

std::vector<Request> one_by_one(Request request, int64_t count) {
  request.samples = 1;
  if (!request.seed) request.seed = random_seed();
  std::vector<Request> requests;
  for (int64_t i = 0; i < count; ++i) {
    requests.push_back(request);
    uint64_t& counts = request.subseed_strength > 0 ? requests.back().subseed
                                                    : requests.back().seed.emplace(*request.seed);
    counts += static_cast<uint64_t>(i);
  }
  return requests;
}

std::shared_ptr<Task> own_task(const Desk& desk, const HttpRequest& request) {
  const std::string& id = request.from_path.at("id");
  auto task = desk.find(id);
  if (!task || task->client != request.client)
    refuse_field(404, "id", "there is no job \"{}\" of yours here", id.substr(0, 64));
  return task;
}

PictureFormat picture_format(const std::string& name, const std::string& field) {
  if (name == "png") return {ImageFormat::png, "image/png"};
  if (name == "jpeg" || name == "jpg") return {ImageFormat::jpeg, "image/jpeg"};
  if (name == "webp") return {ImageFormat::webp, "image/webp"};
  refuse_field(422, field, "\"{}\", expected png, jpeg or webp", name.substr(0, 32));
}

}  // namespace drypoint::server
