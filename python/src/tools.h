// What the program can do beside drawing.
#pragma once

#include <nanobind/nanobind.h>

namespace drypoint::python {

void add_inspect(nanobind::module_& module);
void add_measure(nanobind::module_& module);
void add_score(nanobind::module_& module);
void add_files(nanobind::module_& module);
void add_quantize(nanobind::module_& module);
void add_upscale(nanobind::module_& module);
void add_text(nanobind::module_& module);

}  // namespace drypoint::python
