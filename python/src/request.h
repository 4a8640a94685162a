// Requests, made of keywords.
#pragma once

#include <nanobind/nanobind.h>

#include <string>

#include "drypoint/pipeline.h"

namespace drypoint::python {

namespace nb = nanobind;

/// Sets what the keywords name: fields and pictures. Throws bad_argument.
void update(Request& request, const nb::kwargs& keywords);
/// A Request, a prompt, or None for `usual` as it is; then the keywords.
Request to_request(nb::handle given, const Request& usual, const nb::kwargs& keywords);

/// Those keywords in a signature: ", image: ... = ..., prompt: str = ..., ...".
std::string request_keywords();

void add_request(nb::module_& module);

}  // namespace drypoint::python
