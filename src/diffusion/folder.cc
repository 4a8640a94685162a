#include "drypoint/folder.h"

#include <fmt/format.h>
#include <fnmatch.h>

#include <algorithm>
#include <map>
#include <random>
#include <set>

#include "base/error.h"
#include "base/file.h"
#include "base/trimmed.h"
#include "diffusion/model/folder_files.h"
#include "drypoint/output.h"

namespace drypoint {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view name_place = "{name}";

std::string with_replaced(std::string text, std::string_view place, const std::string& by) {
  for (size_t at = text.find(place); at != text.npos; at = text.find(place, at + by.size()))
    text.replace(at, place.size(), by);
  return text;
}

/// The contents of a picture's text file, without white space at its ends.
std::string text_beside(const fs::path& image) {
  const fs::path file = fs::path(image).replace_extension(".txt");
  return std::string(trimmed(read_file(file, 1 << 16), " \t\r\n"));
}

std::string prompt_of(const fs::path& image, const FolderRun& run, const Request& request) {
  const std::string file = image.filename().string(), name = image.stem().string();
  std::string prompt = request.prompt;
  for (const auto& [pattern, own] : run.prompts)
    if (::fnmatch(pattern.c_str(), file.c_str(), 0) == 0) {
      prompt = own;
      break;
    }
  std::string words = name;
  std::ranges::replace_if(
      words, [](char c) { return c == '_' || c == '-'; }, ' ');
  prompt = with_replaced(with_replaced(std::move(prompt), "{words}", words), name_place, name);
  return prompt.find("{text}") == prompt.npos
             ? prompt
             : with_replaced(std::move(prompt), "{text}", text_beside(image));
}

/// "out/cat.png", or "out/cat_0.png" ... where there are several.
std::vector<fs::path> outputs_of(const fs::path& image, const FolderRun& run, int results) {
  const std::string name = image.stem().string(), said = run.output.string();
  fs::path whole = said.find(name_place) == said.npos
                       ? run.output / (name + ".png")
                       : fs::path(with_replaced(said, name_place, name));
  if (results == 1) return {whole};
  std::vector<fs::path> all;
  for (int i = 0; i < results; ++i)
    all.push_back(whole.parent_path() /
                  fmt::format("{}_{}{}", whole.stem().string(), i, whole.extension().string()));
  return all;
}

/// Of a folder of masks, by their pictures' names.
std::map<fs::path, fs::path> masks_of(const FolderRun& run) {
  std::map<fs::path, fs::path> masks;
  if (run.masks.empty()) return masks;
  for (fs::path& path : pictures_in(run.masks)) masks[path.stem()] = path;
  return masks;
}

void check_run(const FolderRun& run, const Request& request) {
  const bool begins = run.use == FolderUse::init || run.use == FolderUse::both;
  if (run.output.empty()) fail(ErrorKind::bad_argument, "output: is empty, expected a folder");
  if (run.use != FolderUse::init && !request.image.pixels.empty())
    fail(ErrorKind::bad_argument, "image: was given, but the folder's pictures are images");
  if (begins && !request.init_image.pixels.empty())
    fail(ErrorKind::bad_argument, "init: was given, but the folder's pictures are initial ones");
  if (!run.masks.empty() && !begins && request.init_image.pixels.empty())
    fail(ErrorKind::bad_argument, "masks: were given, but there is no initial picture");
  if (!run.masks.empty() && !request.mask.pixels.empty())
    fail(ErrorKind::bad_argument, "masks: were given, and a mask of all; expected one of them");
}

/// What concerns the run, not the picture at hand.
bool ends_the_run(ErrorKind kind) {
  return kind == ErrorKind::cancelled || kind == ErrorKind::device_failure ||
         kind == ErrorKind::write_failed || kind == ErrorKind::internal;
}

Request request_for(const FolderPicture& picture, const FolderRun& run, Request request,
                    std::vector<std::string>& notices) {
  const auto read = [&](const fs::path& path) {
    ReadImage one = read_image(path);
    notices.insert(notices.end(), one.notices.begin(), one.notices.end());
    return std::move(one.image);
  };
  request.prompt = prompt_of(picture.image, run, request);
  Image image = read(picture.image);
  if (run.use == FolderUse::init || run.use == FolderUse::both) request.init_image = image;
  if (run.use != FolderUse::init) request.image = std::move(image);
  request.is_edges =
      run.use == FolderUse::edges || (run.use == FolderUse::init && request.is_edges);
  if (!picture.mask.empty()) request.mask = read(picture.mask);
  return request;
}

void write(const FolderPicture& picture, const std::vector<Result>& loops) {
  OutputSet files;
  if (!picture.outputs[0].parent_path().empty())
    files.make_folder(picture.outputs[0].parent_path());
  size_t number = 0;
  for (const Result& result : loops)
    for (size_t i = 0; i < result.images.size(); ++i, ++number)
      files.add(picture.outputs[number],
                encode_image(result.images[i], image_format(picture.outputs[number]),
                             result.parameters[i]));
  files.commit();
}

/// One picture's results, which are written.
std::vector<Result> drawn_of(Pipeline& pipeline, const FolderPicture& picture, const FolderRun& run,
                             const Request& request, const Callbacks& callbacks) {
  if (!run.masks.empty() && picture.mask.empty())
    fail(ErrorKind::bad_file, "{}: has no mask of its name in {}", picture.image.string(),
         run.masks.string());
  std::vector<std::string> notices;
  const Request own = request_for(picture, run, request, notices);
  std::vector<Result> loops = draw_loops(pipeline, own, run.loopback, callbacks);
  loops[0].notices.insert(loops[0].notices.begin(), notices.begin(), notices.end());
  write(picture, loops);
  return loops;
}

/// A path as the system knows it.
fs::path resolved(const fs::path& path) {
  std::error_code ignored;
  const fs::path found = fs::weakly_canonical(path, ignored);
  return ignored ? path : found;
}

bool has_file(const fs::path& path) {
  std::error_code ignored;
  return fs::exists(path, ignored);
}

}  // namespace

std::vector<FolderPicture> folder_pictures(const FolderRun& run, const Request& request) {
  return at_border("folder", [&] {
    check_run(run, request);
    const auto masks = masks_of(run);
    const int results = request.samples * run.loopback.loops;
    std::vector<FolderPicture> pictures;
    std::set<fs::path> inputs;
    for (const fs::path& image : pictures_in(run.images)) {
      FolderPicture& picture = pictures.emplace_back(FolderPicture{image, {}, {}});
      if (const auto mask = masks.find(image.stem()); mask != masks.end())
        picture.mask = mask->second;
      picture.outputs = outputs_of(image, run, results);
      picture.is_there = run.skip_existing && std::ranges::all_of(picture.outputs, has_file);
      inputs.insert(resolved(image));
    }
    for (const FolderPicture& picture : pictures)
      for (const fs::path& output : picture.outputs) {
        image_format(output);
        check_output(output, Folders::are_made);
        if (inputs.contains(resolved(output)))
          fail(ErrorKind::bad_argument,
               "output: {}: is one of the folder's pictures, expected another place",
               output.string());
      }
    return pictures;
  });
}

FolderReport draw_folder(Pipeline& pipeline, const Request& request, const FolderRun& run,
                         const FolderCallbacks& callbacks) {
  const std::vector<FolderPicture> pictures = folder_pictures(run, request);
  FolderReport report;
  Request own = request;
  if (!own.seed) own.seed = std::random_device()();
  report.seed = *own.seed;
  for (size_t i = 0; i < pictures.size(); ++i) {
    const FolderPicture& picture = pictures[i];
    if (picture.is_there) {
      ++report.passed_over;
      continue;
    }
    if (callbacks.begins) callbacks.begins(picture, i, pictures.size());
    std::vector<Result> loops;
    try {
      loops = at_border(picture.image.string(),
                        [&] { return drawn_of(pipeline, picture, run, own, callbacks.drawing); });
    } catch (const Error& error) {
      if (ends_the_run(error.kind())) throw;
      ++report.failed;
      if (callbacks.failed) callbacks.failed(picture, error);
      continue;
    }
    ++report.drawn;
    if (callbacks.drawn) callbacks.drawn(picture, loops);
  }
  return report;
}

}  // namespace drypoint
