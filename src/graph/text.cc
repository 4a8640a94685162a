#include "graph/text.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>

#include "base/error.h"
#include "tensor/shape.h"

namespace drypoint {
namespace {

// Printing.

bool is_plain(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         std::string_view("-_./:+$").find(c) != std::string_view::npos;
}

/// A name as it stands in the text.
std::string word_of(std::string_view name) {
  if (!name.empty() && name != "twins" && name != "pictures" && !name.starts_with("//") &&
      std::ranges::all_of(name, is_plain))
    return std::string(name);
  std::string text = "\"";
  for (const char c : name) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\')
      text += {'\\', c};
    else if (byte < 0x20 || byte == 0x7f)
      text += fmt::format("\\u{:04x}", byte);
    else
      text += c;
  }
  return text + '"';
}

std::string reference(const Graph& graph, ValueId id) {
  return graph.producer(id) ? fmt::format("%{}", id) : word_of(graph[id].name);
}

std::string line_of(const Graph& graph, ValueId id) {
  const Value& value = graph[id];
  const std::string type = to_string(value.type);
  switch (value.source) {
    case Value::Source::input:
      return fmt::format("{} {} {}{} = input\n", word_of(value.name), type, name(value.rate),
                         value.of_picture ? " of_picture" : "");
    case Value::Source::weight: return fmt::format("{} {} = weight\n", word_of(value.name), type);
    case Value::Source::node: break;
  }
  const Node& node = *graph.producer(id);
  std::vector<std::string> inputs;
  for (const ValueId input : node.inputs) inputs.push_back(reference(graph, input));
  return fmt::format("%{} {} {} = {} ({}){}\n", id, type, name(value.rate), to_string(node.op),
                     fmt::join(inputs, ", "),
                     node.module.empty() ? "" : " # " + word_of(node.module));
}

// Parsing.

struct Word {
  enum class Kind : uint8_t { plain, quoted, mark, end };
  Kind kind = Kind::end;
  std::string text;

  bool is(std::string_view plain) const {
    return (kind == Kind::plain || kind == Kind::mark) && text == plain;
  }
  bool is_name() const { return kind == Kind::quoted || (kind == Kind::plain && text[0] != '%'); }
};

/// One line, word by word: names, types such as "f32[2, 4]", and the marks ( ) , = #.
class Line {
 public:
  Line(std::string_view text, const std::string& source, size_t number)
      : left_(text), source_(source), number_(number) {
    advance();
  }

  const Word& word() const { return word_; }
  bool is_empty_or_remark() const {
    return word_.kind == Word::Kind::end ||
           (word_.kind == Word::Kind::plain && word_.text.starts_with("//"));
  }
  Word take() {
    Word taken = std::move(word_);
    advance();
    return taken;
  }
  bool take_if(std::string_view mark) {
    if (!word_.is(mark)) return false;
    advance();
    return true;
  }
  void take(std::string_view expected) {
    if (!take_if(expected)) refuse(fmt::format("\"{}\"", expected));
  }
  std::string take_name() {
    if (!word_.is_name()) refuse("a name");
    return take().text;
  }

  /// The word at hand is not what it should be.
  [[noreturn]] void refuse(std::string_view expected) const {
    const std::string found = word_.kind == Word::Kind::end ? "the line's end" : shown(word_.text);
    fail(ErrorKind::bad_file, "{}, word {}: {}, expected {}", place(), count_, found, expected);
  }
  /// What the line says does not fit.
  [[noreturn]] void refuse_line(std::string_view what) const {
    fail(ErrorKind::bad_file, "{}: {}", place(), what);
  }
  static std::string shown(const std::string& word) {
    return "\"" + (word.size() > 60 ? word.substr(0, 60) + "..." : word) + "\"";
  }

 private:
  std::string place() const { return fmt::format("{}: line {}", source_, number_); }

  void advance() {
    left_.remove_prefix(std::min(left_.find_first_not_of(" \t\r"), left_.size()));
    word_ = {};
    ++count_;
    if (left_.empty()) return;
    constexpr std::string_view marks = "(),=#";
    if (left_[0] == '"') return quoted();
    if (marks.find(left_[0]) != std::string_view::npos) return cut(Word::Kind::mark, 1);
    size_t size = 0;
    for (;
         size < left_.size() && left_[size] != ' ' && left_[size] != '\t' && left_[size] != '\r' &&
         left_[size] != '"' && marks.find(left_[size]) == std::string_view::npos;
         ++size)
      if (left_[size] == '[') size = std::min(left_.find(']', size), left_.size() - 1);
    cut(Word::Kind::plain, size);
  }

  void cut(Word::Kind kind, size_t size) {
    word_ = {kind, std::string(left_.substr(0, size))};
    left_.remove_prefix(size);
  }

  void quoted() {
    word_.kind = Word::Kind::quoted;
    size_t i = 1;
    for (; i < left_.size() && left_[i] != '"'; ++i) {
      const bool escaped = left_[i] == '\\';
      if (escaped && ++i == left_.size()) break;
      if (escaped && left_[i] == 'u') {
        unsigned code = 0;
        const char* first = left_.data() + i + 1;
        const char* last = first + std::min<size_t>(4, left_.size() - i - 1);
        const auto [end, error] = std::from_chars(first, last, code, 16);
        if (error != std::errc() || end != first + 4 || code > 0x7f)
          refuse_line("found an escape that is not \\u0000 to \\u007f in a quoted name");
        word_.text += static_cast<char>(code);
        i += 4;
      } else {
        word_.text += left_[i];
      }
    }
    if (i >= left_.size()) refuse_line("found a quoted name without an end");
    left_.remove_prefix(i + 1);
  }

  std::string_view left_;
  const std::string& source_;
  size_t number_;
  Word word_;
  size_t count_ = 0;
};

bool parse_number(std::string_view text, int64_t& number) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() && end == text.data() + text.size();
}

class Parser {
 public:
  explicit Parser(const std::string& source) : source_(source) {}

  Graph run(std::string_view text) {
    size_t number = 0;
    while (!text.empty()) {
      const size_t end = std::min(text.find('\n'), text.size());
      Line line(text.substr(0, end), source_, ++number);
      text.remove_prefix(std::min(end + 1, text.size()));
      if (line.is_empty_or_remark()) continue;
      read(line);
      if (line.word().kind != Word::Kind::end) line.refuse("the line's end");
    }
    return std::move(graph_);
  }

 private:
  void read(Line& line) {
    if (line.word().is("twins")) {
      line.take();
      std::string first = line.take_name();
      graph_.twins.emplace_back(std::move(first), line.take_name());
    } else if (line.word().is("pictures")) {
      line.take();
      if (!graph_.values.empty())
        line.refuse_line("found pictures after values, expected them first");
      if (!parse_number(line.word().text, graph_.pictures) || graph_.pictures < 1)
        line.refuse("a number of pictures");
      line.take();
    } else if (line.word().is_name()) {
      read_named(line);
    } else if (line.word().kind == Word::Kind::plain) {
      read_node(line);
    } else {
      line.refuse("a value, \"twins\" or \"pictures\"");
    }
  }

  /// An input, a weight or an output.
  void read_named(Line& line) {
    const std::string name = line.take_name();
    if (line.take_if("=")) {
      line.take("output");
      const ValueId id = read_reference(line);
      if (!graph_.outputs.emplace(name, id).second)
        line.refuse_line("found a second output " + Line::shown(name));
      return;
    }
    const TensorType type = read_type(line);
    std::optional<Rate> rate;
    if (!line.word().is("=")) rate = read_rate(line);
    const bool of_picture = rate && line.take_if("of_picture");
    line.take("=");
    if (graph_.inputs.contains(name) || graph_.weights.contains(name))
      line.refuse_line("found a second input or weight " + Line::shown(name));
    if (rate == Rate::load)
      line.refuse_line("found an input of rate load, expected picture or step");
    line.take(rate ? "input" : "weight");
    if (rate)
      expect_pictures(line, graph_.add_input(name, type, *rate, of_picture));
    else
      graph_.add_weight(name, type);
  }

  void read_node(Line& line) {
    const std::string number = line.take().text;
    std::optional<TensorType> type;
    std::optional<Rate> rate;
    if (!line.word().is("=")) {
      type = read_type(line);
      rate = read_rate(line);
    }
    line.take("=");
    Op op = read_operation(line);
    std::vector<ValueId> inputs;
    line.take("(");
    while (!line.word().is(")")) {
      if (!inputs.empty()) line.take(",");
      inputs.push_back(read_reference(line));
    }
    line.take(")");
    const std::string module = line.take_if("#") ? line.take_name() : "";
    if (numbers_.contains(number)) line.refuse_line("found a second value " + Line::shown(number));
    const ValueId id = add(line, std::move(op), std::move(inputs), module);
    numbers_[number] = id;
    expect_pictures(line, id);
    if ((type && *type != graph_[id].type) || (rate && *rate != graph_[id].rate))
      line.refuse_line(fmt::format("{} is said to be {} {}, expected {} {}", Line::shown(number),
                                   to_string(*type), name(*rate), to_string(graph_[id].type),
                                   name(graph_[id].rate)));
  }

  ValueId add(const Line& line, Op op, std::vector<ValueId> inputs, const std::string& module) {
    try {
      return graph_.add_node(std::move(op), std::move(inputs), module);
    } catch (const Error& error) {
      line.refuse_line(error.what());
    }
  }

  void expect_pictures(const Line& line, ValueId id) const {
    const Shape& shape = graph_[id].type.shape;
    if (graph_[id].of_picture && (shape.empty() || shape[0] % graph_.pictures != 0))
      line.refuse_line(fmt::format("found {}, expected rows for each of {} pictures",
                                   to_string(graph_[id].type), graph_.pictures));
  }

  Op read_operation(Line& line) {
    std::optional<Op> op =
        line.word().kind == Word::Kind::plain ? op_named(line.word().text) : std::nullopt;
    if (!op) line.refuse("an operation");
    line.take();
    while (line.word().kind == Word::Kind::plain) {
      const std::string key = line.word().text;
      if (!has_attribute(*op, key))
        line.refuse(fmt::format("an attribute of {} or its inputs", name(*op)));
      line.take();
      line.take("=");
      if (line.word().kind != Word::Kind::plain || !set_attribute(*op, key, line.word().text))
        line.refuse(fmt::format("a value for {}", key));
      line.take();
    }
    return *std::move(op);
  }

  ValueId read_reference(Line& line) {
    const Word& word = line.word();
    const auto find = [&](const auto& map) {
      const auto found = map.find(word.text);
      return found == map.end() ? -1 : found->second;
    };
    ValueId id = -1;
    if (word.is_name()) id = std::max(find(graph_.inputs), find(graph_.weights));
    if (word.kind == Word::Kind::plain && !word.is_name()) id = find(numbers_);
    if (id < 0) line.refuse("a value of a line above");
    line.take();
    return id;
  }

  static TensorType read_type(Line& line) {
    const std::string& text = line.word().text;
    const size_t bracket = text.find('[');
    TensorType type;
    const auto dtype = dtype_named(std::string_view(text).substr(0, bracket));
    if (line.word().kind != Word::Kind::plain || bracket == std::string::npos || !dtype ||
        !parse_shape(std::string_view(text).substr(bracket), type.shape))
      line.refuse("a type such as f32[2, 4]");
    type.dtype = *dtype;
    line.take();
    return type;
  }

  static Rate read_rate(Line& line) {
    for (const Rate rate : {Rate::load, Rate::picture, Rate::step})
      if (line.take_if(name(rate))) return rate;
    line.refuse("load, picture or step");
  }

  const std::string& source_;
  Graph graph_;
  std::map<std::string, ValueId> numbers_;  // "%12" and what it became
};

}  // namespace

std::string to_string(const Graph& graph) {
  std::string text;
  if (graph.pictures != 1) text += fmt::format("pictures {}\n", graph.pictures);
  for (size_t id = 0; id < graph.values.size(); ++id)
    text += line_of(graph, static_cast<ValueId>(id));
  for (const auto& [name, id] : graph.outputs)
    text += fmt::format("{} = output {}\n", word_of(name), reference(graph, id));
  for (const auto& [first, second] : graph.twins)
    text += fmt::format("twins {} {}\n", word_of(first), word_of(second));
  return text;
}

Graph parse_graph(std::string_view text, const std::string& source) {
  return Parser(source).run(text);
}

}  // namespace drypoint
