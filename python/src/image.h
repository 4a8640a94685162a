// Pictures from and to what Python has for them.
#pragma once

#include <nanobind/nanobind.h>

#include "drypoint/image.h"

namespace drypoint::python {

namespace nb = nanobind;

/// A drypoint.Image, a path, a file's bytes, a picture of Pillow, or an array of uint8 in the
/// host's memory, [height, width] or [height, width, 1, 3 or 4], by DLPack or the buffer protocol.
/// Alpha is composed over white. `name` stands for it in messages. What was left out of a file is
/// a warning.
Image to_image(nb::handle source, const char* name);
/// The same with three channels: grey is copied.
Image to_rgb(nb::handle source, const char* name);

/// One that shares its memory with `image`, which must be kept alive by `owner`.
nb::object to_array(Image& image, nb::handle owner);

void add_image(nb::module_& module);

}  // namespace drypoint::python
