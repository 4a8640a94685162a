#include "folder_options.h"

#include <fmt/format.h>

#include "options.h"
#include "terminal.h"

namespace drypoint::cli {
namespace {

constexpr std::pair<const char*, FolderUse> uses[] = {{"image", FolderUse::image},
                                                      {"edges", FolderUse::edges},
                                                      {"init", FolderUse::init},
                                                      {"both", FolderUse::both}};

std::vector<std::string> names_of(const FolderPicture& picture) {
  std::vector<std::string> names;
  for (const auto& output : picture.outputs) names.push_back(output.string());
  return names;
}

/// What JSON tells in the end.
struct Account {
  Json drawn = Json::array(), failed = Json::array();
};

}  // namespace

void FolderOptions::add_to(CLI::App& command) {
  command
      .add_option("--images", images,
                  "Folder of pictures, each drawn from in its turn; --output is a folder then,\n"
                  "or a name with {name} in it")
      ->transform(path());
  command
      .add_option("--images-are", use,
                  "What they are: image (whose edges steer), edges (ready ones), init\n"
                  "(to begin with) or both (image and init) [image]")
      ->check(one_of({"image", "edges", "init", "both"}));
  command.add_option("--masks", masks, "Folder of masks with their pictures' names")
      ->transform(path());
  command
      .add_option("--prompt-for", prompts,
                  "PATTERN=TEXT, as in \"cat*=a cat\": the prompt of pictures whose names match;\n"
                  "may be given several times. In all prompts {name}, {words} and {text}\n"
                  "stand for a picture's name, its words and what NAME.txt holds")
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)
      ->allow_extra_args(false);
  command.add_flag("--skip-existing", skip_existing, "Pass over pictures whose results are there");
}

void FolderOptions::expect_none() const {
  for (const auto& [option, given] : {std::pair{"--images-are", !use.empty()},
                                      {"--masks", !masks.empty()},
                                      {"--prompt-for", !prompts.empty()},
                                      {"--skip-existing", skip_existing}})
    if (given) bad_option(fmt::format("{}: found no --images, expected a folder", option));
}

FolderRun FolderOptions::run(const std::string& output, const Loopback& loopback) const {
  FolderRun run{.images = images,
                .masks = masks,
                .prompts = {},
                .output = output,
                .skip_existing = skip_existing,
                .loopback = loopback};
  for (const auto& [name, value] : uses)
    if (use == name) run.use = value;
  for (const std::string& one : prompts) {
    const size_t equals = one.find('=');
    if (equals == 0 || equals == one.npos)
      bad_option(fmt::format("--prompt-for: \"{}\", expected PATTERN=TEXT", in_one_line(one)));
    run.prompts.emplace_back(one.substr(0, equals), one.substr(equals + 1));
  }
  return run;
}

int draw_folder_told(Pipeline& pipeline, const Request& request, const FolderRun& run,
                     const Callbacks& drawing, std::vector<std::string> notices, bool json) {
  Account account;
  FolderCallbacks callbacks{.drawing = drawing};
  callbacks.drawn = [&](const FolderPicture& picture, const std::vector<Result>& loops) {
    for (const Result& result : loops)
      for (const std::string& notice : result.notices)
        if (std::ranges::find(notices, notice) == notices.end()) notices.push_back(notice);
    account.drawn.push_back({{"image", picture.image.string()}, {"outputs", names_of(picture)}});
    if (json) return;
    for (const std::string& name : names_of(picture)) fmt::print("{}\n", name);
    std::fflush(stdout);
  };
  callbacks.failed = [&](const FolderPicture& picture, const Error& error) {
    const std::string file = picture.image.string(), what = error.what();
    print_error(what.starts_with(file) ? what : fmt::format("{}: {}", file, what));
    account.failed.push_back({{"image", file}, {"error", to_json(error)["error"]}});
  };
  ProgressLine line;
  const auto progress = drawing.progress;
  std::string at;
  callbacks.begins = [&](const FolderPicture& picture, size_t number, size_t of) {
    at = fmt::format("{} of {}, {}", number + 1, of, picture.image.filename().string());
  };
  callbacks.drawing.progress = [&](const Progress& now) {
    if (progress) progress(now);
    line.show(at + ": " + std::string(name(now.stage)), now.done, now.of);
  };
  const FolderReport report = draw_folder(pipeline, request, run, callbacks);
  for (const std::string& notice : notices) print_notice(notice);
  if (json) {
    print_json({{"device", pipeline.description().device},
                {"seed", report.seed},
                {"drawn", account.drawn},
                {"passed_over", report.passed_over},
                {"failed", account.failed},
                {"notices", notices}});
  } else {
    if (report.passed_over > 0)
      print_notice(fmt::format("{} passed over, as {} there", report.passed_over,
                               report.passed_over == 1 ? "its result is" : "their results are"));
    if (!request.seed && report.drawn > 0) print_notice(fmt::format("seed {}", report.seed));
  }
  return report.failed > 0 ? 1 : 0;
}

}  // namespace drypoint::cli
