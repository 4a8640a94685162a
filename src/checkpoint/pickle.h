// Python pickles, protocols 0 to 5, read as inert data. Nothing named in a pickle is ever imported,
// constructed or called: globals stay names, and what they would have made stays an `object`.
// Opcodes: https://github.com/python/cpython/blob/main/Lib/pickletools.py
#pragma once

#include <cstdint>
#include <deque>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace drypoint::pickle {

enum class Kind : uint8_t {
  none,
  boolean,     // integer: 0 or 1
  integer,     // integer; those beyond 64 bits are `other`
  real,        // real
  text,        // text: str or bytes, as in the file
  tuple,       // items
  list,        // items; sets too
  dictionary,  // items: key, value, key, value, ...; OrderedDict too
  global,      // text: "module.name"
  object,      // items: {callable, arguments}: what calling it would have made; a torch.nn
               // ParameterDict's attributes too
  persistent,  // items: {the persistent id}
  other
};

struct Value {
  Kind kind = Kind::none;
  uint16_t depth = 0;  // of the nesting below
  int64_t integer = 0;
  double real = 0;
  std::string_view text;
  std::vector<const Value*> items;

  bool is(Kind k) const { return kind == k; }
  bool is_global(std::string_view name) const { return is(Kind::global) && text == name; }
  /// The value under a text key of a dictionary (the last, as in Python), or nullptr.
  const Value* find(std::string_view key) const;
};

/// What a value is, for messages: "a numpy.ndarray", "a list", "None".
std::string describe(const Value& value);

/// One pickle, which starts with `bytes`; what follows its end is not looked at. The values live as
/// long as this and `bytes` do. Throws bad_file if it is malformed, nested deeper than 200, or
/// larger than any checkpoint's.
class Pickle {
 public:
  Pickle(std::span<const std::byte> bytes, const std::string& file);
  Pickle(const Pickle&) = delete;
  Pickle& operator=(const Pickle&) = delete;

  const Value& root() const { return *root_; }
  size_t length() const { return length_; }  // bytes up to and with the end mark
  /// All persistent values, in the order of appearance.
  const std::vector<const Value*>& persistent() const { return persistent_; }

 private:
  friend class Machine;

  std::deque<Value> values_;
  std::deque<std::string> texts_;  // those that do not lie in the file as they are
  std::vector<const Value*> persistent_;
  const Value* root_ = nullptr;
  size_t length_ = 0;
};

}  // namespace drypoint::pickle
