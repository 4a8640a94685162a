#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <fstream>
#include <iostream>
#include <memory>

#include "commands.h"
#include "device_options.h"
#include "drypoint/loopback.h"
#include "drypoint/pipeline.h"
#include "drypoint/recall.h"
#include "field_options.h"
#include "folder_options.h"
#include "mixed.h"
#include "model_options.h"
#include "options.h"
#include "picture_files.h"
#include "terminal.h"

namespace drypoint::cli {
namespace {

namespace fs = std::filesystem;

struct GenerateArguments {
  ModelOptions model{true};
  DeviceOptions device;
  FieldOptions<Request> request{request_fields()};  // what is not given is left to the model
  FieldOptions<Loopback> loopback{loopback_fields()};
  FolderOptions folder;
  std::string image, edges, init, mask, save_edges, preview, output, json_request, from;
  int preview_steps = 5;
  ControlPictures control_pictures;  // that the request in JSON names
  bool warm = false, json = false;
};

/// "a.png", or "a_0.png", "a_1.png", ... for several samples or loops.
std::vector<fs::path> output_names(const fs::path& output, int results) {
  if (results == 1) return {output};
  std::vector<fs::path> names;
  for (int i = 0; i < results; ++i)
    names.push_back(output.parent_path() /
                    fmt::format("{}_{}{}", output.stem().string(), i, output.extension().string()));
  return names;
}

bool writes_standard(const GenerateArguments& options) {
  return is_standard(options.output) || is_standard(options.save_edges);
}

/// Finds out before the work whether its results can be written, each to a file of its own.
void check_outputs(const GenerateArguments& options, const std::vector<fs::path>& names,
                   const std::vector<ControlFiles>& controls) {
  OptionFiles outputs;
  for (const fs::path& name : names) outputs.emplace_back("--output", name);
  if (is_standard(options.output) && names.size() > 1)
    bad_option(fmt::format("--output: - takes one picture, not {}", names.size()));
  if (!options.save_edges.empty()) outputs.emplace_back("--save-edges", options.save_edges);
  if (!options.preview.empty()) outputs.emplace_back("--preview", options.preview);
  if (options.json && writes_standard(options))
    bad_option("--json: goes to standard output, as a picture named - does; expected one of them");
  for (const auto& [option, path] : outputs) check_output(option, path);
  OptionFiles inputs{{"--image", options.image},
                     {"--edges", options.edges},
                     {"--from", options.from},
                     {"--init", options.init},
                     {"--mask", options.mask}};
  for (const ControlFiles& control : controls)
    for (const std::string& file : {control.image, control.mask})
      inputs.emplace_back("--control", file);
  check_files_differ(outputs, inputs);
}

/// A request in JSON, if there is one: its fields are `text`'s defaults, and it may name files too,
/// which count where the options do not.
void read_request(GenerateArguments& options, std::string& text) {
  if (options.json_request.empty()) return;
  text = read_text(options.json_request);
  const bool has_picture = !options.image.empty() || !options.edges.empty();
  const std::pair<const char*, std::string*> files[] = {{"init", &options.init},
                                                        {"mask", &options.mask},
                                                        {"output", &options.output},
                                                        {"save_edges", &options.save_edges}};
  Request scratch;
  read_json(
      text, options.json_request, scratch, [&](const std::string& name, const std::string& value) {
        if (name == "image" && !has_picture) options.image = value;
        if (name == "edges" && !has_picture) options.edges = value;
        for (const auto& [known, option] : files)
          if (name == known) {
            if (option->empty()) *option = value;
            return true;
          }
        return name == "image" || name == "edges" || options.control_pictures.take(name, value);
      });
}

/// What options say of the request's own picture, of the only control.
void take_own_settings(const GenerateArguments& options, const Request& request, Control& control) {
  if (options.request.has("strength")) control.weight = request.strength;
  if (options.request.has("guess_mode")) control.mode = ControlMode::control;
  if (control.preprocessor != "canny") return;
  if (options.request.has("low_threshold")) control.threshold_a = request.low_threshold;
  if (options.request.has("high_threshold")) control.threshold_b = request.high_threshold;
}

/// The controls that the request's list is made of: those of options with settings, or several
/// ControlNets that share a picture, else those of the request in JSON; of a picture's text with
/// the options' settings.
std::vector<ControlFiles> controls_of(const GenerateArguments& options, const Request& request) {
  std::vector<ControlFiles> all;
  const std::vector<ControlOption> given = options.model.controls();
  const bool has_settings = std::ranges::any_of(
      given, [](const ControlOption& option) { return !option.settings.empty(); });
  const bool adds_to_text = !options.from.empty() && !request.controls.empty();
  if (adds_to_text || (!has_settings && (given.size() < 2 || !request.controls.empty()))) {
    for (size_t i = 0; i < request.controls.size(); ++i)
      all.push_back({request.controls[i], options.control_pictures.of(i, "image"),
                     options.control_pictures.of(i, "mask")});
    if (adds_to_text) all = with_options(std::move(all), given);
    if (all.size() == 1) take_own_settings(options, request, all[0].control);
    return all;
  }
  const bool has_picture = !options.image.empty() || !options.edges.empty();
  for (const ControlOption& option : given)
    if (has_picture || !option.settings.empty()) all.push_back(control_files(option));
  for (const char* name : {"strength", "guess_mode", "low_threshold", "high_threshold"})
    if (!all.empty() && options.request.has(name))
      bad_option(
          fmt::format("--{}: does not count for controls with settings of their own, as in "
                      "--control canny=FILE,weight=0.6,mode=control",
                      find_field(request_fields(), name)->option));
  return all;
}

/// What --from's text asks for. What is missing there must be given in another way.
std::optional<Recalled> read_recalled(const GenerateArguments& options, const std::string& json) {
  if (options.from.empty()) return std::nullopt;
  Recalled recalled = recall(read_picture_text(options.from), options.from);
  std::vector<std::string> given = options.request.names();
  if (!json.empty()) {
    const Json fields = Json::parse(json);
    for (const auto& [name, _] : fields.items()) given.push_back(name);
  }
  if (!options.init.empty()) given.emplace_back("init");
  if (!options.mask.empty()) given.emplace_back("mask");
  recalled.expect_complete(options.from, given);
  return recalled;
}

/// From the model's defaults, a picture's text, the request in JSON, and the options, of which the
/// latter count.
Request to_request(const GenerateArguments& options, const std::optional<Recalled>& recalled,
                   const std::string& json, Request request) {
  if (recalled) recalled->apply(request);
  if (!json.empty())
    read_json(json, options.json_request, request, [](auto&, auto&) { return true; });
  options.request.expect_one_of("size", "resolution");
  if (options.request.has("resolution")) request.size = {};  // the request's in JSON
  if (options.request.has("sampler") && !options.request.has("schedule"))
    request.schedule = ScheduleKind::automatic;  // the model's is its own sampler's
  options.request.apply(request);
  for (const auto& field : request_fields()) field.check(request);
  request.is_edges = !options.edges.empty();
  return request;
}

void take_pictures(const GenerateArguments& options, const std::vector<ControlFiles>& controls,
                   Request& request, std::vector<std::string>& notices) {
  const auto take = [&](std::string_view option, const std::string& file, Image& image) {
    if (file.empty()) return;
    ReadImage read = read_picture(option, file);
    image = std::move(read.image);
    notices.insert(notices.end(), read.notices.begin(), read.notices.end());
  };
  take("--image", options.image, request.image);
  take("--edges", options.edges, request.image);
  request.controls.clear();
  for (const ControlFiles& files : controls) {
    Control& control = request.controls.emplace_back(files.control);
    take("--control", files.image, control.image);
    take("--control", files.mask, control.mask);
  }
  take("--init", options.init, request.init_image);
  take("--mask", options.mask, request.mask);
}

/// Standard input can be read once.
void expect_one_standard_input(const GenerateArguments& options) {
  const std::pair<const char*, const std::string*> inputs[] = {
      {"--json-request", &options.json_request},
      {"--image", &options.image},
      {"--edges", &options.edges},
      {"--init", &options.init},
      {"--mask", &options.mask}};
  const char* first = nullptr;
  for (const auto& [option, file] : inputs) {
    if (*file != "-") continue;
    if (first)
      bad_option(
          fmt::format("{}: -: is standard input, as {}; expected a file for one", first, option));
    first = option;
  }
}

bool is_in_windows(const Request& request) {
  const ImageSize size = largest_size(request);
  return request.tile > 0 && std::max(size.width, size.height) > request.tile;
}

/// Each preview takes the place of the one before, whole.
std::function<void(const Image&)> preview_writer(const std::string& file) {
  if (file.empty()) return {};
  return [file](const Image& image) {
    PictureSet preview;
    preview.add(file, image);
    preview.commit();
  };
}

/// All loops' pictures as one result.
Result joined(std::vector<Result> loops) {
  Result all = std::move(loops[0]);
  for (Result& result : std::span(loops).subspan(1)) {
    std::ranges::move(result.images, std::back_inserter(all.images));
    std::ranges::move(result.parameters, std::back_inserter(all.parameters));
    for (size_t i = 0; i < all.seconds.size(); ++i)
      all.seconds[i].second += result.seconds[i].second;
    for (std::string& notice : result.notices)
      if (std::ranges::find(all.notices, notice) == all.notices.end())
        all.notices.push_back(std::move(notice));
  }
  return all;
}

/// What would be each picture's own, or is not there for many.
void check_folder(const GenerateArguments& options) {
  if (!options.folder.are_given()) return options.folder.expect_none();
  for (const auto& [option, given] : {std::pair{"--save-edges", !options.save_edges.empty()},
                                      {"--warm", options.warm},
                                      {"--output -", is_standard(options.output)}})
    if (given) bad_option(fmt::format("{}: does not go with --images", option));
}

/// Seconds from the command's start; with --warm, of the first step, from the end of warming.
struct Times {
  double open = 0;  // until the model was opened
  double to_first_step = 0;
};

void print_result(const GenerateArguments& options, const Pipeline& pipeline,
                  const Request& request, const Result& result, const Times& times,
                  const std::vector<fs::path>& names, const std::vector<std::string>& notices) {
  if (options.json) {
    Json json;
    json["device"] = pipeline.description().device;
    json["threads"] = pipeline.description().threads;
    json["seed"] = result.seed;
    Request drawn = request;
    drawn.seed = result.seed;
    json["request"] = Json::parse(to_json(drawn));
    for (const auto& name : names) json["images"].push_back(name.string());
    if (!options.save_edges.empty()) json["edges"] = options.save_edges;
    json["width"] = result.images[0].width;
    json["height"] = result.images[0].height;
    json["seconds"] = {{"open", times.open}};
    for (const auto& [stage, seconds] : result.seconds) json["seconds"][stage] = seconds;
    json["seconds"]["to_first_step"] = times.to_first_step;
    json["notices"] = notices;
    print_json(json);
    return;
  }
  if (!writes_standard(options))
    for (const auto& name : names) fmt::print("{}\n", name.string());
  if (!request.seed) print_notice(fmt::format("seed {}", result.seed));
}

void run(GenerateArguments options) {
  std::string json;
  std::vector<std::string> notices;
  read_request(options, json);  // options first: files can take their time
  std::optional<Recalled> recalled = read_recalled(options, json);
  controls_of(options, to_request(options, recalled, json, {}));
  if (options.output.empty()) bad_option("--output is required");
  if (!options.image.empty() && !options.edges.empty())
    bad_option("--image and --edges: found both, expected one of them");
  expect_one_standard_input(options);
  check_folder(options);
  Loopback loopback;
  options.loopback.apply(loopback);
  if (!options.mask.empty() && options.init.empty() && !options.folder.are_given())
    bad_option("--mask: found no --init, expected the picture that it is of");

  const ModelFiles files = options.model.files(notices, "drawing with");

  auto start = std::chrono::steady_clock::now();
  const auto since_start = [&] {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  };
  Times times;
  const auto quality = options.device.mixed_quality();
  Pipeline pipeline(quality ? files_without_eight_bits(files) : files,
                    options.device.pipeline_options());
  times.open = since_start();
  options.device.note_vain(pipeline.description().device, notices);
  if (recalled) {
    recalled->name_controls(pipeline.description(), options.from);
    notices.insert(notices.end(), recalled->notices.begin(), recalled->notices.end());
    if (auto notice = other_model_notice(
            recalled->parameters, pipeline.description().model,
            recalled->parameters.model_hash.empty() ? std::string() : pipeline.model().hash());
        !notice.empty())
      notices.push_back(std::move(notice));
  }
  Request request = to_request(options, recalled, json, pipeline.defaults());
  const auto names = output_names(options.output, request.samples * loopback.loops);
  const std::vector<ControlFiles> controls = controls_of(options, request);
  if (!options.folder.are_given()) check_outputs(options, names, controls);
  take_pictures(options, controls, request, notices);
  if (!options.preview.empty() && is_in_windows(request))
    notices.push_back("--preview: of pictures in windows (--tile) there are none");
  if (!options.folder.are_given() && !options.save_edges.empty() && request.controls.empty() &&
      request.image == Image())
    bad_option("--save-edges: there are none without a picture that steers");
  std::optional<FoundMixed> mixed;
  if (quality) {
    mixed = find_with_progress({.files = files,
                                .pipeline = options.device.pipeline_options(),
                                .quality = *quality,
                                .request = request});
    notices.push_back(mixed_notice(*mixed, *quality));
    pipeline = Pipeline(mixed->files, mixed->pipeline);
  }
  if (options.folder.are_given()) {
    const int code =
        draw_folder_told(pipeline, request, options.folder.run(options.output, loopback),
                         {.progress = {},
                          .stop = interrupted,
                          .notice = {},
                          .preview = preview_writer(options.preview),
                          .preview_steps = options.preview_steps},
                         notices, options.json);
    if (code != 0) throw CLI::RuntimeError(code);
    return;
  }
  Result result;
  std::vector<std::string> told;  // already
  {
    ProgressLine line;
    if (options.warm) {
      pipeline.generate(request, {.stop = interrupted});
      start = std::chrono::steady_clock::now();
    }
    const Callbacks callbacks{.progress =
                                  [&](const Progress& progress) {
                                    line.show(progress);
                                    if (progress.stage == Stage::denoise && progress.done == 1 &&
                                        times.to_first_step == 0)
                                      times.to_first_step = since_start();
                                  },
                              .stop = interrupted,
                              .notice =
                                  [&](const std::string& notice) {
                                    print_notice(notice);
                                    told.push_back(notice);
                                  },
                              .preview = preview_writer(options.preview),
                              .preview_steps = options.preview_steps};
    result = joined(draw_loops(pipeline, request, loopback, callbacks));
  }
  notices.insert(notices.end(), result.notices.begin(), result.notices.end());

  PictureSet outputs;
  for (size_t i = 0; i < names.size(); ++i)
    outputs.add(names[i], result.images[i], result.parameters[i]);
  if (!options.save_edges.empty()) outputs.add(options.save_edges, result.edges);
  outputs.commit();
  for (const auto& notice : notices) print_notice(notice);
  notices.insert(notices.end(), told.begin(), told.end());
  print_result(options, pipeline, request, result, times, names, notices);
}

}  // namespace

void add_generate(CLI::App& program) {
  auto* command = program.add_subcommand("generate", "Draw a picture from edges and a prompt");
  auto o = std::make_shared<GenerateArguments>();
  o->model.add_to(*command);
  command
      ->add_option("-i,--image", o->image,
                   "Picture (PNG, JPEG, WebP, Netpbm) whose edges steer,\nor - for standard "
                   "input; without "
                   "any the prompt alone draws")
      ->transform(path());
  command->add_option("--edges", o->edges, "Ready edge map, taken at its own size, or -")
      ->transform(path());
  command->add_option("--init", o->init, "Picture to begin with, or -")->transform(path());
  command
      ->add_option("--mask", o->mask,
                   "What of it is to be painted: white; what is black is kept; or -")
      ->transform(path());
  for (const auto& field : request_fields()) o->request.add(*command, field.name, {});
  for (const auto& field : loopback_fields()) o->loopback.add(*command, field.name, {});
  o->folder.add_to(*command);
  command
      ->add_option("--from", o->from,
                   "Picture to draw again from the text that is in it, the web UI's,\n"
                   "ComfyUI's or our own; options that are given as well count instead")
      ->transform(path());
  command
      ->add_option(
          "--json-request", o->json_request,
          "File of a request in JSON, or - for standard input: fields are named as\n"
          "in --json's \"request\", beside \"image\" or \"edges\", \"init\",\n"
          "\"mask\", \"output\" and \"save_edges\"; options that are given as well count instead")
      ->transform(path());
  command->add_option("--save-edges", o->save_edges, "Write the edges to this file too, or -")
      ->transform(path());
  command
      ->add_option("--preview", o->preview,
                   "Write what the picture is to become to this file while it is drawn")
      ->transform(output_path());
  command->add_option("--preview-steps", o->preview_steps, "After every so many steps [5]")
      ->check(CLI::Range(1, 999));
  o->device.add_to(*command, /*mixes=*/true);
  o->model.add_details_to(*command);
  command->add_flag("--warm", o->warm,
                    "Draw once before, so that --json's seconds are those of a warm engine");
  command->add_flag("--json", o->json, "Print the result as JSON");
  command
      ->add_option("-o,--output", o->output,
                   "Picture to write (.png, .jpg, .webp), or - for standard output\n(PNG); several "
                   "samples or loops: NAME_0.png ...")
      ->transform(output_path());
  command->footer(
      "A model may carry defaults of its own; those in brackets apply if it does not.\n\n"
      "  drypoint generate -i photo.jpg -p \"a red bird\" -o bird.png\n"
      "  drypoint generate -m v1-5-pruned.safetensors --control canny=control_canny.pth \\\n"
      "      -i photo.jpg -p \"a watercolour of a harbour\" --seed 7 -o harbour.png\n"
      "  drypoint generate --images photos/ -p \"a watercolour of {words}\" -o watercolours/\n");
  command->callback([o] { run(*o); });
}

}  // namespace drypoint::cli
