#include "diffusion/model/model_hash.h"

#include <system_error>

#include "diffusion/model/file_hash.h"

namespace drypoint {

void ModelHash::begin() {
  if (!known_.empty()) return;
  std::call_once(once_, [&] {
    const auto find = [this] {
      return file_sha256(file_, hash_cache(), [this] { return given_up_.load(); }).substr(0, 10);
    };
    try {
      hash_ = std::async(std::launch::async, find).share();
    } catch (const std::system_error&) {  // there are no threads: whoever asks does it
      hash_ = std::async(std::launch::deferred, find).share();
    }
  });
}

std::string ModelHash::get() {
  begin();
  return known_.empty() ? hash_.get() : known_;
}

}  // namespace drypoint
