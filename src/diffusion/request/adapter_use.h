// Adapters as people name them: in a field of a request, and in its prompt.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "drypoint/pipeline.h"

namespace drypoint {

constexpr size_t kMostAdapters = 64;  // of a request

/// "FILE=STRENGTH:TEXT_STRENGTH:BLOCK,BLOCK,...", and back.
AdapterUse adapter_use(std::string_view text);
std::string text_of(const AdapterUse& use);

/// Throws bad_argument.
void check_strengths(const AdapterUse& use);

/// A request's own, then those of its prompt. Throws bad_argument for what cannot be read.
std::vector<AdapterUse> adapters_of(const Request& request);

/// The prompt to encode: all of it (`full_prompt`), without what calls adapters.
std::string encoded_prompt(const Request& request);

/// The prompt as a picture's text has it: as typed, and behind it what calls the request's own
/// adapters, as if they had been called there.
std::string prompt_with_adapters(const Request& request);
/// The same as the field `lora` takes it, a line each, by their names.
std::string named_adapters(std::span<const AdapterUse> uses);

}  // namespace drypoint
