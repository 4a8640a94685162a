// What steers a drawing through a ControlNet, made of keywords.
#pragma once

#include <nanobind/nanobind.h>

#include <vector>

#include "drypoint/control.h"
#include "pictures.h"

namespace drypoint::python {

const std::vector<PictureField<Control>>& control_pictures();

/// A sequence of `Control`s or mappings of their keywords; None: none. Throws bad_argument.
std::vector<Control> to_controls(nb::handle given);
/// Copies.
nb::tuple from_controls(const std::vector<Control>& controls);

void add_control(nb::module_& module);

}  // namespace drypoint::python
