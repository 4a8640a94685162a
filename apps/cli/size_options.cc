#include "size_options.h"

#include <fmt/format.h>

#include "options.h"

namespace drypoint::cli {

void SizeOptions::add_to(CLI::App& command, bool several, const std::string& usual) {
  option_ = several ? "--sizes" : "--size";
  command.add_option(several ? "--sizes,--size" : "--size", sizes_,
                     fmt::format("Of the picture{}: HEIGHTxWIDTH{}, multiples of 8\n[{}]",
                                 several ? "s" : "", several ? ",HEIGHTxWIDTH,..." : "", usual));
  command
      .add_option("--resolution", resolution_, "Instead: of both sides, rounded to 64, 64 to 4096")
      ->check(whole_number());
}

std::vector<ImageSize> SizeOptions::sizes() const {
  if (resolution_ != 0 && sizes_)
    bad_option(fmt::format("{} and --resolution: found both, expected one of them", option_));
  if (resolution_ != 0) return {control_size({64, 64}, resolution_)};
  return sizes_ ? parse_sizes(option_, *sizes_) : std::vector<ImageSize>();
}

ImageSize SizeOptions::size(ImageSize usual) const {
  const auto given = sizes();
  if (given.size() > 1)
    bad_option(fmt::format("{}: found {}, expected one", option_, given.size()));
  return given.empty() ? usual : given[0];
}

}  // namespace drypoint::cli
