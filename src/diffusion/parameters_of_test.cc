#include "diffusion/parameters_of.h"

#include <gtest/gtest.h>

namespace drypoint {
namespace {

using Others = std::vector<std::pair<std::string, std::string>>;

Parameters of(const Request& request, int number = 0) {
  return parameters_of(request, {}, {.model = "m"}, {64, 128}, 7, number);
}

TEST(ParametersOf, SayWhatDiffersFromTheDefaults) {
  Request request;
  EXPECT_EQ(of(request).others, Others());
  request.schedule = ScheduleKind::official;
  request.random.kind = RandomKind::cuda;
  EXPECT_EQ(of(request).others, (Others{{"Schedule", "official"}}));
  request.random.multiprocessors = 108;
  EXPECT_EQ(of(request).others, (Others{{"Schedule", "official"}, {"RNG grid", "108x2048"}}));
}

TEST(ParametersOf, NameTheSamplerAsTheWebUiDoes) {
  Request request;
  EXPECT_EQ(of(request).sampler, "DDIM");
  EXPECT_EQ(of(request).schedule_type, "");
  request.sampler = "dpmpp_2m karras";
  EXPECT_EQ(of(request).sampler, "DPM++ 2M");
  EXPECT_EQ(of(request).schedule_type, "Karras");
  request.sampler = "Euler a";
  request.eta = 0.5;
  request.s_noise = 1.25;
  EXPECT_EQ(of(request).schedule_type, "Uniform");
  EXPECT_EQ(of(request).others, (Others{{"Eta", "0.5"}, {"Sigma noise", "1.25"}}));
  request.sampler = "UniPC";
  EXPECT_EQ(of(request).schedule_type, "");
  request.schedule = ScheduleKind::sgm_uniform;
  EXPECT_EQ(of(request).schedule_type, "SGM Uniform");
}

TEST(ParametersOf, SayWhichOfSeveralSamples) {
  Request request;
  request.samples = 3;
  EXPECT_EQ(of(request, 2).others, (Others{{"Batch size", "3"}, {"Batch pos", "2"}}));
  EXPECT_EQ(of(request, 2).seed, 7u);
  request.noise = NoiseKind::per_sample;  // the same picture as that of one sample
  EXPECT_EQ(of(request, 2).others, (Others{{"Noise", "per-sample"}}));
  EXPECT_EQ(of(request, 2).seed, 9u);
}

}  // namespace
}  // namespace drypoint
