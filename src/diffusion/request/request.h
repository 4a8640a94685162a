// Checks of what a caller asks for.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "drypoint/pipeline.h"

namespace drypoint {

/// The prompt with what is added to it, as the text encoder reads it.
std::string full_prompt(const Request& request);

/// The size of what is drawn along a picture of this size. Throws bad_argument.
ImageSize drawn_size(const Request& request, ImageSize picture);

/// The same for what a size or a number of samples may be.
void check_size(ImageSize size, std::string_view what);
void check_samples(int samples, std::string_view what = "samples");

/// The model's own defaults, from its metadata ("drypoint.steps" and so on, and the spacing of a
/// diffusers folder's DDIM), on top of ours. Throws
/// bad_file for a value that is out of range.
Request defaults_from(const std::map<std::string, std::string, std::less<>>& metadata,
                      const std::string& file);

}  // namespace drypoint
