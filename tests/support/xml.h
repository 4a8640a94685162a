// Just enough of an XML reader to see that what we write is well-formed, and what is in it.
#pragma once

#include <map>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace drypoint::testing {

struct XmlElement {
  std::string name, text;  // `text`: its own, entities as written
  std::map<std::string, std::string> attributes;
};

/// All elements in the order of their ends. Throws std::runtime_error at the first mistake: tags
/// that do not match, attributes that are not quoted or come twice, stray < or &, control
/// characters.
inline std::vector<XmlElement> parse_xml(std::string_view text) {
  std::vector<XmlElement> open, closed;
  size_t at = 0;
  int roots = 0;
  const auto expect = [&](bool good, const char* what) {
    if (!good) throw std::runtime_error(what + (" at byte " + std::to_string(at)));
  };
  const auto word = [&] {
    const size_t end = text.find_first_of(" \t\n\r/>=<\"'&", at);
    expect(end != text.npos && end > at, "no name");
    const std::string found(text.substr(at, end - at));
    at = end;
    return found;
  };
  const auto blanks = [&] {
    while (at < text.size() && std::string_view(" \t\n\r").find(text[at]) != std::string_view::npos)
      ++at;
  };
  const auto check = [&](std::string_view part) {
    for (size_t i = 0; i < part.size(); ++i) {
      const auto c = static_cast<unsigned char>(part[i]);
      expect(c >= 0x20 || c == '\n' || c == '\t', "control character");
      expect(c != '<', "stray <");
      if (c != '&') continue;
      const std::string_view entity = part.substr(i, part.find(';', i) - i);
      expect(entity == "&amp" || entity == "&lt" || entity == "&gt" || entity == "&quot" ||
                 entity == "&apos" || entity.starts_with("&#"),
             "unknown entity");
    }
  };
  while (at < text.size()) {
    const size_t next = std::min(text.find('<', at), text.size());
    const std::string_view content = text.substr(at, next - at);
    check(content);
    if (open.empty())
      expect(content.find_first_not_of(" \t\r\n") == content.npos, "text outside of the root");
    else
      open.back().text += content;
    at = next;
    if (at == text.size()) break;
    ++at;
    if (text[at] == '/') {
      ++at;
      expect(!open.empty() && open.back().name == word(), "end tag does not match");
      blanks();
      expect(text[at] == '>', "end tag not closed");
      ++at;
      closed.push_back(std::move(open.back()));
      open.pop_back();
      continue;
    }
    expect(!open.empty() || ++roots == 1, "two roots");
    open.emplace_back().name = word();
    for (blanks(); at < text.size() && text[at] != '>' && text[at] != '/'; blanks()) {
      const std::string key = word();
      expect(text.substr(at, 2) == "=\"", "attribute without quotes");
      at += 2;
      const size_t end = text.find('"', at);
      expect(end != text.npos, "attribute without end");
      check(text.substr(at, end - at));
      expect(open.back().attributes.emplace(key, text.substr(at, end - at)).second,
             "attribute twice");
      at = end + 1;
    }
    expect(at < text.size(), "tag without end");
    if (text[at] == '/') {
      ++at;
      closed.push_back(std::move(open.back()));
      open.pop_back();
    }
    expect(at < text.size() && text[at] == '>', "tag without end");
    ++at;
  }
  expect(open.empty() && roots == 1, "elements left open");
  return closed;
}

}  // namespace drypoint::testing
