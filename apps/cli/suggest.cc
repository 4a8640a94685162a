#include "suggest.h"

#include <algorithm>
#include <cctype>
#include <map>

#include "drypoint/nearest.h"

namespace drypoint::cli {
namespace {

/// How the web UI, diffusers, ComfyUI, sd.cpp and ControlNet's own scripts call it.
using Synonyms = std::multimap<std::string_view, std::string_view>;

const Synonyms& options() {
  static const Synonyms all{{"batch", "samples"},
                            {"batch-count", "samples"},
                            {"batch-size", "batch"},
                            {"batch-size", "samples"},
                            {"canny", "edges"},
                            {"canny-image", "edges"},
                            {"cfg", "scale"},
                            {"cfg-scale", "scale"},
                            {"checkpoint", "model"},
                            {"ckpt", "model"},
                            {"ckpt-path", "model"},
                            {"clip-stop-at-last-layers", "clip-skip"},
                            {"cn", "control"},
                            {"control-image", "image"},
                            {"control-model", "control"},
                            {"control-net", "control"},
                            {"control-scale", "strength"},
                            {"control-strength", "strength"},
                            {"control-weight", "strength"},
                            {"controlnet", "control"},
                            {"controlnet-conditioning-scale", "strength"},
                            {"count", "samples"},
                            {"cpu", "device"},
                            {"cuda", "device"},
                            {"ddim-eta", "eta"},
                            {"ddim-steps", "steps"},
                            {"dir", "output"},
                            {"dtype", "precision"},
                            {"embedding-dir", "embeddings"},
                            {"embeddings-dir", "embeddings"},
                            {"fp16", "precision"},
                            {"fp32", "precision"},
                            {"folder", "output"},
                            {"gpu", "device"},
                            {"guidance", "scale"},
                            {"guidance-scale", "scale"},
                            {"h", "size"},
                            {"half", "precision"},
                            {"height", "size"},
                            {"hint", "edges"},
                            {"image-resolution", "resolution"},
                            {"images", "samples"},
                            {"img", "image"},
                            {"in", "image"},
                            {"init-img", "image"},
                            {"input", "image"},
                            {"iters", "iterations"},
                            {"jobs", "threads"},
                            {"model-path", "model"},
                            {"n", "samples"},
                            {"n-iter", "samples"},
                            {"n-samples", "samples"},
                            {"neg", "negative-prompt"},
                            {"neg-prompt", "negative-prompt"},
                            {"negative", "negative-prompt"},
                            {"num-images", "samples"},
                            {"num-images-per-prompt", "samples"},
                            {"num-inference-steps", "steps"},
                            {"num-samples", "samples"},
                            {"out", "output"},
                            {"outdir", "output"},
                            {"outfile", "output"},
                            {"photo", "image"},
                            {"pretrained-model-name-or-path", "model"},
                            {"quantity", "samples"},
                            {"rand-seed", "seed"},
                            {"random-seed", "seed"},
                            {"runs", "iterations"},
                            {"sampling-steps", "steps"},
                            {"save", "output"},
                            {"src", "image"},
                            {"text", "prompt"},
                            {"threshold-a", "low-threshold"},
                            {"threshold-b", "high-threshold"},
                            {"type", "precision"},
                            {"w", "size"},
                            {"weight", "strength"},
                            {"width", "size"}};
  return all;
}

const Synonyms& commands() {
  static const Synonyms all{
      {"benchmark", "bench"},  {"canny", "edges"},     {"compare", "inspect"}, {"compile", "build"},
      {"convert", "export"},   {"create", "generate"}, {"detect", "edges"},    {"diff", "inspect"},
      {"draw", "generate"},    {"eval", "score"},      {"evaluate", "score"},  {"fid", "score"},
      {"img2img", "generate"}, {"info", "inspect"},    {"list", "inspect"},    {"make", "generate"},
      {"onnx", "export"},      {"optimize", "build"},  {"paint", "generate"},  {"plan", "build"},
      {"predict", "generate"}, {"random", "synth"},    {"render", "generate"}, {"run", "generate"},
      {"sample", "generate"},  {"show", "inspect"},    {"time", "bench"},      {"trace", "profile"},
      {"txt2img", "generate"}, {"tune", "build"}};
  return all;
}

/// "--Negative_Prompt=x" -> "negative-prompt"
std::string plain(std::string_view word) {
  word = word.substr(0, word.find('='));
  word.remove_prefix(std::min(word.find_first_not_of('-'), word.size()));
  std::string result(word);
  for (char& c : result)
    c = c == '_' ? '-' : static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return result;
}

std::string nearest(std::string_view given, const std::vector<std::string>& known,
                    const Synonyms& synonyms) {
  const std::string word = plain(given);
  if (word.empty() || word.size() > 40) return {};
  const auto find = [&](std::string_view meant) {
    return std::find_if(known.begin(), known.end(),
                        [&](const std::string& name) { return plain(name) == meant; });
  };
  if (const auto same = find(word); same != known.end()) return *same;
  const auto [begin, end] = synonyms.equal_range(word);
  for (auto synonym = begin; synonym != end; ++synonym)
    if (const auto meant = find(synonym->second); meant != known.end()) return *meant;
  // The word's beginning, or a slip for each three letters.
  std::string best;
  size_t fewest = std::min<size_t>(word.size() / 3, 3) + 1;
  for (const std::string& name : known) {
    const std::string other = plain(name);
    const size_t count =
        word.size() >= 3 && other.starts_with(word) ? size_t{1} : edit_distance(word, other);
    if (count >= fewest) continue;
    fewest = count;
    best = name;
  }
  return best;
}

}  // namespace

std::string nearest_option(std::string_view word, const std::vector<std::string>& known) {
  return nearest(word, known, options());
}

std::string nearest_command(std::string_view word, const std::vector<std::string>& known) {
  return nearest(word, known, commands());
}

}  // namespace drypoint::cli
