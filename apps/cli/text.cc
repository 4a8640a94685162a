#include <fmt/format.h>

#include <memory>

#include "commands.h"
#include "drypoint/fields.h"
#include "drypoint/recall.h"
#include "options.h"
#include "terminal.h"

namespace drypoint::cli {
namespace {

struct TextArguments {
  std::string picture;
  bool json = false;
};

Json json_of(const ControlParameters& control) {
  return {{"module", control.module},
          {"model", control.model},
          {"weight", control.weight},
          {"resize_mode", control.resize_mode},
          {"processor_resolution", control.processor_resolution},
          {"threshold_a", control.threshold_a},
          {"threshold_b", control.threshold_b},
          {"guidance_start", control.guidance_start},
          {"guidance_end", control.guidance_end},
          {"pixel_perfect", control.pixel_perfect},
          {"control_mode", control.control_mode}};
}

Json json_of(const Recalled& recalled) {
  const Parameters& text = recalled.parameters;
  Request request;
  recalled.apply(request);
  Json json{{"source", name(recalled.source)},
            {"request", Json::parse(to_json(request))},
            {"model", text.model},
            {"model_hash", text.model_hash},
            {"controls", Json::array()},
            {"missing", Json::array()},
            {"notices", recalled.notices},
            {"version", text.version}};
  for (const ControlParameters& control : text.controls)
    json["controls"].push_back(json_of(control));
  for (const auto& missing : recalled.missing) json["missing"].push_back(missing.what);
  return json;
}

void run(const TextArguments& options) {
  const PictureText text = read_picture_text(options.picture);
  const Recalled recalled = recall(text, options.picture);
  if (options.json) return print_json(json_of(recalled));
  fmt::print("{}\n",
             text.parameters.empty() ? format_parameters(recalled.parameters) : text.parameters);
  for (const auto& notice : recalled.notices) print_notice(notice);
  for (const auto& missing : recalled.missing) print_notice("not to be had: " + missing.what);
}

}  // namespace

void add_text(CLI::App& program) {
  auto* command =
      program.add_subcommand("text", "Print the settings in a picture, as tools write them there");
  auto o = std::make_shared<TextArguments>();
  command->add_option("picture", o->picture, "Picture (PNG, JPEG, WebP)")
      ->required()
      ->transform(path());
  command->add_flag("--json", o->json,
                    "Print what generate --from would make of it, \"request\" as\n"
                    "generate --json-request takes it");
  command->footer(
      "  drypoint text picture.png\n"
      "  drypoint generate --from picture.png -i photo.jpg -o again.png\n");
  command->callback([o] { run(*o); });
}

}  // namespace drypoint::cli
