// ComfyUI's graph, as it stands in its pictures.
#pragma once

#include <string_view>

#include "drypoint/recall.h"

namespace drypoint {

/// A graph of the usual form in the web UI's terms; what of it is of another form is missing.
/// Throws bad_file for text that is no graph; `name` stands for the picture.
Recalled read_comfy_graph(std::string_view graph, std::string_view name);

}  // namespace drypoint
