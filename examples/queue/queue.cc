// Draws a picture for each prompt, all along the edges of one: as a server would, which gets its
// requests from many threads. Ctrl-C gives up what is not done.
#include <drypoint/image.h>
#include <drypoint/queue.h>

#include <chrono>
#include <csignal>
#include <filesystem>
#include <iostream>
#include <string>
#include <vector>

namespace {

volatile std::sig_atomic_t stop_asked = 0;

void tell(size_t number, const drypoint::Job& job) {
  std::cerr << number << ": " << name(job.state());
  if (const size_t place = job.place(); place > 0) std::cerr << ", number " << place << " in line";
  const drypoint::Progress progress = job.progress();
  if (job.state() == drypoint::JobState::drawing)
    std::cerr << ", " << name(progress.stage) << ' ' << progress.done << '/' << progress.of;
  std::cerr << '\n';
}

/// -> how many could not be drawn
int draw(char** argv, int prompts) {
  const drypoint::Device device(drypoint::DeviceOptions{});
  const drypoint::Model model({.model = argv[1], .control = argv[2]}, device);
  drypoint::Queue queue(model);
  drypoint::Request request = model.defaults();
  request.image = drypoint::read_image(argv[3]).image;
  request.resolution = 64;
  request.steps = 4;
  request.seed = 1;
  std::vector<drypoint::Job> jobs;
  for (int i = 0; i < prompts; ++i) {
    request.prompt = argv[5 + i];
    jobs.push_back(queue.push(request));
  }
  int failed = 0;
  for (size_t i = 0; i < jobs.size(); ++i) try {
      while (!jobs[i].wait_for(std::chrono::milliseconds(200))) {
        tell(i, jobs[i]);
        if (stop_asked) queue.stop();
      }
      const drypoint::Result result = jobs[i].result();
      drypoint::write_image(std::filesystem::path(argv[4]) / (std::to_string(i) + ".png"),
                            result.images[0], result.parameters[0]);
    } catch (const drypoint::Error& error) {
      std::cerr << i << ": " << name(error.kind()) << ": " << error.what() << '\n';
      ++failed;
    }
  return failed;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 6) {
    std::cerr << "usage: queue MODEL CONTROLNET PICTURE FOLDER PROMPT...\n";
    return 2;
  }
  std::signal(SIGINT, [](int) { stop_asked = 1; });
  try {
    return draw(argv, argc - 5) == 0 ? 0 : 1;
  } catch (const drypoint::Error& error) {
    std::cerr << name(error.kind()) << ": " << error.what() << '\n';
    return 1;
  }
}
