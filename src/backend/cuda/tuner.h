// Which of several ways of computing the same is fastest, as measured on the device.
#pragma once

#include <functional>
#include <map>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "backend/cuda/context.h"

namespace drypoint::cuda {

class Tuner {
 public:
  /// `level` 0: takes what is known, from the cache or shipped for this kind of device, else what
  /// the caller thinks best; 1 to 4: measures what is not known; 5: measures what the cache does
  /// not know. `cache`: file of choices, read now; written by `save`; empty: none. Its choices hold
  /// for `device`.
  Tuner(int level, std::string cache, std::string device, bool is_common_hopper);
  /// Saves what was measured. Never throws: the choices can be measured again.
  ~Tuner();

  struct Candidate {
    std::string name;
    std::function<void()> run;  // orders the work once
  };
  /// What there is to choose.
  struct Question {
    std::string key;
    std::vector<std::string> alike;  // keys of what is much the same, the closest first
    std::string guess;
    std::function<bool(const std::string& name)> can_be_made;
    std::function<std::vector<Candidate>()> candidates;  // asked for only to measure them
  };
  /// The name of the best candidate for `key`. If nothing is known or measured, what is shipped for
  /// one of `alike` is taken, or else `guess`. What is known but cannot be made here is passed
  /// over.
  std::string choose(const Context& context, const Question& question);
  /// Which choices of a plan or a cache could not be made, for people.
  std::vector<std::string> notices() const;
  /// All choices made so far, and choices to be made again in place of those taken before, as JSON;
  /// empty: none. Those of another device are left alone. `take` throws bad_file, `source` in
  /// front.
  std::string taken() const;
  void take(const std::string& json, const std::string& source);
  /// Writes the cache file, if there is one and anything new was measured. Throws write_failed.
  void save();

 private:
  double measure(const Context& context, const std::function<void()>& run, double least);
  double time(const Context& context, const std::function<void()>& run, int runs);

  int level_;
  std::string cache_, device_;
  struct Choice {
    std::string name;
    double microseconds;                   // 0 if it was not measured here
    std::map<std::string, double> others;  // measured with it, the slow ones roughly; for people
  };
  using Choices = std::map<std::string, Choice>;
  static void read(const nlohmann::json& json, Choices& choices);
  std::string write(const Choices& choices) const;
  Choice best(const Context& context, const Question& question);

  Choices planned_, choices_, shipped_;  // as a plan has it, measured, as we ship them
  Choices taken_;
  std::map<std::string, std::string> absent_;  // names that could not be made, by key
  bool changed_ = false;
  std::shared_ptr<std::byte> sweep_;  // device memory that fills the cache with something else
};

}  // namespace drypoint::cuda
