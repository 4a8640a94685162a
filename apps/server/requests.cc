#include "server/requests.h"

#include <algorithm>
#include <cctype>

#include "server/encoding.h"

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

bool is_for_clients(const Field<Request>& field) { return field.type < FieldType::file; }

void read_fields(const Json& object, Request& request, const std::vector<std::string>& known) {
  Json fields = Json::object();
  const Fields all(object);
  for (const auto& [name, value] : object.items()) {
    if (name == "image" || name == "edges" || std::ranges::count(known, name) > 0) continue;
    const auto* field = find_field(request_fields(), name);
    if (!field || !is_for_clients(*field))
      refuse_field(422, name, "is no field of a request (GET /api/v1/fields lists them)");
    fields[name] = value;
  }
  try {
    read_json(dumped(fields), "body", request);
  } catch (const Error& error) {
    const std::string what = error.what();
    throw Refusal(422, what, what.substr(0, std::min(what.find(':'), what.size())));
  }
  if (all.has("image") && all.has("edges"))
    refuse_field(422, "edges", "found image and edges, expected one of them");
  for (const char* name : {"image", "edges"}) {
    if (!all.has(name)) continue;
    request.image = picture_from(all.text(name), name).image;
    request.is_edges = name == std::string("edges");
  }
}

namespace {

/// What stands between "<lora:" and ">", for each.
std::vector<std::string> adapter_tags(std::string_view prompt) {
  std::vector<std::string> tags;
  for (size_t begin = prompt.find('<'); begin != prompt.npos; begin = prompt.find('<', begin + 1)) {
    std::string tag(prompt.substr(begin + 1, prompt.find('>', begin) - begin - 1));
    const size_t colon = tag.find(':');
    std::string kind = tag.substr(0, colon);
    std::erase(kind, ' ');
    for (char& c : kind) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    if (colon != tag.npos && (kind == "lora" || kind == "lyco"))
      tags.push_back(tag.substr(colon + 1));
  }
  return tags;
}

}  // namespace

void check_adapters(const Request& request, const Catalog& catalog) {
  for (const std::string* prompt :
       {&request.prompt, &request.added_prompt, &request.negative_prompt})
    for (std::string tag : adapter_tags(*prompt)) {
      // Its name is the first part that is no "te=0.5".
      std::string name;
      for (size_t end = 0; end != tag.npos && name.empty(); tag.erase(0, end + 1)) {
        end = tag.find(':');
        name = tag.substr(0, end);
        if (name.find('=') != name.npos) name.clear();
        if (end == tag.npos) break;
      }
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
    requests.back().seed = *request.seed + static_cast<uint64_t>(i);
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
