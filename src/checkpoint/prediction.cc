#include "checkpoint/prediction.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "base/error.h"
#include "base/json.h"
#include "base/utf8.h"
#include "checkpoint/configurations.h"

namespace drypoint {
namespace {

constexpr const char *prediction_key = "drypoint.prediction",
                     *zero_snr_key = "drypoint.zero_terminal_snr";

Prediction prediction_named(std::string_view text, const std::string& file, std::string_view key) {
  using enum Prediction;
  constexpr std::pair<std::string_view, Prediction> names[] = {
      {"epsilon", epsilon}, {"eps", epsilon},    {"v", v},          {"v_pred", v},
      {"v_prediction", v},  {"v-prediction", v}, {"sample", sample}};
  const auto found =
      std::ranges::find(names, text, &std::pair<std::string_view, Prediction>::first);
  if (found != std::end(names)) return found->second;
  fail(ErrorKind::unsupported, "{}: {}: \"{}\", expected \"epsilon\", \"v\" or \"sample\"", file,
       key, printable(text));
}

/// Keeps what was said first, and fails where something else is said later.
class Sayings {
 public:
  explicit Sayings(const std::string& file) : file_(file) {}

  void add(const std::string& place, Prediction prediction) {
    if (said_ == Prediction::automatic) {
      said_ = prediction;
      first_ = place;
    } else if (said_ != prediction) {
      fail(ErrorKind::bad_file, "{}: {} says that it predicts {}, but {} says {}", file_, first_,
           name(said_), place, name(prediction));
    }
  }
  Prediction said() const { return said_; }

 private:
  const std::string& file_;
  Prediction said_ = Prediction::automatic;
  std::string first_;
};

}  // namespace

std::string_view name(Prediction prediction) {
  switch (prediction) {
    case Prediction::automatic: return "automatic";
    case Prediction::epsilon: return "epsilon";
    case Prediction::v: return "v";
    case Prediction::sample: return "sample";
  }
  return "unknown";
}

SaidPrediction said_prediction(const NamedTensors& tensors, const std::string& file) {
  const Metadata& metadata = tensors.metadata;
  const auto has = [&](const char* mark) {
    return tensors.has(mark) || tensors.foreign.contains(mark);
  };
  for (const char* mark : {"edm_vpred.sigma_max", "edm_mean"})
    if (has(mark))
      fail(ErrorKind::unsupported,
           "{}: tensor {} marks a model of continuous noise levels (EDM), which is not supported "
           "yet",
           file, mark);
  if (const auto own = metadata.find(prediction_key); own != metadata.end())
    return {prediction_named(own->second, file, prediction_key),
            metadata.find(zero_snr_key) != metadata.end()};

  Sayings sayings(file);
  bool zero_terminal_snr = has("ztsnr");
  if (const auto found = metadata.find(scheduler_config); found != metadata.end()) {
    const auto config = parse_json(found->second);
    const auto kind =
        config.is_object() ? config.value("prediction_type", nlohmann::json()) : nlohmann::json();
    const std::string key = std::string(scheduler_config) + ": prediction_type";
    // diffusers' default is that of noise.
    if (kind.is_null())
      sayings.add(key, Prediction::epsilon);
    else
      sayings.add(key, prediction_named(kind.is_string()
                                            ? kind.get<std::string>()
                                            : kind.dump(-1, ' ', false,
                                                        nlohmann::json::error_handler_t::replace),
                                        file, key));
    zero_terminal_snr |=
        config.is_object() && config.value("rescale_betas_zero_snr", nlohmann::json()) == true;
  }
  constexpr const char* modelspec = "modelspec.prediction_type";
  if (const auto found = metadata.find(modelspec); found != metadata.end())
    sayings.add(modelspec, prediction_named(found->second, file, modelspec));
  if (has("v_pred")) sayings.add("tensor v_pred", Prediction::v);
  return {sayings.said(), zero_terminal_snr};
}

void write_prediction(Metadata& metadata, const SaidPrediction& said) {
  metadata.insert_or_assign(prediction_key, std::string(name(said.prediction)));
  if (said.zero_terminal_snr)
    metadata.insert_or_assign(zero_snr_key, "true");
  else
    metadata.erase(zero_snr_key);
}

}  // namespace drypoint
