#include "checkpoint/noise_schedule.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <numbers>

#include "base/error.h"
#include "base/json.h"
#include "base/utf8.h"
#include "checkpoint/configurations.h"

namespace drypoint {
namespace {

using nlohmann::json;

constexpr int levels = 1000;

class Scheduler {
 public:
  Scheduler(const std::string& text, const std::string& file)
      : json_(parse_json(text)), file_(file) {
    if (!json_.is_object()) fail(ErrorKind::bad_file, "{}: is no JSON object", file);
  }

  std::vector<double> betas() const {
    if (const auto own = json_.find("trained_betas"); own != json_.end() && !own->is_null())
      return trained(*own);
    const std::string name = class_name();
    // diffusers' defaults, which are those of Stable Diffusion in a few classes alone.
    const bool is_distilled = name == "LCMScheduler" || name == "TCDScheduler";
    const bool is_stable = is_distilled || name == "HeunDiscreteScheduler" ||
                           name.starts_with("KDPM2") || name == "DPMSolverSDEScheduler";
    const double first = number("beta_start", is_stable ? 0.00085 : 0.0001);
    const double last = number("beta_end", is_stable ? 0.012 : 0.02);
    const json kind = json_.value("beta_schedule", json(is_distilled ? "scaled_linear" : "linear"));
    std::vector<double> betas(levels);
    if (kind == "linear")
      for (int t = 0; t < levels; ++t) betas[at(t)] = first + t * ((last - first) / (levels - 1));
    else if (kind == "scaled_linear")
      for (int t = 0; t < levels; ++t) {
        const double low = std::sqrt(first), high = std::sqrt(last);
        const double root = low + t * ((high - low) / (levels - 1));
        betas[at(t)] = root * root;
      }
    else if (kind == "squaredcos_cap_v2")
      for (int t = 0; t < levels; ++t)
        betas[at(t)] = std::min(1 - squared_cosine(t + 1) / squared_cosine(t), 0.999);
    else
      fail(ErrorKind::unsupported,
           "{}: beta_schedule: {}, expected \"linear\", \"scaled_linear\" or \"squaredcos_cap_v2\"",
           file_, text_of(kind));
    return betas;
  }

 private:
  static size_t at(int t) { return static_cast<size_t>(t); }
  static std::string text_of(const json& value) {
    return printable(value.dump(-1, ' ', false, json::error_handler_t::replace));
  }
  // A. Nichol and P. Dhariwal, "Improved denoising diffusion probabilistic models" (2021)
  static double squared_cosine(int t) {
    const double cosine =
        std::cos((static_cast<double>(t) / levels + 0.008) / 1.008 * std::numbers::pi / 2);
    return cosine * cosine;
  }

  std::string class_name() const {
    const auto found = json_.find("_class_name");
    return found != json_.end() && found->is_string() ? found->get<std::string>() : std::string();
  }
  double number(const char* key, double otherwise) const {
    const auto found = json_.find(key);
    if (found == json_.end()) return otherwise;
    const double value = found->is_number() ? found->get<double>() : -1;
    if (!(value > 0 && value < 1))
      fail(ErrorKind::bad_file, "{}: {}: {}, expected a number between 0 and 1", file_, key,
           text_of(*found));
    return value;
  }
  std::vector<double> trained(const json& list) const {
    if (!list.is_array() || list.size() != levels)
      fail(ErrorKind::bad_file, "{}: trained_betas: {}, expected a list of {} numbers", file_,
           list.is_array() ? fmt::format("{} values", list.size()) : text_of(list), levels);
    std::vector<double> betas;
    for (const json& value : list) {
      betas.push_back(value.is_number() ? value.get<double>() : -1);
      if (!(betas.back() > 0 && betas.back() < 1))
        fail(ErrorKind::bad_file, "{}: trained_betas: {}, expected numbers between 0 and 1", file_,
             text_of(value));
    }
    return betas;
  }

  json json_;
  const std::string& file_;
};

}  // namespace

std::optional<std::vector<float>> configured_alphas_cumprod(const Metadata& metadata,
                                                            const std::string& file) {
  const auto found = metadata.find(scheduler_config);
  if (found == metadata.end()) return {};
  std::vector<float> alphas;
  double product = 1;
  for (const double beta : Scheduler(found->second, file).betas())
    alphas.push_back(static_cast<float>(product *= 1 - beta));
  return alphas;
}

}  // namespace drypoint
