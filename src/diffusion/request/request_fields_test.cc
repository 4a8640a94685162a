#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <set>

#include "base/error.h"
#include "drypoint/fields.h"

namespace drypoint {
namespace {

using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

template <class Settings>
void expect_sound(const std::vector<Field<Settings>>& fields) {
  std::set<std::string> names, options;
  for (const auto& field : fields) {
    SCOPED_TRACE(field.name);
    EXPECT_TRUE(names.insert(field.name).second);
    EXPECT_TRUE(options.insert(field.option).second);
    EXPECT_FALSE(field.help.empty() || field.expected.empty());
    Settings settings;
    field.check(settings);  // what stands there by default is allowed
    const std::string before = field.get(settings);
    field.set(settings, before);
    EXPECT_EQ(field.get(settings), before);
    if (field.type == FieldType::text || field.type == FieldType::file ||
        field.type == FieldType::list)
      continue;
    EXPECT_THAT([&] { field.set(settings, "lamp"); },
                ThrowsMessage<Error>(HasSubstr(field.name + ": \"lamp\", expected ")));
  }
}

TEST(Fields, AreSound) {
  expect_sound(request_fields());
  expect_sound(pipeline_fields());
  expect_sound(model_fields());
}

TEST(Fields, OfAdaptersAreListed) {
  const auto& field = *find_field(request_fields(), "lora");
  Request request;
  field.set(request, "a.safetensors=0.5:-1\nb=c=2\nd\ne=f");
  EXPECT_EQ(request.loras,
            (std::vector<AdapterUse>{
                {"a.safetensors", 0.5, -1.0}, {"b=c", 2, {}}, {"d", 1, {}}, {"e=f", 1, {}}}));
  EXPECT_EQ(field.get(request), "a.safetensors=0.5:-1\nb=c=2\nd\ne=f=1");
  const auto json = nlohmann::json::parse(to_json(request));
  EXPECT_EQ(json["lora"], (nlohmann::json{"a.safetensors=0.5:-1", "b=c=2", "d", "e=f=1"}));
  Request again;
  read_json(json.dump(), "test", again);
  EXPECT_EQ(again.loras, request.loras);
  EXPECT_THAT([&] { read_json(R"({"lora": "a"})", "test", again); },
              ThrowsMessage<Error>(HasSubstr("lora: \"a\", expected a list of strings, FILE")));
  EXPECT_THAT([&] { read_json(R"({"lora": ["a\nb"]})", "test", again); },
              ThrowsMessage<Error>(HasSubstr("lora")));
  field.set(request, "a=1:2:1,0,1,1,1,1,1,1,1,1,1,1,1,1,1,1,0.5");
  field.check(request);
  EXPECT_EQ(request.loras.at(0).blocks.size(), 17u);
  EXPECT_EQ(field.get(request), "a=1:2:1,0,1,1,1,1,1,1,1,1,1,1,1,1,1,1,0.5");
  field.set(request, "a=1:2:1,0");
  EXPECT_THAT([&] { field.check(request); },
              ThrowsMessage<Error>(HasSubstr("2 numbers of blocks, expected 17 or 26")));
  for (const char* wrong : {"a=inf", "a=0.5:nan"}) {
    field.set(request, wrong);
    EXPECT_THAT([&] { field.check(request); },
                ThrowsMessage<Error>(HasSubstr("expected a finite number")));
  }
}

TEST(Fields, AreCheckedByName) {
  const auto refusal = [](const char* name, const char* value) -> std::string {
    const auto* field = find_field(request_fields(), name);
    Request request;
    try {
      field->set(request, value);
      field->check(request);
    } catch (const Error& error) {
      return error.what();
    }
    return "";
  };
  EXPECT_EQ(refusal("steps", "0"), "steps: 0, expected 1 to 999");
  EXPECT_EQ(refusal("steps", "1.5"), "steps: \"1.5\", expected a whole number, 1 to 999");
  EXPECT_EQ(refusal("guidance_scale", "nan"),
            "guidance_scale: nan, expected a finite number from 0");
  EXPECT_EQ(refusal("guidance_scale", "inf"),
            "guidance_scale: inf, expected a finite number from 0");
  EXPECT_EQ(refusal("rng", "cuda:0x2048"),
            "rng: cuda:0x2048, expected 1 to 1024 multiprocessors and 256 to 4096 threads");
  EXPECT_EQ(refusal("noise", "Batch"), "noise: \"Batch\", expected batch or per-sample");
  EXPECT_THAT(refusal("prompt", "a \xff"), HasSubstr("prompt: "));
  EXPECT_EQ(refusal("seed", "18446744073709551615"), "");
}

TEST(RequestJson, ComesBackAsItWas) {
  Request request;
  request.prompt = "a \"bird\"\n\xc3\xa9";
  request.steps = 7;
  request.schedule = ScheduleKind::official;
  request.guidance_scale = 0.1;
  request.guess_mode = true;
  request.seed = 18446744073709551615u;
  request.random = {RandomKind::cuda, 108, 2048};
  request.noise = NoiseKind::per_sample;
  const std::string json = to_json(request);
  Request read;
  read_json(json, "a", read);
  EXPECT_EQ(to_json(read), json);
  EXPECT_EQ(read.seed, request.seed);
  EXPECT_EQ(nlohmann::json::parse(json).size(), request_fields().size());
}

TEST(RequestJson, IsRefusedByName) {
  const auto refusal = [](std::string_view json) -> std::string {
    Request request;
    try {
      read_json(json, "r.json", request,
                [](const std::string& name, const std::string&) { return name == "image"; });
    } catch (const Error& error) {
      return error.what();
    }
    return "";
  };
  EXPECT_EQ(refusal("{\"image\": \"a.png\", \"steps\": 3}"), "");
  EXPECT_EQ(refusal("{\"stepz\": 3}"), "r.json: \"stepz\" is no field of a request");
  EXPECT_EQ(refusal("{\"image\": [1]}"), "r.json: \"image\" is no field of a request");
  EXPECT_EQ(refusal("{\"steps\": \"3\"}"), "steps: \"3\", expected a whole number, 1 to 999");
  EXPECT_EQ(refusal("{\"steps\": 3.5}"), "steps: 3.5, expected a whole number, 1 to 999");
  EXPECT_EQ(refusal("{\"guess_mode\": 1}"), "guess_mode: 1, expected true or false");
  EXPECT_EQ(refusal("[]"), "r.json: is JSON of type array, expected a JSON object");
  EXPECT_EQ(refusal("{"), "r.json: is no JSON, expected a JSON object");
}

}  // namespace
}  // namespace drypoint
