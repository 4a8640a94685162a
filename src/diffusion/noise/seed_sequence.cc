#include "diffusion/noise/seed_sequence.h"

#include <algorithm>

namespace drypoint {
namespace {

/// In 32-bit words, the lowest first; 0 is one word.
void append_words(std::vector<uint32_t>& words, uint64_t value) {
  words.push_back(static_cast<uint32_t>(value));
  if (value >> 32) words.push_back(static_cast<uint32_t>(value >> 32));
}

uint32_t folded(uint32_t value) { return value ^ (value >> 16); }

/// Hashes that depend on how many came before.
class Hash {
 public:
  Hash(uint32_t start, uint32_t factor) : constant_(start), factor_(factor) {}
  uint32_t operator()(uint32_t value) {
    value ^= constant_;
    constant_ *= factor_;
    return folded(value * constant_);
  }

 private:
  uint32_t constant_, factor_;
};

uint32_t mixed(uint32_t a, uint32_t b) { return folded(0xca01f9ddu * a - 0x4973f715u * b); }

std::vector<uint32_t> pool_of(const std::vector<uint32_t>& entropy, size_t size) {
  Hash hash(0x43b0d7e5u, 0x931e8875u);
  std::vector<uint32_t> pool(size);
  for (size_t i = 0; i < size; ++i) pool[i] = hash(i < entropy.size() ? entropy[i] : 0);
  for (size_t from = 0; from < size; ++from)
    for (size_t to = 0; to < size; ++to)
      if (from != to) pool[to] = mixed(pool[to], hash(pool[from]));
  for (size_t from = size; from < entropy.size(); ++from)
    for (uint32_t& word : pool) word = mixed(word, hash(entropy[from]));
  return pool;
}

}  // namespace

std::vector<uint32_t> seed_words(uint64_t entropy, std::initializer_list<uint64_t> spawn_key,
                                 size_t pool_size, size_t count) {
  std::vector<uint32_t> words;
  append_words(words, entropy);
  if (spawn_key.size() > 0) words.resize(std::max(words.size(), pool_size), 0);
  for (const uint64_t key : spawn_key) append_words(words, key);
  const std::vector<uint32_t> pool = pool_of(words, pool_size);
  Hash hash(0x8b51f9ddu, 0x58f38dedu);
  std::vector<uint32_t> state(count);
  for (size_t i = 0; i < count; ++i) state[i] = hash(pool[i % pool_size]);
  return state;
}

}  // namespace drypoint
