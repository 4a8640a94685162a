#include "drypoint/recall.h"

#include <algorithm>

#include "base/error.h"
#include "drypoint/fields.h"
#include "recall/comfy.h"
#include "recall/fields_of.h"

namespace drypoint {
namespace {

/// The web UI's is "v1.10.1", Forge's "f2.0.1v1.10.1"; older ones have none.
void note_version(Recalled& recalled) {
  const std::string& version = recalled.parameters.version;
  if (version.starts_with("drypoint ")) recalled.source = Recalled::Source::drypoint;
  if (recalled.source == Recalled::Source::a1111 && !version.empty() && version[0] != 'v' &&
      version[0] != 'f')
    recalled.notices.push_back("its text is read as the web UI's, whose it does not say it is");
}

}  // namespace

std::string_view name(Recalled::Source source) {
  switch (source) {
    case Recalled::Source::drypoint: return "drypoint";
    case Recalled::Source::a1111: return "a1111";
    case Recalled::Source::comfy: return "comfy";
  }
  return "unknown";
}

void Recalled::apply(Request& request) const {
  for (const auto& [field, value] : fields)
    find_field(request_fields(), field)->set(request, value);
  if (!controls.empty()) request.controls = controls;
}

void Recalled::expect_complete(std::string_view name, const std::vector<std::string>& given) const {
  std::string all;
  for (const Missing& one : missing) {
    if (!one.field.empty() && std::ranges::find(given, one.field) != given.end()) continue;
    all += (all.empty() ? "" : "; ") + one.what;
  }
  if (!all.empty())
    fail(ErrorKind::unsupported, "{}: cannot be drawn again from its text: {}", name, all);
}

Recalled recall(const PictureText& text, std::string_view name) {
  return at_border(name, [&] {
    Recalled recalled;
    if (!text.parameters.empty()) {
      recalled.parameters = parse_parameters(text.parameters);
      note_version(recalled);
    } else if (!text.graph.empty()) {
      recalled = read_comfy_graph(text.graph, name);
    } else {
      fail(ErrorKind::bad_file,
           "{}: has no text with settings, expected the web UI's, Drypoint's or ComfyUI's", name);
    }
    find_fields(recalled);
    return recalled;
  });
}

}  // namespace drypoint
