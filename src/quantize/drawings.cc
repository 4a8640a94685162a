#include "quantize/drawings.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/error.h"
#include "drypoint/fields.h"
#include "drypoint/score.h"

namespace drypoint {

Drawings::Drawings(const std::filesystem::path& pictures, std::vector<std::string> prompts,
                   const Request& request, int count)
    : pictures_(pictures.empty() ? std::vector<std::filesystem::path>() : score_pictures(pictures)),
      prompts_(std::move(prompts)),
      request_(request),
      count_(count) {
  if (count < 0 || count > 10000)
    fail(ErrorKind::bad_argument, "count: {}, expected 0 to 10000", count);
  if (count_ == 0)
    count_ = static_cast<int>(
        std::max<size_t>(1, pictures_.empty() ? prompts_.size() : pictures_.size()));
  request_.samples = 1;
  if (!request_.seed) request_.seed = 0;
}

Request Drawings::operator[](int i) const {
  Request request = request_;
  const auto turn = static_cast<size_t>(i);
  if (!pictures_.empty()) request.image = read_image(pictures_[turn % pictures_.size()]).image;
  if (!prompts_.empty()) request.prompt = prompts_[turn % prompts_.size()];
  request.seed = *request_.seed + static_cast<uint64_t>(i);
  return request;
}

std::string Drawings::description() const {
  std::string text = to_json(request_);
  for (const auto& picture : pictures_)
    text +=
        fmt::format("\n{} {}", picture.filename().string(), std::filesystem::file_size(picture));
  for (const auto& prompt : prompts_) text += "\n" + prompt;
  return text;
}

}  // namespace drypoint
