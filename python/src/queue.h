// Queues and jobs.
#pragma once

#include <nanobind/nanobind.h>

namespace drypoint::python {

void add_queue(nanobind::module_& module);

}  // namespace drypoint::python
