// What settings there are, each told once: its name, what it may be, and what it is for. Command
// lines, JSON, sweeps and checks are made from these lists.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "drypoint/pipeline.h"

namespace drypoint {

enum class FieldType : uint8_t { text, word, integer, number, flag, file, list };

/// One setting of a struct of them.
template <class Settings>
struct Field {
  std::string name;      ///< as in JSON and messages: "guidance_scale"
  std::string option;    ///< on a command line, without its dashes: "scale"
  std::string letter;    ///< the same for short: "p"; empty: none
  FieldType type;        ///< in JSON: text, word and file are strings, a list is of strings
  std::string expected;  ///< what it may be: "0 to 1000", "exact or official"
  std::string help;      ///< a phrase
  /// The key under which a picture's text has it where it is not the default; empty: it stands
  /// there in a way of its own, or not at all.
  std::string text_key;
  /// Its value as text, which `set` takes. Flags are "true" or "false", lists a line for each.
  std::function<std::string(const Settings&)> get;
  /// Throws bad_argument, "guidance_scale: "x", expected a number".
  std::function<void(Settings&, std::string_view)> set;
  /// Throws bad_argument, "guidance_scale: -1, expected a finite number from 0".
  std::function<void(const Settings&)> check;
};

/// All of `Request` but its picture and its `controls`.
const std::vector<Field<Request>>& request_fields();
/// Whether it is about an initial picture, a mask or a second pass (see painting.h).
bool is_of_painting(const Field<Request>& field);
/// All of `PipelineOptions`.
const std::vector<Field<PipelineOptions>>& pipeline_fields();
/// All of `Control` but its picture and mask.
const std::vector<Field<Control>>& control_fields();
/// All of `ModelFiles` but `controls`.
const std::vector<Field<ModelFiles>>& model_fields();

/// The one of this name, or null.
template <class Settings>
const Field<Settings>* find_field(const std::vector<Field<Settings>>& fields,
                                  std::string_view name) {
  for (const Field<Settings>& field : fields)
    if (field.name == name) return &field;
  return nullptr;
}

/// All fields of a request as a JSON object, its controls as a list "controls" of such objects.
std::string to_json(const Request& request);

/// Sets the fields that a JSON object has. `other` is given what is no field, name and value
/// (strings without quotes), and says whether it knows it; of the control at place i the name is
/// "controls[i].image" and the like, so that pictures can be given as a caller wants them. Throws
/// bad_argument naming the field, also for a name that nobody knows; bad_file for text that is no
/// JSON object. `source` stands for it in messages.
void read_json(
    std::string_view json, std::string_view source, Request& request,
    const std::function<bool(const std::string& name, const std::string& value)>& other = {});

}  // namespace drypoint
