// Initial pictures, masks and second passes in a text.
#pragma once

#include "recall/findings.h"

namespace drypoint {

/// Pictures are missing until they are given, as the fields "init" and "mask".
void find_painting(Findings& found);
/// Whether `find_painting` reads this key.
bool is_painting_key(std::string_view key);

}  // namespace drypoint
