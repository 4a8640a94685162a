// Drawing a picture again from the text that is in it.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "drypoint/parameters.h"
#include "drypoint/picture_text.h"
#include "drypoint/pipeline.h"

namespace drypoint {

/// What a picture's text asks for.
struct Recalled {
  enum class Source : uint8_t { drypoint, a1111, comfy };

  /// A setting that cannot be had; drawn without it, the picture would be another one.
  struct Missing {
    /// Of a request, or "init", "mask" or "controls": who sets it can do without. Empty: none.
    std::string field;
    std::string what;  ///< "Hires upscale: 2: ..."
  };

  Source source = Source::a1111;
  Parameters parameters;  ///< of ComfyUI's graph, in the web UI's terms
  /// Fields of a request and their values, each of which the field takes.
  std::vector<std::pair<std::string, std::string>> fields;
  /// The ControlNets, where the request's own picture and strength cannot say it. Without pictures;
  /// `name_controls` gives them their names.
  std::vector<Control> controls;
  std::vector<Missing> missing;
  std::vector<std::string> notices;  ///< what else one should know, one line each

  /// Sets the fields and controls; pictures and fields without a word stay.
  void apply(Request& request) const;
  /// Finds the text's ControlNets among a model's, by their hashes, files or names. Throws
  /// unsupported where one of several is not there; `picture` stands for the picture.
  void name_controls(const ModelDescription& model, std::string_view picture);
  /// Throws unsupported, naming all that is missing but what concerns fields that are `given` in
  /// another way. `name` stands for the picture.
  void expect_complete(std::string_view name, const std::vector<std::string>& given = {}) const;
};
std::string_view name(Recalled::Source source);

/// Reads the web UI's text and ours, else ComfyUI's graph: a KSampler, or two with a larger latent
/// between them, a checkpoint, LoRAs, two prompts, a latent that is empty or a picture's, and
/// ControlNets. Throws bad_file where there is neither; `name` stands
/// for the picture.
Recalled recall(const PictureText& text, std::string_view name);

/// What to say where the model at hand is not the one that the text names; empty where it is, as
/// far as one can tell. Hashes count before names, and may be empty.
std::string other_model_notice(const Parameters& text, std::string_view model,
                               std::string_view hash);

}  // namespace drypoint
