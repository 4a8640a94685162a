// Draws a picture over the edges of another: draw MODEL CONTROLNET PICTURE PROMPT OUTPUT.png
#include <drypoint/pipeline.h>

#include <csignal>
#include <iostream>

namespace {

volatile std::sig_atomic_t stop_asked = 0;

void draw(char** argv) {
  drypoint::Pipeline pipeline({.model = argv[1], .control = argv[2]});
  drypoint::Request request = pipeline.defaults();
  request.image = drypoint::read_image(argv[3]).image;
  request.prompt = argv[4];
  request.resolution = 64;
  request.steps = 4;
  request.seed = 1;

  const auto show = [](const drypoint::Progress& progress) {
    std::cerr << name(progress.stage) << ' ' << progress.done << '/' << progress.of << '\n';
  };
  const drypoint::Result result =
      pipeline.generate(request, {.progress = show, .stop = [] { return stop_asked != 0; }});
  drypoint::write_image(argv[5], result.images[0], result.parameters[0]);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 6) {
    std::cerr << "usage: draw MODEL CONTROLNET PICTURE PROMPT OUTPUT.png\n";
    return 2;
  }
  std::signal(SIGINT, [](int) { stop_asked = 1; });
  try {
    draw(argv);
  } catch (const drypoint::Error& error) {
    std::cerr << name(error.kind()) << ": " << error.what() << '\n';
    return error.kind() == drypoint::ErrorKind::cancelled ? 130 : 1;
  }
}
