#include "diffusion/samplers/names.h"

#include <algorithm>
#include <cctype>

#include "base/error.h"
#include "base/utf8.h"
#include "drypoint/nearest.h"

namespace drypoint {
namespace {

/// "DPMPP_2M  Karras" -> "dpmpp 2m karras"
std::string plain(std::string_view text) {
  std::string result;
  for (const char c : text) {
    const bool space = c == ' ' || c == '_' || c == '\t';
    if (space && (result.empty() || result.back() == ' ')) continue;
    result += space ? ' ' : static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  }
  while (result.ends_with(' ')) result.pop_back();
  return result;
}

struct NamedSchedule {
  ScheduleKind kind;
  std::string_view name, label;
  std::vector<std::string_view> other_names;
};

const std::vector<NamedSchedule>& named_schedules() {
  using enum ScheduleKind;
  static const std::vector<NamedSchedule> all{
      {automatic, "automatic", "Automatic", {"auto"}},
      {exact, "exact", "Exact", {"leading"}},
      {official, "official", "Official", {}},
      {trailing, "trailing", "Trailing", {}},
      {linspace, "linspace", "Linspace", {}},
      {uniform, "uniform", "Uniform", {"normal"}},
      {karras, "karras", "Karras", {"ka"}},
      {exponential, "exponential", "Exponential", {}},
      {polyexponential, "polyexponential", "Polyexponential", {}},
      {sgm_uniform, "sgm_uniform", "SGM Uniform", {"sgmuniform"}},
      {simple, "simple", "Simple", {}},
      {ddim, "ddim", "DDIM", {"ddim_uniform"}},
      {beta, "beta", "Beta", {}},
      {align_your_steps, "align_your_steps", "Align Your Steps", {"ays"}},
      {kl_optimal, "kl_optimal", "KL Optimal", {}},
      {lcm, "lcm", "LCM", {}}};
  return all;
}

const NamedSchedule& of(ScheduleKind kind) {
  const auto& all = named_schedules();
  const auto found = std::find_if(all.begin(), all.end(),
                                  [&](const NamedSchedule& named) { return named.kind == kind; });
  DRYPOINT_EXPECT(found != all.end(), "schedule {}", static_cast<int>(kind));
  return *found;
}

const NamedSchedule* find_schedule(std::string_view text) {
  const std::string wanted = plain(text);
  for (const NamedSchedule& schedule : named_schedules()) {
    if (plain(schedule.name) == wanted) return &schedule;
    for (const auto other : schedule.other_names)
      if (plain(other) == wanted) return &schedule;
  }
  return nullptr;
}

const NamedSampler* find_sampler(std::string_view text) {
  const std::string wanted = plain(text);
  for (const NamedSampler& sampler : named_samplers()) {
    if (plain(sampler.name) == wanted) return &sampler;
    for (const auto other : sampler.other_names)
      if (plain(other) == wanted) return &sampler;
  }
  return nullptr;
}

/// A name alone, or one that ends with a schedule's.
struct Split {
  const NamedSampler* sampler;
  ScheduleKind schedule;
};

Split split(std::string_view name) {
  const std::string text = plain(name);
  if (const NamedSampler* sampler = find_sampler(text)) return {sampler, ScheduleKind::automatic};
  for (size_t space = text.find(' '); space != text.npos; space = text.find(' ', space + 1)) {
    const NamedSampler* sampler = find_sampler(text.substr(0, space));
    const NamedSchedule* schedule = find_schedule(text.substr(space + 1));
    if (sampler && schedule) return {sampler, schedule->kind};
  }
  return {nullptr, ScheduleKind::automatic};
}

std::vector<std::string> plain_names() {
  std::vector<std::string> names;
  for (const NamedSampler& sampler : named_samplers()) names.push_back(plain(sampler.name));
  return names;
}

}  // namespace

const std::vector<NamedSampler>& named_samplers() {
  using enum ScheduleKind;
  static const std::vector<NamedSampler> all{
      {.name = "DDIM",
       .other_names = {"DDIMScheduler"},
       .function = drypoint::ddim,
       .schedule = exact,
       .settings = {.eta = 0},
       .eta = true,
       .ends_at_first_level = true,
       .takes_no_signal = true},
      {.name = "PLMS",
       .other_names = {"PNDM", "PNDMScheduler"},
       .function = plms,
       .schedule = exact,
       .ends_at_first_level = true,
       .takes_no_signal = true},
      {.name = "UniPC",
       .other_names = {"uni_pc", "uni_pc_bh2", "UniPCMultistepScheduler"},
       .function = unipc,
       .schedule = linspace,
       .settings = {.solver = Solver::bh2},
       .highest_order = 3,
       .solvers = {Solver::bh1, Solver::bh2},
       .begins_whole = true,
       .leaves_out_last = true},
      {.name = "Euler",
       .other_names = {"k_euler", "EulerDiscreteScheduler"},
       .function = euler,
       .schedule = uniform,
       .churn = true},
      {.name = "Euler a",
       .other_names = {"k_euler_a", "k_euler_ancestral", "euler_ancestral",
                       "EulerAncestralDiscreteScheduler"},
       .function = euler_ancestral,
       .schedule = uniform,
       .eta = true,
       .s_noise = true},
      {.name = "LMS",
       .other_names = {"k_lms", "LMSDiscreteScheduler"},
       .function = lms,
       .schedule = uniform,
       .settings = {.order = 4},
       .highest_order = 4},
      {.name = "Heun",
       .other_names = {"k_heun", "HeunDiscreteScheduler"},
       .function = heun,
       .schedule = uniform,
       .churn = true,
       .second_order = true},
      {.name = "DPM2",
       .other_names = {"k_dpm_2", "dpm_2", "KDPM2DiscreteScheduler"},
       .function = dpm_2,
       .schedule = karras,
       .churn = true,
       .second_order = true,
       .leaves_out_last_but_one = true},
      {.name = "DPM2 a",
       .other_names = {"k_dpm_2_a", "dpm_2_ancestral", "KDPM2AncestralDiscreteScheduler"},
       .function = dpm_2_ancestral,
       .schedule = karras,
       .eta = true,
       .s_noise = true,
       .second_order = true,
       .leaves_out_last_but_one = true},
      {.name = "DPM++ 2S a",
       .other_names = {"k_dpmpp_2s_a", "dpmpp_2s_ancestral"},
       .function = dpmpp_2s_ancestral,
       .schedule = karras,
       .eta = true,
       .s_noise = true,
       .second_order = true},
      {.name = "DPM++ 2M",
       .other_names = {"k_dpmpp_2m", "dpmpp_2m", "DPMSolverMultistepScheduler"},
       .function = dpmpp_multistep,
       .schedule = karras,
       .lower_order_final = true,
       .highest_order = 3,
       .solvers = {Solver::midpoint, Solver::heun}},
      {.name = "DPM++ SDE",
       .other_names = {"k_dpmpp_sde", "dpmpp_sde", "dpmpp_sde_gpu", "DPMSolverSDEScheduler"},
       .function = dpmpp_sde,
       .schedule = karras,
       .eta = true,
       .s_noise = true,
       .second_order = true,
       .brownian = true},
      {.name = "DPM++ 2M SDE",
       .other_names = {"k_dpmpp_2m_sde", "dpmpp_2m_sde", "dpmpp_2m_sde_gpu"},
       .function = dpmpp_2m_sde,
       .schedule = exponential,
       .eta = true,
       .s_noise = true,
       .lower_order_final = true,
       .highest_order = 2,
       .solvers = {Solver::midpoint, Solver::heun},
       .brownian = true},
      {.name = "DPM++ 2M SDE Heun",
       .other_names = {"k_dpmpp_2m_sde_heun", "dpmpp_2m_sde_heun", "dpmpp_2m_sde_heun_gpu"},
       .function = dpmpp_2m_sde,
       .schedule = exponential,
       .settings = {.solver = Solver::heun},
       .eta = true,
       .s_noise = true,
       .lower_order_final = true,
       .highest_order = 2,
       .solvers = {Solver::midpoint, Solver::heun},
       .brownian = true},
      {.name = "DPM++ 3M SDE",
       .other_names = {"k_dpmpp_3m_sde", "dpmpp_3m_sde", "dpmpp_3m_sde_gpu"},
       .function = dpmpp_3m_sde,
       .schedule = exponential,
       .eta = true,
       .s_noise = true,
       .leaves_out_last_but_one = true,
       .brownian = true},
      {.name = "Restart",
       .function = restart,
       .schedule = karras,
       .s_noise = true,
       .second_order = true},
      {.name = "DEIS",
       .other_names = {"DEISMultistepScheduler"},
       .function = deis,
       .schedule = linspace,
       .settings = {.lower_order_final = LowerOrder::on},
       .lower_order_final = true,
       .highest_order = 3,
       .ends_at_first_level = true,
       .begins_whole = true,
       .leaves_out_last = true},
      {.name = "LCM",
       .other_names = {"LCMScheduler"},
       .function = drypoint::lcm,
       .schedule = ScheduleKind::lcm,
       .takes_no_signal = true},
      {.name = "TCD",
       .other_names = {"TCDScheduler"},
       .function = tcd,
       .schedule = ScheduleKind::lcm,
       .settings = {.eta = 0.3},
       .eta = true,
       .ends_at_first_level = true,
       .takes_no_signal = true}};
  return all;
}

SamplerChoice choose_sampler(std::string_view name, ScheduleKind schedule) {
  const auto [sampler, own] = split(name);
  if (!sampler) {
    const std::string wanted = plain(name);
    const auto names = plain_names();
    const std::string near = nearest(wanted, names);
    const auto at = std::find(names.begin(), names.end(), near) - names.begin();
    std::string all;
    for (const NamedSampler& known : named_samplers())
      all += (all.empty() ? "" : ", ") + std::string(known.name);
    fail(ErrorKind::bad_argument, "sampler: \"{}\", expected one of {}; did you mean \"{}\"?",
         printable(name), all, named_samplers()[static_cast<size_t>(at)].name);
  }
  if (own != ScheduleKind::automatic && schedule != ScheduleKind::automatic && own != schedule)
    fail(ErrorKind::bad_argument, "schedule: \"{}\", but the sampler \"{}\" names another",
         drypoint::name(schedule), printable(name));
  if (schedule == ScheduleKind::automatic) schedule = own;
  const bool asked = schedule != ScheduleKind::automatic;
  return {*sampler, asked ? schedule : sampler->schedule, asked};
}

std::string_view name(ScheduleKind kind) { return of(kind).name; }
std::string_view label(ScheduleKind kind) { return of(kind).label; }

bool sampler_takes_eta(std::string_view name) { return choose_sampler(name).sampler.eta; }

std::vector<std::string_view> sampler_names() {
  std::vector<std::string_view> names;
  for (const NamedSampler& sampler : named_samplers()) names.push_back(sampler.name);
  return names;
}

ScheduleKind schedule_named(std::string_view text) {
  if (const NamedSchedule* schedule = find_schedule(text)) return schedule->kind;
  std::vector<std::string> names;
  std::string all;
  for (const NamedSchedule& known : named_schedules()) {
    names.emplace_back(known.name);
    all += (all.empty() ? "" : ", ") + names.back();
  }
  fail(ErrorKind::bad_argument, "schedule: \"{}\", expected one of {}; did you mean \"{}\"?",
       printable(text), all, nearest(plain(text), names));
}

}  // namespace drypoint
