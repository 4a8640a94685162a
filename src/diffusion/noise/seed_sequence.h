// numpy's SeedSequence: a few words that are mixed out of a seed and a place in a tree.
#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <vector>

namespace drypoint {

/// The first `count` words of `SeedSequence(entropy, spawn_key, pool_size).generate_state(count)`.
/// numpy/random/bit_generator.pyx
std::vector<uint32_t> seed_words(uint64_t entropy, std::initializer_list<uint64_t> spawn_key,
                                 size_t pool_size, size_t count);

}  // namespace drypoint
