#include "checkpoint/plan_file.h"

#include <fmt/format.h>
#include <zlib.h>

#include <nlohmann/json.hpp>

#include "checkpoint/safetensors.h"
#include "models/assemble.h"
#include "support/test_support.h"

namespace drypoint {
namespace {

using testing::fails_with;
using testing::TemporaryFolder;

const std::string unet = "model.diffusion_model.a", control = "control_model.b";

Checkpoint small_checkpoint() {
  Checkpoint checkpoint;
  checkpoint.layout = "safetensors";
  checkpoint.tensors.tensors[unet] = make_tensor({2, 2}, std::vector<float>{1, 2, 3, 4});
  checkpoint.tensors.tensors[control] = make_tensor({3}, std::vector<float>{5, 6, 7});
  checkpoint.tensors.tensors["alphas_cumprod"] = make_tensor({1}, std::vector<float>{0.5f});
  checkpoint.tensors.metadata["drypoint.steps"] = "8";
  checkpoint.sources = {{Part::unet, "a.safetensors"}, {Part::control, "b.safetensors"}};
  checkpoint.controlnets = {{"canny", "b.safetensors"}};
  return checkpoint;
}

PlanInfo small_info() {
  PlanInfo info;
  info.producer = "0.1.0";
  info.model = "a";
  info.control = "b";
  info.controls = {{"canny", "b"}};
  info.model_hash = "0123456789";
  info.control_hashes = {"01234567"};
  info.device = {"cpu", "an instruction set", "a processor", "fp32"};
  info.sizes = {{64, 32}, {8, 8}};
  info.samples = 2;
  info.any_size = true;
  info.has_tokenizer = true;
  return info;
}

const std::vector<std::string> packed_values{std::string(64, 'x'), std::string(100, 'y')};

void write_small(const std::filesystem::path& path, bool keep_tensors = true) {
  const Checkpoint checkpoint = small_checkpoint();
  write_plan(path,
             {.info = small_info(),
              .checkpoint = checkpoint,
              .tensors = {unet, control, "alphas_cumprod"},
              .keep_tensors = keep_tensors,
              .choices = R"({"choices": {"product": ["tile", 1.5]}})",
              .tokenizer = {"{}", "merges"},
              .packed = {{"f32 a", 64}, {"f32 b", 100}},
              .bytes_of = [](size_t i) { return std::as_bytes(std::span(packed_values[i])); }},
             [](double) {});
}

TEST(PlanFile, HoldsWhatWasWritten) {
  TemporaryFolder folder;
  write_small(folder / "a.plan");
  const PlanFile plan(folder / "a.plan");
  plan.check_all();
  const PlanInfo& info = plan.info();
  EXPECT_EQ(info.producer, "0.1.0");
  EXPECT_EQ(info.model, "a");
  EXPECT_EQ(info.control, "b");
  EXPECT_EQ(info.device, small_info().device);
  EXPECT_EQ(info.sizes, small_info().sizes);
  EXPECT_EQ(info.samples, 2);
  EXPECT_TRUE(info.any_size && info.has_tokenizer);
  EXPECT_EQ(info.choices, 1);
  ASSERT_EQ(info.parts.size(), 2u);
  EXPECT_EQ(info.parts[1].name, "ControlNet");
  EXPECT_EQ(info.parts[1].source, "b.safetensors");
  EXPECT_EQ(info.parts[1].parameters, 3);
  EXPECT_EQ(info.packed_bytes, 64 + 128);
  EXPECT_EQ(info.checkpoint_bytes, 32);
  EXPECT_EQ(info.file_bytes, static_cast<int64_t>(std::filesystem::file_size(folder / "a.plan")));
  EXPECT_EQ(plan.tokenizer(), (std::pair<std::string, std::string>{"{}", "merges"}));
  EXPECT_EQ(plan.checkpoint().tensors.metadata.at("drypoint.steps"), "8");
  EXPECT_EQ(plan.checkpoint().tensors.at(control).floats()[2], 7);
  ASSERT_EQ(plan.packed().size(), 2u);
  EXPECT_EQ(plan.packed()[1].key, "f32 b");
  EXPECT_EQ(plan.packed()[1].offset, 64u);
  EXPECT_EQ(plan.packed()[1].bytes, 128u);
  EXPECT_EQ(plan.packed_bytes()[64], std::byte{'y'});
  EXPECT_EQ(plan.packed_bytes()[64 + 100], std::byte{0});
  EXPECT_TRUE(looks_like_plan(MappedFile(folder / "a.plan").bytes()));
}

TEST(PlanFile, KeepsNoMoreThanTypesWhereThatIsEnough) {
  TemporaryFolder folder;
  write_small(folder / "a.plan", false);
  const PlanFile plan(folder / "a.plan");
  EXPECT_FALSE(plan.checkpoint().tensors.at(control).defined());
  EXPECT_EQ(plan.checkpoint().tensors.at(control).shape(), (Shape{3}));
  EXPECT_EQ(plan.checkpoint().tensors.at("alphas_cumprod").floats()[0], 0.5f);
}

class DamagedPlan : public ::testing::Test {
 protected:
  DamagedPlan() {
    write_small(folder_ / "a.plan");
    text_ = read_file(folder_ / "a.plan");
  }
  static void read(const std::string& text) {
    const auto copy = std::make_shared<const std::string>(text);
    PlanFile({"a.plan", std::as_bytes(std::span(*copy)), copy}).check_all();
  }
  TemporaryFolder folder_;
  std::string text_;
};

TEST_F(DamagedPlan, ShowsWhereverItEnds) {
  read(text_);
  for (size_t length = 0; length < text_.size(); ++length)
    ASSERT_TRUE(fails_with(ErrorKind::bad_file, {"a.plan"}, [&] { read(text_.substr(0, length)); }))
        << length;
}

TEST_F(DamagedPlan, ShowsWhicheverBitIsWrong) {
  for (size_t at = 0; at < text_.size(); ++at) {
    text_[at] = static_cast<char>(text_[at] ^ 1 << at % 8);
    bool refused = false;
    try {
      read(text_);
    } catch (const Error&) {  // of any kind: a damaged type may be one that we do not know
      refused = true;
    }
    ASSERT_TRUE(refused) << at;
    text_[at] = static_cast<char>(text_[at] ^ 1 << at % 8);
  }
}

/// A plan with right checksums and whatever header.
std::string with_header(const std::string& header, const std::string& version = "1") {
  TemporaryFolder folder;
  const auto path = folder / "a.plan";
  SafetensorsWriter writer(path,
                           {{"packed f32 a", {DType::u8, {64}}}, {"checksums", {DType::i32, {2}}}},
                           {{"drypoint.plan", version}, {"drypoint.plan.header", header}}, 4096);
  const std::string data(64, 'x');
  const auto sum = [](auto bytes) {
    return static_cast<uint32_t>(
        crc32_z(0, reinterpret_cast<const Bytef*>(bytes.data()), bytes.size()));
  };
  const uint32_t sums[] = {sum(writer.header()), sum(std::span(data))};
  writer.append(std::as_bytes(std::span(data)));
  writer.append(std::as_bytes(std::span(sums)));
  writer.commit();
  return read_file(path);
}

nlohmann::json good_header() {
  return nlohmann::json::parse(R"({
    "producer": "0.1.0", "model": "a", "control": "b", "sizes": [[64, 64]], "samples": 1,
    "device": {"kind": "cpu", "hardware": "x", "name": "y", "precision": "fp32"},
    "any_size": true, "layout": "safetensors", "choices": "", "metadata": {},
    "sources": {"UNet": "a"}, "tensors": {"model.diffusion_model.a": ["f32", [2, 2]]}})");
}

TEST_F(DamagedPlan, HeadersThatLie) {
  read(with_header(good_header().dump()));
  const auto refused = [&](std::initializer_list<std::string> parts, const std::string& header) {
    return fails_with(ErrorKind::bad_file, parts, [&] { read(with_header(header)); });
  };
  const auto changed = [&](const char* key, const char* value) {
    auto header = good_header();
    header[key] = nlohmann::json::parse(value);
    return header.dump();
  };
  EXPECT_TRUE(refused({"no header"}, ""));
  EXPECT_TRUE(refused({"no header"}, "[]"));
  EXPECT_TRUE(refused({"no header"}, std::string(100'000, '[')));
  EXPECT_TRUE(refused({"header is damaged"}, changed("sizes", "[3]")));
  EXPECT_TRUE(refused({"header is damaged"}, changed("device", "{}")));
  EXPECT_TRUE(refused({"header is damaged"}, changed("metadata", R"({"a": {}})")));
  EXPECT_TRUE(refused({"header is damaged"}, changed("sources", "{}")));
  EXPECT_TRUE(refused({"dtype", "f12"}, changed("tensors", R"({"a": ["f12", [2]]})")));
  for (const char* shape : {"[-1]", "[4611686018427387904, 8]", "[1099511627776]", "[100000]"})
    EXPECT_TRUE(refused({"too large"},
                        changed("tensors", fmt::format(R"({{"a": ["f32", {}]}})", shape).c_str())))
        << shape;
}

TEST_F(DamagedPlan, OtherFormatsAndOtherFiles) {
  EXPECT_TRUE(fails_with(ErrorKind::bad_file, {"format 2", "expected 1", "build it again"},
                         [&] { read(with_header(good_header().dump(), "2")); }));
  EXPECT_TRUE(fails_with(ErrorKind::bad_file, {"is no plan"}, [&] { read("hello"); }));
  EXPECT_TRUE(fails_with(ErrorKind::bad_file, {"is no plan"},
                         [&] { PlanFile plan(testing::tiny_control_path()); }));
  EXPECT_TRUE(
      fails_with(ErrorKind::bad_file, {"No such file"}, [&] { PlanFile plan("none.plan"); }));
  EXPECT_TRUE(fails_with(ErrorKind::bad_file, {"is a plan, expected a checkpoint"},
                         [&] { load_checkpoint(folder_ / "a.plan"); }));
}

TEST(PlanWriter, LeavesNothingWhenItIsEnded) {
  TemporaryFolder folder;
  const Checkpoint checkpoint = small_checkpoint();
  EXPECT_TRUE(fails_with(ErrorKind::cancelled, {"enough"}, [&] {
    write_plan(folder / "a.plan",
               {.info = small_info(),
                .checkpoint = checkpoint,
                .tensors = {unet, control},
                .packed = {{"f32 a", 64}},
                .bytes_of = [](size_t i) { return std::as_bytes(std::span(packed_values[i])); }},
               [](double) { throw Error(ErrorKind::cancelled, "enough"); });
  }));
  EXPECT_TRUE(std::filesystem::is_empty(folder.path()));
}

}  // namespace
}  // namespace drypoint
