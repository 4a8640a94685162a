// How far several streams of work, side by side, have come for certain.
#pragma once

#include <algorithm>
#include <vector>

namespace drypoint {

/// How many steps of each stream are done, those of the picture and of the step counted on.
using Progress = std::vector<int>;

inline bool covers(const Progress& all, const Progress& some) {
  for (size_t stream = 0; stream < all.size(); ++stream)
    if (all[stream] < some[stream]) return false;
  return true;
}

inline void join(Progress& to, const Progress& other) {
  for (size_t stream = 0; stream < to.size(); ++stream)
    to[stream] = std::max(to[stream], other[stream]);
}

/// Goes through sections of a plan, one step after the other.
class ProgressOf {
 public:
  explicit ProgressOf(int streams) : done_(streams), of_stream_(streams, Progress(streams)) {}

  /// A section starts when all before it is done.
  void begin_section() {
    for (Progress& progress : of_stream_) progress = done_;
    after_.clear();
  }
  /// What is done before the next step, if that is the next of this stream.
  const Progress& before(int stream) const { return of_stream_[stream]; }
  /// What is done after a step of the section, itself included.
  const Progress& after(int position) const { return after_[position]; }
  /// Notes that a step of the section is waited for by the next of this stream.
  void wait(int stream, int position) { join(of_stream_[stream], after_[position]); }
  /// The next step is done on this stream. Returns what is done after it.
  const Progress& advance(int stream) {
    of_stream_[stream][stream] = ++done_[stream];
    return after_.emplace_back(of_stream_[stream]);
  }

 private:
  Progress done_;                    // when all is
  std::vector<Progress> of_stream_;  // when a stream has come as far as it has
  std::vector<Progress> after_;      // each step of the section
};

}  // namespace drypoint
