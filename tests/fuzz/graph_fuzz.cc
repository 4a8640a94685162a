// Any text is refused with an Error or is a graph, which the verifier then finds sound and which
// comes back from its own text.
#include "base/error.h"
#include "graph/text.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace drypoint;
  try {
    const Graph graph =
        parse_graph(std::string_view(reinterpret_cast<const char*>(data), size), "fuzz");
    verify(graph, "parsing");
    DRYPOINT_EXPECT(parse_graph(to_string(graph), "again") == graph, "text that differs");
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::bad_file) __builtin_trap();
  }
  return 0;
}
