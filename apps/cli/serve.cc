#include <fmt/format.h>
#include <malloc.h>
#include <unistd.h>

#include <fstream>
#include <iterator>
#include <memory>
#include <thread>

#include "commands.h"
#include "device_options.h"
#include "model_options.h"
#include "options.h"
#include "server/server.h"
#include "terminal.h"

namespace drypoint::cli {
namespace {

struct ServeArguments {
  ModelOptions model;
  DeviceOptions device;
  std::string models, keys, certificate, private_key, journal;
  server::ServerOptions server;
};

std::optional<std::filesystem::path> file_or_none(const std::string& name) {
  return name.empty() ? std::nullopt : std::optional<std::filesystem::path>(name);
}

/// A GPU that has failed works again in a new process alone.
void begin_process_anew() {
  print_notice("the device has failed; the server begins anew");
  std::ifstream file("/proc/self/cmdline", std::ios::binary);
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  std::vector<char*> arguments;
  for (size_t at = 0; at < text.size(); at = text.find('\0', at) + 1)
    arguments.push_back(const_cast<char*>(text.data() + at));
  arguments.push_back(nullptr);
  ::execv("/proc/self/exe", arguments.data());
  throw Error(ErrorKind::device_failure,
              "the device has failed, and the server cannot be begun anew");
}

void run(const ServeArguments& options) {
  std::vector<std::string> notices;
  server::ServerOptions settings = options.server;
  settings.files = options.model.files(notices, "drawing with");
  settings.device = options.device.pipeline_options();
  settings.models = file_or_none(options.models);
  settings.journal = file_or_none(options.journal);
  settings.keys = file_or_none(options.keys);
  settings.certificate = file_or_none(options.certificate);
  settings.private_key = file_or_none(options.private_key);
  if (settings.insecure)
    notices.emplace_back("--insecure: whoever reaches this address can draw, without a key");
  ::mallopt(M_ARENA_MAX, 2);  // else each connection's thread keeps memory of its own
  let_work_end();
  auto serving = std::make_unique<server::Server>(
      settings, [](const std::string& line) { tell(line + "\n"); });
  options.device.note_vain(serving->device(), notices);
  for (const std::string& notice : notices) print_notice(notice);
  fmt::print("{} ({})\n", serving->url(), serving->device());
  std::fflush(stdout);
  while (!interrupted() && !serving->has_lost_device())
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  const bool begin_anew = serving->has_lost_device() && !interrupted();
  const size_t given_up = serving->drain([&] { return begin_anew || interrupted_again(); });
  if (given_up > 0) print_notice(fmt::format("pictures given up: {}", given_up));
  serving.reset();
  if (begin_anew) begin_process_anew();
}

}  // namespace

void add_serve(CLI::App& program) {
  auto* command =
      program.add_subcommand("serve", "Draw for others by HTTP, with a page to draw on");
  auto o = std::make_shared<ServeArguments>();
  server::ServerOptions& s = o->server;
  o->model.add_to(*command);
  command
      ->add_option("--models", o->models,
                   "Folder of further models, as the web UI's: Stable-diffusion,\n"
                   "ControlNet, VAE, Lora, embeddings")
      ->transform(path());
  const auto number_option = [&](const char* name, int& value, int least, int most,
                                 const std::string& help) {
    command->add_option(name, value, fmt::format("{} [{}]", help, value))
        ->check(whole_number(least, most));
  };
  number_option("--loaded", s.loaded, 1, 64, "Models in memory at once, those used last");
  number_option("--model-memory", s.model_megabytes, 0, 1 << 30,
                "MiB of weights on the device at most; models used longest ago go; 0: any");
  command->add_option(
      "--host", s.host,
      "Address to listen at; others than this machine's own need keys\n[127.0.0.1]");
  number_option("--port", s.port, 0, 65535, "0: any that is free");
  command
      ->add_option("--keys", o->keys,
                   "File of keys, one a line, \"KEY\" or \"USER:KEY\", of at least 16 letters;\n"
                   "those of DRYPOINT_API_KEYS count too")
      ->transform(path());
  command->add_flag("--insecure", s.insecure, "No keys at addresses that others can reach");
  command
      ->add_option("--allow-origin", s.origins,
                   "Origin of other pages that may ask, as https://example.org; may be repeated")
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  command
      ->add_option("--host-name", s.host_names,
                   "Name of this machine in addresses, beside its own; may be repeated")
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  command->add_option("--certificate", o->certificate, "PEM file: HTTPS")->transform(path());
  command->add_option("--private-key", o->private_key, "PEM file, of the certificate")
      ->transform(path());
  number_option("--pipelines", s.pipelines, 1, 16, "That draw side by side");
  number_option("--together", s.together, 0, 64,
                "Pictures drawn as one batch at most; 0: as the device likes");
  command
      ->add_option("--journal", o->journal,
                   "SQLite file in which accepted jobs wait as well: they outlive the process")
      ->transform(path());
  number_option("--queue", s.queue, 1, 100'000, "Pictures in line at most");
  number_option("--client-queue", s.client_queue, 0, 100'000,
                "Of one client, a key or an address; 0: as many as of all");
  number_option("--max-pixels", s.most_pixels, 64 * 64, 100'000'000, "Of a picture at most");
  number_option("--max-steps", s.most_steps, 1, 999, "Of a picture at most");
  number_option("--max-pictures", s.most_pictures, 1, 64, "Of a request at most");
  number_option("--max-seconds", s.most_seconds, 0, 86'400, "A picture may take; 0: any");
  number_option("--max-body", s.body_megabytes, 1, 1024, "MiB of a request at most");
  number_option("--preview-every", s.preview_every, 0, 999,
                "Steps from one preview to the next; 0: none");
  number_option("--drain-seconds", s.drain_seconds, 0, 86'400,
                "For jobs that were accepted, after SIGTERM or Ctrl-C");
  command->add_flag("--log", s.log, "Tell of each request on standard error");
  o->device.add_to(*command);
  o->model.add_details_to(*command);
  command->footer(
      "Ctrl-C or SIGTERM: no more jobs, those accepted are drawn; once more: at once.\n\n"
      "  drypoint serve -m v1-5-pruned.safetensors --control canny=control_canny.pth\n"
      "  drypoint serve --host 0.0.0.0 --keys keys.txt --models /srv/models\n");
  command->callback([o] { run(*o); });
}

}  // namespace drypoint::cli
