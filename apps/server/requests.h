// Requests for pictures out of what clients send.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "drypoint/fields.h"
#include "server/context.h"

namespace drypoint::server {

/// Sets one of `request_fields()` and checks it. Throws 422 naming `said`, what the client calls
/// it.
void set_field(Request& request, std::string_view field, const std::string& value,
               const std::string& said);
bool has_field(std::string_view field);
/// Whether clients may set it: text, numbers, flags, and LoRAs of the catalog. No client names
/// files of this machine.
bool is_for_clients(const Field<Request>& field);

/// Sets the fields that a JSON object has, and the pictures in base64: "image" or "edges",
/// "init_image", "mask", and those of "controls". Others throw 422, but for those of `known`.
void read_fields(const Json& object, Request& request, const std::vector<std::string>& known);

/// The engine of a model for what a JSON object says by "vae", "control" and the names in
/// "controls".
std::shared_ptr<Engine> engine_for(const Context& context, const std::string& model,
                                   const Json& object);
/// Lets a request's ControlNets be called as its engine calls them, and `control`, if it is not
/// empty, steer by the request's own picture.
void steer_by(const Context& context, const Engine& engine, const std::string& control,
              Request& request);

/// The names of a request's ControlNets, as `EngineChoice` takes them.
std::vector<std::string> control_names(const Request& request);
/// Lets its controls be called as the engine that was chosen by these names calls them.
void put_control_names(const Engines& engines, const Engine& engine, Request& request);

/// A mask, white where it is to be painted, of one that says so by its transparency (with
/// `transparent_is_painted`) or the reverse.
Image mask_of_alpha(Image alpha, bool transparent_is_painted);

/// Adapters that a request lists, or its prompts call, "<lora:NAME:0.8>", are those of the catalog,
/// and weights of preprocessors the server's: as a name, a path would reach any file. Throws 422.
void check_files(const Request& request, const Catalog& catalog);

/// One request for each of `count` pictures, with seeds that count on, or of variations with their
/// subseeds: each is the picture that it would be alone, and the queue draws them together.
std::vector<Request> one_by_one(Request request, int64_t count);

/// The task of this id that this client has. Throws 404.
std::shared_ptr<Task> own_task(const Desk& desk, const HttpRequest& request);

/// "png", "jpeg" or "webp" with what they are called in HTTP. Throws 422 naming the field.
struct PictureFormat {
  ImageFormat format;
  std::string type;
};
PictureFormat picture_format(const std::string& name, const std::string& field);

}  // namespace drypoint::server
