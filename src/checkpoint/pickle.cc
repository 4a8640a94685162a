#include "checkpoint/pickle.h"

#include <fmt/format.h>

#include <bit>
#include <charconv>
#include <cstdlib>
#include <unordered_map>

#include "base/error.h"
#include "base/utf8.h"
#include "checkpoint/named_tensors.h"

namespace drypoint::pickle {

namespace {
constexpr int deepest = 200;
// Units of some 24 bytes. A tensor takes 75 of them and as many bytes of the file, so any number of
// tensors can be read, and no file takes more than a small multiple of its size.
constexpr size_t free_units = 3'000'000, value_units = 3, memo_units = 3;
constexpr size_t longest_global = 512;
}  // namespace

// The stack machine that a pickle is a program for.
class Machine {
 public:
  Machine(std::span<const std::byte> bytes, const std::string& file, Pickle& pickle)
      : bytes_(bytes), file_(file), pickle_(pickle) {}

  void run() {
    while (step()) {
    }
    pickle_.length_ = at_;
  }

 private:
  [[noreturn]] void damaged(std::string_view what) const {
    fail(ErrorKind::bad_file, "{}: damaged pickle at byte {}: {}", file_, at_, what);
  }
  // Bounds memory: everything stored is counted, and shared values are cheap to refer to.
  void spend(size_t cost) {
    spent_ += cost;
    if (spent_ > free_units + bytes_.size())
      fail(ErrorKind::bad_file, "{}: its pickle has too many values for its {} bytes", file_,
           bytes_.size());
  }

  // ---- the program's text
  std::string_view take(uint64_t length) {
    if (length > bytes_.size() - at_) damaged("it ends too early");
    const auto part = bytes_.subspan(at_, static_cast<size_t>(length));
    at_ += part.size();
    return {reinterpret_cast<const char*>(part.data()), part.size()};
  }
  uint64_t take_unsigned(int size) {
    const std::string_view raw = take(static_cast<uint64_t>(size));
    uint64_t value = 0;
    for (int i = 0; i < size; ++i) value |= uint64_t{static_cast<unsigned char>(raw[i])} << 8 * i;
    return value;
  }
  std::string_view take_line() {
    const std::string_view rest(reinterpret_cast<const char*>(bytes_.data()) + at_,
                                bytes_.size() - at_);
    const size_t end = rest.find('\n');
    if (end == rest.npos) damaged("a line does not end");
    at_ += end + 1;
    return rest.substr(0, end);
  }
  int64_t parse_integer(std::string_view digits) const {
    int64_t value = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
    if (error != std::errc() || end != digits.data() + digits.size())
      damaged("a number is not a number");
    return value;
  }

  // ---- values
  Value* make(Kind kind) {
    spend(value_units);
    pickle_.values_.push_back({.kind = kind});
    return &pickle_.values_.back();
  }
  void push(Value* value) { stack_.push_back(value); }
  void push_integer(int64_t integer, Kind kind = Kind::integer) {
    Value* value = make(kind);
    value->integer = integer;
    push(value);
  }
  void push_real(double real) {
    Value* value = make(Kind::real);
    value->real = real;
    push(value);
  }
  void push_text(std::string_view text) {
    Value* value = make(Kind::text);
    value->text = text;
    push(value);
  }
  // Little-endian two's complement of any length.
  void push_long(std::string_view raw) {
    if (raw.size() > 8) return push(make(Kind::other));
    uint64_t bits = !raw.empty() && (raw.back() & 0x80) ? ~uint64_t{0} : 0;
    for (size_t i = 0; i < raw.size(); ++i) {
      bits &= ~(uint64_t{0xff} << 8 * i);
      bits |= uint64_t{static_cast<unsigned char>(raw[i])} << 8 * i;
    }
    push_integer(static_cast<int64_t>(bits));
  }
  void push_global(std::string_view module, std::string_view name) {
    if (module.size() + name.size() > longest_global) damaged("a global's name is too long");
    spend(1 + (module.size() + name.size()) / 64);
    Value* value = make(Kind::global);
    pickle_.texts_.push_back(std::string(module) + "." + std::string(name));
    value->text = pickle_.texts_.back();
    push(value);
  }

  // ---- the stack
  size_t floor() const { return marks_.empty() ? 0 : marks_.back(); }
  Value* pop() {
    if (stack_.size() <= floor()) damaged("it takes a value that is not there");
    Value* value = stack_.back();
    stack_.pop_back();
    return value;
  }
  Value* top() {
    if (stack_.size() <= floor()) damaged("it uses a value that is not there");
    return stack_.back();
  }
  std::vector<Value*> pop_mark() {
    if (marks_.empty()) damaged("it goes back to a mark that is not there");
    const auto begin = stack_.begin() + static_cast<ptrdiff_t>(marks_.back());
    std::vector<Value*> items(begin, stack_.end());
    stack_.erase(begin, stack_.end());
    marks_.pop_back();
    return items;
  }
  std::vector<Value*> pop_many(size_t count) {
    std::vector<Value*> items(count);
    for (size_t i = count; i-- > 0;) items[i] = pop();
    return items;
  }

  void append(Value* to, std::span<Value* const> items) {
    spend(items.size());
    for (const Value* item : items) {
      to->items.push_back(item);
      const int depth = std::max<int>(to->depth, item->depth + 1);
      if (depth > deepest)
        fail(ErrorKind::bad_file, "{}: its pickle is nested deeper than {}", file_, deepest);
      to->depth = static_cast<uint16_t>(depth);
    }
  }
  void push_container(Kind kind, std::span<Value* const> items) {
    if (kind == Kind::dictionary && items.size() % 2 != 0) damaged("a key has no value");
    Value* value = make(kind);
    append(value, items);
    push(value);
  }
  void add_to_list(std::span<Value* const> items) {
    Value* target = top();
    if (target->is(Kind::list))
      append(target, items);
    else if (!target->is(Kind::object))
      damaged("it appends to what is not a list");
  }
  void add_to_dictionary(std::span<Value* const> items) {
    Value* target = top();
    if (items.size() % 2 != 0) damaged("a key has no value");
    if (target->is(Kind::dictionary))
      append(target, items);
    else if (!target->is(Kind::object))
      damaged("it sets an item of what is not a dictionary");
  }

  // Calling `callable`: containers of the standard library are built, the rest is only noted down.
  void push_call(Value* callable, Value* arguments) {
    if (callable->is_global("collections.OrderedDict") && arguments->is(Kind::tuple)) {
      Value* result = make(Kind::dictionary);
      if (!arguments->items.empty() && arguments->items[0]->is(Kind::list)) {
        spend(arguments->items[0]->items.size());
        for (const Value* pair : arguments->items[0]->items)
          if (pair->items.size() == 2) {
            Value* both[] = {const_cast<Value*>(pair->items[0]),
                             const_cast<Value*>(pair->items[1])};
            append(result, both);
          }
      }
      return push(result);
    }
    Value* both[] = {callable, arguments};
    push_container(Kind::object, both);
  }
  // An object's attributes, which hold tensors in this class alone.
  void build(Value* attributes) {
    Value* target = top();
    if (target->is(Kind::object) && target->items.size() == 2 &&
        target->items[0]->is_global("torch.nn.modules.container.ParameterDict"))
      append(target, std::span(&attributes, 1));
  }
  void push_persistent(Value* id) {
    push_container(Kind::persistent, std::span(&id, 1));
    pickle_.persistent_.push_back(stack_.back());
  }

  void put(uint64_t index) {
    spend(memo_units);
    memo_[index] = top();
  }
  void get(uint64_t index) {
    const auto found = memo_.find(index);
    if (found == memo_.end()) damaged("it recalls what was never stored");
    push(found->second);
  }

  bool step();
  bool step_rare(unsigned char opcode);

  std::span<const std::byte> bytes_;
  const std::string& file_;
  Pickle& pickle_;
  size_t at_ = 0, spent_ = 0;
  std::vector<Value*> stack_;
  std::vector<size_t> marks_;
  std::unordered_map<uint64_t, Value*> memo_;
};

// Returns false at the end of the program.
bool Machine::step() {
  const auto opcode = static_cast<unsigned char>(take_unsigned(1));
  switch (opcode) {
    case 0x80: {  // PROTO
      const uint64_t protocol = take_unsigned(1);
      if (protocol > 5) damaged(fmt::format("protocol {}, expected at most 5", protocol));
      break;
    }
    case 0x95: take_unsigned(8); break;  // FRAME
    case '.':                            // STOP
      pickle_.root_ = pop();
      return false;
    case '(':  // MARK
      if (marks_.size() >= deepest)
        fail(ErrorKind::bad_file, "{}: its pickle is nested deeper than {}", file_, deepest);
      marks_.push_back(stack_.size());
      break;
    case '0':  // POP
      if (stack_.size() == floor())
        pop_mark();
      else
        pop();
      break;
    case '1': pop_mark(); break;   // POP_MARK
    case '2': push(top()); break;  // DUP

    case 'N': push(make(Kind::none)); break;
    case 0x88: push_integer(1, Kind::boolean); break;                       // NEWTRUE
    case 0x89: push_integer(0, Kind::boolean); break;                       // NEWFALSE
    case 'J': push_integer(static_cast<int32_t>(take_unsigned(4))); break;  // BININT
    case 'K': push_integer(static_cast<int64_t>(take_unsigned(1))); break;  // BININT1
    case 'M': push_integer(static_cast<int64_t>(take_unsigned(2))); break;  // BININT2
    case 0x8a: push_long(take(take_unsigned(1))); break;                    // LONG1
    case 'G': push_real(std::bit_cast<double>(__builtin_bswap64(take_unsigned(8)))); break;
    case 'X': push_text(take(take_unsigned(4))); break;   // BINUNICODE
    case 0x8c: push_text(take(take_unsigned(1))); break;  // SHORT_BINUNICODE

    case ')': push_container(Kind::tuple, {}); break;            // EMPTY_TUPLE
    case 't': push_container(Kind::tuple, pop_mark()); break;    // TUPLE
    case 0x85: push_container(Kind::tuple, pop_many(1)); break;  // TUPLE1
    case 0x86: push_container(Kind::tuple, pop_many(2)); break;  // TUPLE2
    case 0x87: push_container(Kind::tuple, pop_many(3)); break;  // TUPLE3
    case ']': push_container(Kind::list, {}); break;             // EMPTY_LIST
    case 'a': add_to_list(pop_many(1)); break;                   // APPEND
    case 'e': add_to_list(pop_mark()); break;                    // APPENDS
    case '}': push_container(Kind::dictionary, {}); break;       // EMPTY_DICT
    case 's': add_to_dictionary(pop_many(2)); break;             // SETITEM
    case 'u': add_to_dictionary(pop_mark()); break;              // SETITEMS

    case 'h': get(take_unsigned(1)); break;  // BINGET
    case 'j': get(take_unsigned(4)); break;  // LONG_BINGET
    case 'q': put(take_unsigned(1)); break;  // BINPUT
    case 'r': put(take_unsigned(4)); break;  // LONG_BINPUT
    case 0x94: put(memo_.size()); break;     // MEMOIZE

    case 'c': {  // GLOBAL
      const auto module = take_line();
      push_global(module, take_line());
      break;
    }
    case 'R': {  // REDUCE
      Value* arguments = pop();
      push_call(pop(), arguments);
      break;
    }
    case 'b': build(pop()); break;            // BUILD
    case 'Q': push_persistent(pop()); break;  // BINPERSID
    default: return step_rare(opcode);
  }
  return true;
}

// What PyTorch does not write itself, but others may.
bool Machine::step_rare(unsigned char opcode) {
  switch (opcode) {
    case 'I': {  // INT, which older protocols use for booleans too
      const auto digits = take_line();
      if (digits == "00" || digits == "01")
        push_integer(digits == "01", Kind::boolean);
      else
        push_integer(parse_integer(digits));
      break;
    }
    case 'L': {  // LONG
      auto digits = take_line();
      if (digits.ends_with('L')) digits.remove_suffix(1);
      if (digits.size() > 18)
        push(make(Kind::other));
      else
        push_integer(parse_integer(digits));
      break;
    }
    case 0x8b: push_long(take(take_unsigned(4))); break;  // LONG4
    case 'F': {                                           // FLOAT
      const std::string digits(take_line().substr(0, 64));
      push_real(std::strtod(digits.c_str(), nullptr));
      break;
    }
    case 'S': {  // STRING, in quotes
      auto line = take_line();
      if (line.size() < 2) damaged("a string has no quotes");
      push_text(line.substr(1, line.size() - 2));
      break;
    }
    case 'V': push_text(take_line()); break;              // UNICODE
    case 'T':                                             // BINSTRING
    case 'B': push_text(take(take_unsigned(4))); break;   // BINBYTES
    case 'U':                                             // SHORT_BINSTRING
    case 'C': push_text(take(take_unsigned(1))); break;   // SHORT_BINBYTES
    case 0x8d:                                            // BINUNICODE8
    case 0x8e:                                            // BINBYTES8
    case 0x96: push_text(take(take_unsigned(8))); break;  // BYTEARRAY8

    case 'l': push_container(Kind::list, pop_mark()); break;        // LIST
    case 'd': push_container(Kind::dictionary, pop_mark()); break;  // DICT
    case 0x8f: push_container(Kind::list, {}); break;               // EMPTY_SET
    case 0x90: add_to_list(pop_mark()); break;                      // ADDITEMS
    case 0x91: push_container(Kind::list, pop_mark()); break;       // FROZENSET

    case 'g': get(static_cast<uint64_t>(parse_integer(take_line()))); break;  // GET
    case 'p': put(static_cast<uint64_t>(parse_integer(take_line()))); break;  // PUT

    case 0x93: {  // STACK_GLOBAL
      const Value* name = pop();
      const Value* module = pop();
      if (!name->is(Kind::text) || !module->is(Kind::text)) damaged("a global has no name");
      push_global(module->text, name->text);
      break;
    }
    case 'i': {  // INST
      const auto module = take_line();
      push_global(module, take_line());
      Value* callable = pop();
      push_container(Kind::tuple, pop_mark());
      push_call(callable, pop());
      break;
    }
    case 'o': {  // OBJ
      auto items = pop_mark();
      if (items.empty()) damaged("an object has no class");
      push_container(Kind::tuple, std::span(items).subspan(1));
      push_call(items[0], pop());
      break;
    }
    case 0x81: {  // NEWOBJ
      Value* arguments = pop();
      push_call(pop(), arguments);
      break;
    }
    case 0x92: {  // NEWOBJ_EX
      pop();      // keyword arguments
      Value* arguments = pop();
      push_call(pop(), arguments);
      break;
    }
    case 0x82: take_unsigned(1), push(make(Kind::other)); break;      // EXT1
    case 0x83: take_unsigned(2), push(make(Kind::other)); break;      // EXT2
    case 0x84: take_unsigned(4), push(make(Kind::other)); break;      // EXT4
    case 'P': push_text(take_line()), push_persistent(pop()); break;  // PERSID
    default: damaged(fmt::format("unknown opcode 0x{:02x}", opcode));
  }
  return true;
}

Pickle::Pickle(std::span<const std::byte> bytes, const std::string& file) {
  Machine(bytes, file, *this).run();
}

const Value* Value::find(std::string_view key) const {
  const Value* found = nullptr;
  if (is(Kind::dictionary))
    for (size_t i = 0; i + 1 < items.size(); i += 2)
      if (items[i]->is(Kind::text) && items[i]->text == key) found = items[i + 1];
  return found;
}

std::string describe(const Value& value) {
  switch (value.kind) {
    case Kind::none: return "None";
    case Kind::boolean: return "a boolean";
    case Kind::integer: return "an integer";
    case Kind::real: return "a number";
    case Kind::text: return "a text";
    case Kind::tuple: return "a tuple";
    case Kind::list: return "a list";
    case Kind::dictionary: return "a dictionary";
    case Kind::global: return "the name " + printable(value.text);
    case Kind::object:
      return value.items[0]->is(Kind::global)
                 ? "an object made by " + printable(value.items[0]->text)
                 : "an object";
    case Kind::persistent: return "a storage";
    case Kind::other: break;
  }
  return "an unknown object";
}

}  // namespace drypoint::pickle
