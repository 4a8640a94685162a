// Preprocessors that are networks, against controlnet-aux (annotators.py).
#include <set>

#include "annotate/depth.h"
#include "annotate/hint_network.h"
#include "annotate/poses.h"
#include "checkpoint/formats.h"
#include "checkpoint/safetensors.h"
#include "diffusion/model/annotating.h"
#include "drypoint/annotate.h"
#include "drypoint/pipeline.h"
#include "drypoint/preprocess.h"
#include "drypoint/synth.h"
#include "golden/golden_test_base.h"
#include "image/preprocess/pixels.h"
#include "models/depth_anything.h"
#include "models/hed.h"
#include "models/lineart.h"
#include "models/lineart_anime.h"
#include "models/midas.h"
#include "models/mlsd.h"
#include "models/normal_bae.h"
#include "models/openpose.h"
#include "models/pidinet.h"
#include "models/pose_machine.h"
#include "models/published.h"
#include "support/test_support.h"

namespace drypoint {
namespace {

std::filesystem::path annotator_path(const std::string& name) {
  return testing::data("annotators/" + name);
}
Image annotator_picture(const std::string& name) {
  return read_image(annotator_path(name + ".png")).image;
}
NamedTensors annotator_tensors(const std::string& name) {
  return read_tensor_file(annotator_path(name + ".safetensors")).tensors;
}

/// Within 1/255 in 99.9 % of the values; grey stands for three equal channels.
::testing::AssertionResult like(const Image& hint, const Image& expected) {
  if (hint.width != expected.width || hint.height != expected.height)
    return ::testing::AssertionFailure() << hint.width << "x" << hint.height << ", expected "
                                         << expected.width << "x" << expected.height;
  const auto at = [](const Image& image, size_t pixel, size_t c) {
    const auto channels = static_cast<size_t>(image.channels);
    return int{image.pixels[pixel * channels + std::min(c, channels - 1)]};
  };
  const size_t pixels = pixels_of(hint);
  size_t unlike = 0;
  for (size_t pixel = 0; pixel < pixels; ++pixel)
    for (size_t c = 0; c < 3; ++c)
      unlike += std::abs(at(hint, pixel, c) - at(expected, pixel, c)) > 1 ? 1 : 0;
  if (static_cast<double>(unlike) <= 0.001 * 3 * static_cast<double>(pixels))
    return ::testing::AssertionSuccess();
  return ::testing::AssertionFailure() << unlike << " of " << 3 * pixels << " values differ";
}

/// Of a transformer that has the same weights in all its blocks, the file has the first's.
void repeat_block(NamedTensors& tensors, const std::string& blocks, int count) {
  std::map<std::string, Tensor, std::less<>> more;
  for (const auto& [name, tensor] : tensors.tensors)
    if (name.starts_with(blocks + "0."))
      for (int i = 1; i < count; ++i)
        more[blocks + std::to_string(i) + name.substr(blocks.size() + 1)] = tensor;
  tensors.tensors.merge(more);
}

struct Transformer {
  const char* blocks = nullptr;
  int count = 0;
};
constexpr Transformer hybrid{"pretrained.model.blocks.", 12}, large{"pretrained.model.blocks.", 24},
    dinov2{"pretrained.blocks.", 8};

/// The weights as a file.
class Weights {
 public:
  Weights(const std::string& name, const Transformer& transformer) {
    NamedTensors tensors = annotator_tensors(name);
    if (transformer.blocks) repeat_block(tensors, transformer.blocks, transformer.count);
    write_safetensors(path(), tensors.tensors);
  }
  std::filesystem::path path() const { return folder_ / "weights.safetensors"; }

 private:
  testing::TemporaryFolder folder_;
};

struct HintCase {
  const char *preprocessor, *weights, *hint;
  Transformer transformer = {};
  bool is_large = false;  // too much for the reference
};
class Hint : public ::testing::TestWithParam<HintCase> {};

TEST_P(Hint, IsThatOfControlnetAux) {
  const HintCase& hint = GetParam();
  const Weights weights(hint.weights, hint.transformer);
  for (const char* device : {"cpu", "reference"}) {
    if (hint.is_large && device == std::string("reference")) continue;
    Annotator network(hint.preprocessor, weights.path(), {.device = device});
    EXPECT_TRUE(like(network.annotate(annotator_picture("picture")), annotator_picture(hint.hint)))
        << device;
  }
}
INSTANTIATE_TEST_SUITE_P(
    Annotators, Hint,
    ::testing::Values(
        HintCase{"depth_midas", "midas_hybrid", "midas_hybrid", hybrid},
        HintCase{"depth_midas", "midas_large", "midas_large", large},
        HintCase{"depth_anything", "depth_anything", "depth_anything", dinov2, true},
        HintCase{"depth_anything_v2", "depth_anything_v2", "depth_anything_v2", dinov2, true},
        HintCase{"lineart_realistic", "lineart", "lineart"},
        HintCase{"lineart_anime", "lineart_anime", "lineart_anime"},
        HintCase{"mlsd", "mlsd", "mlsd"}, HintCase{"normal_bae", "normal_bae", "normal_bae"},
        HintCase{"softedge_pidinet", "pidinet", "pidinet"},
        HintCase{"softedge_pidisafe", "pidinet", "pidisafe"},
        HintCase{"softedge_hed", "hed", "hed"}, HintCase{"softedge_hedsafe", "hed", "hedsafe"}),
    [](const auto& test) { return std::string(test.param.hint); });

/// Networks on each backend, with what the Python code gave for an input.
class AnnotatorStages : public ::testing::TestWithParam<testing::GoldenBackend> {
 protected:
  void expect_outputs(const NamedTensors& weights, SizedGraph sized, NetworkInputs inputs,
                      const NamedTensors& golden, std::initializer_list<const char*> outputs,
                      double slack = 1) {
    const auto backend = GetParam().make();
    WeightStore store(weights, *backend);
    Executor network(compile(std::move(sized.graph), backend->target()), *backend, store);
    inputs.merge(sized.tables);
    const auto image = golden.at("image").to_f32();
    inputs["image"] = std::vector<float>(image.floats().begin(), image.floats().end());
    for (const auto& [name, values] : inputs)
      std::visit([&](const auto& own) { network.set_input(name, std::span(own)); }, values);
    network.run(Rate::picture);
    for (const char* output : outputs)
      EXPECT_TRUE(testing::close(network.output(output), golden.at(output).floats(),
                                 slack * GetParam().tolerance))
          << output;
  }
};

TEST_P(AnnotatorStages, OpenposeSeesLimbsAndParts) {
  const OpenposeFile file = read_openpose(annotator_path("openpose.safetensors"));
  const NamedTensors golden = annotator_tensors("openpose_stages");
  const Shape size = golden.at("image").shape();
  expect_outputs(file.tensors, {build_openpose(file.config, size[1], size[2])}, {}, golden,
                 {"limbs", "parts"});
}

TEST_P(AnnotatorStages, PoseMachinesSeePoints) {
  for (const auto& [name, kind] :
       {std::pair("hand_pose", hand_machine), std::pair("face_pose", face_machine)}) {
    const PoseMachineFile file =
        read_pose_machine(annotator_path(std::string(name) + ".safetensors"), kind);
    const NamedTensors golden = annotator_tensors(std::string(name) + "_stages");
    const Shape size = golden.at("image").shape();
    expect_outputs(file.tensors, {build_pose_machine(file.config, size[1], size[2])}, {}, golden,
                   {"points"});
  }
}

TEST_P(AnnotatorStages, MidasSeesDepth) {
  for (const auto& [name, transformer] :
       {std::pair("midas_hybrid", hybrid), std::pair("midas_large", large)}) {
    const MidasFile file = read_midas(Weights(name, transformer).path());
    const NamedTensors golden = annotator_tensors(std::string(name) + "_stages");
    const Shape size = golden.at("image").shape();
    const ImageSize patches{static_cast<int>(size[2] / 16), static_cast<int>(size[1] / 16)};
    expect_outputs(
        file.tensors, build_midas(file.config, size[1], size[2]),
        vit_positions(file.tensors, midas_vit, file.config.vit, patches, PositionResize::bilinear),
        golden, {"depth"});
  }
}

TEST_P(AnnotatorStages, DepthAnythingSeesDepth) {
  for (const auto& [name, version] :
       {std::pair("depth_anything", 1), std::pair("depth_anything_v2", 2)}) {
    const DepthAnythingFile file = read_depth_anything(Weights(name, dinov2).path(), version);
    const NamedTensors golden = annotator_tensors(std::string(name) + "_stages");
    const Shape size = golden.at("image").shape();
    const ImageSize patches{static_cast<int>(size[2] / 14), static_cast<int>(size[1] / 14)};
    expect_outputs(file.tensors, build_depth_anything(file.config, size[1], size[2]),
                   vit_positions(file.tensors, depth_anything_vit, file.config.vit, patches,
                                 PositionResize::dinov2),
                   golden, {"depth"});
  }
}

TEST_P(AnnotatorStages, PidinetSeesEdges) {
  const PidinetFile file = read_pidinet(annotator_path("pidinet.safetensors"));
  const NamedTensors golden = annotator_tensors("pidinet_stages");
  const Shape size = golden.at("image").shape();
  expect_outputs(file.tensors, build_pidinet(file.config, size[1], size[2]), {}, golden,
                 {"gate0", "gate1", "gate2", "gate3", "edges0", "edges1", "edges2", "edges3"},
                 4);  // deep, and without norms
}

TEST_P(AnnotatorStages, MlsdSeesLines) {
  const MlsdFile file = read_mlsd(annotator_path("mlsd.safetensors"));
  const NamedTensors golden = annotator_tensors("mlsd_stages");
  const Shape size = golden.at("image").shape();
  expect_outputs(file.tensors, build_mlsd(file.config, size[1], size[2]), {}, golden, {"lines"});
}

TEST_P(AnnotatorStages, NormalBaeSeesWhichWaySurfacesFace) {
  const NormalBaeFile file = read_normal_bae(annotator_path("normal_bae.safetensors"));
  const NamedTensors golden = annotator_tensors("normal_bae_stages");
  const Shape size = golden.at("image").shape();
  expect_outputs(file.tensors, build_normal_bae(file.config, size[1], size[2]), {}, golden,
                 {"normals"});
}
INSTANTIATE_TEST_SUITE_P(Backends, AnnotatorStages, ::testing::ValuesIn(testing::golden_backends()),
                         [](const auto& backend) { return std::string(backend.param.name); });

/// OpenPose's networks, but that for bodies, whose results are `poses`. On the CPU: of points that
/// are nearly as likely as others, coarser numbers may choose another.
class OpenposeRun {
 public:
  explicit OpenposeRun(const std::string& kind) {
    std::vector<std::filesystem::path> files{annotator_path("openpose.safetensors")};
    for (const std::string_view file : preprocessor_named(kind).further_files)
      files.push_back(annotator_path(file == "facenet.pth" ? "face_pose.safetensors"
                                                           : "hand_pose.safetensors"));
    maker_ = read_hint_maker(kind, files, files_);
    for (const auto& [name, tensor] : annotator_tensors("poses").tensors)
      bodies_[name] = tensor.to_f32();
  }

  Image hint(const Image& picture) {
    return maker_->make(
        picture, {},
        [&](const Network& network, ImageSize seen, const NetworkInputs& inputs) -> NetworkOutputs {
          if (network.tensors().has("conv5_1_CPM_L1.weight"))
            return [&](const std::string& output) { return bodies_.at(output).floats(); };
          return networks_.run(network, seen, inputs);
        });
  }

 private:
  NetworkFiles files_;
  std::shared_ptr<const HintMaker> maker_;
  std::map<std::string, Tensor> bodies_;
  ReadyNetworks networks_{std::make_shared<OpenDevice>(DeviceOptions{.device = "cpu"})};
};

TEST(Openpose, ScalesPicturesAsControlnetAuxDoes) {
  const std::filesystem::path file = annotator_path("openpose.safetensors");
  NetworkFiles files;
  const auto maker = read_hint_maker("openpose", {{file}}, files);
  const Image expected = annotator_picture("openpose_seen");  // every eighth pixel
  const ImageSize size{8 * expected.width, 8 * expected.height};
  Image sampled{expected.width, expected.height, 3, {}};
  const std::vector<float> nothing(size_t{38} * sampled.width * sampled.height);
  maker->make(
      annotator_picture("openpose_picture"), {},
      [&](const Network&, ImageSize seen, const NetworkInputs& inputs) {
        EXPECT_EQ(seen, size);
        const auto& values = std::get<std::vector<float>>(inputs.at("image"));
        for (int y = 0; y < seen.height; y += 8)
          for (int x = 0; x < seen.width; x += 8)
            for (int c = 2; c >= 0; --c)
              sampled.pixels.push_back(static_cast<uint8_t>(
                  (values[static_cast<size_t>((y * seen.width + x) * 3 + c)] + 0.5f) * 256));
        return [&](const std::string& output) {
          return std::span(nothing).first(nothing.size() / (output == "parts" ? 2 : 1));
        };
      });
  EXPECT_TRUE(like(sampled, expected));
}

TEST(Openpose, DrawsTheBodiesThatControlnetAuxFinds) {
  const Image black{200, 120, 3, std::vector<uint8_t>(size_t{200} * 120 * 3)};
  EXPECT_TRUE(like(OpenposeRun("openpose").hint(black), annotator_picture("poses")));
}

class OpenposeDetails : public ::testing::TestWithParam<const char*> {};

TEST_P(OpenposeDetails, AreThoseOfControlnetAux) {
  EXPECT_TRUE(like(OpenposeRun(GetParam()).hint(annotator_picture("people")),
                   annotator_picture(GetParam())));
}
INSTANTIATE_TEST_SUITE_P(Kinds, OpenposeDetails,
                         ::testing::Values("openpose_hand", "openpose_face", "openpose_faceonly",
                                           "openpose_full"),
                         [](const auto& test) { return std::string(test.param); });

/// Rows of numbers that `annotators.py` keeps, each of as many as the last dimensions say.
class GoldenRows {
 public:
  GoldenRows(const NamedTensors& tensors, const std::string& name)
      : values_(tensors.at(name).to_f32()),
        count_(static_cast<size_t>(values_.shape()[0])),
        length_(values_.floats().size() / count_) {}
  size_t count() const { return count_; }
  int at(size_t row, size_t i) const {
    return static_cast<int>(values_.floats()[row * length_ + i]);
  }
  std::optional<Keypoint> point(size_t row, size_t i) const {
    if (at(row, 2 * i) < 0) return std::nullopt;
    return Keypoint{at(row, 2 * i), at(row, 2 * i + 1)};
  }
  Keypoints points(size_t row) const {
    Keypoints all;
    for (size_t i = 0; i < length_ / 2; ++i) all.push_back(point(row, i));
    return all;
  }

 private:
  Tensor values_;
  size_t count_, length_;
};

TEST(Openpose, LooksForHandsAndFacesWhereControlnetAuxDoes) {
  const NamedTensors kept = annotator_tensors("pose_boxes");
  const GoldenRows sizes(kept, "sizes"), bodies(kept, "bodies"), hands(kept, "hands"),
      faces(kept, "faces");
  int found = 0;
  for (size_t i = 0; i < sizes.count(); ++i) {
    const ImageSize size{sizes.at(i, 0), sizes.at(i, 1)};
    Pose body;
    for (size_t part = 0; part < body.size(); ++part) body.at(part) = bodies.point(i, part);
    const auto square = [&](const GoldenRows& boxes, size_t first) -> std::optional<Region> {
      const int x = boxes.at(i, first), y = boxes.at(i, first + 1), side = boxes.at(i, first + 2);
      if (side < 0) return std::nullopt;
      ++found;
      return Region{x, y, {std::min(side, size.width - x), std::min(side, size.height - y)}};
    };
    const HandBoxes own = hand_boxes(body, size);
    EXPECT_EQ(own.left, square(hands, 0)) << i;
    EXPECT_EQ(own.right, square(hands, 3)) << i;
    EXPECT_EQ(face_box(body, size), square(faces, 0)) << i;
  }
  EXPECT_GT(found, 200);
}

TEST(Openpose, DrawsHandsAndFacesAsControlnetAuxDoes) {
  const NamedTensors kept = annotator_tensors("drawn_points");
  const GoldenRows hands(kept, "hands"), faces(kept, "faces");
  std::vector<Person> people;
  for (size_t i = 0; i < faces.count(); ++i)
    people.push_back({{}, hands.points(2 * i), hands.points(2 * i + 1), faces.points(i)});
  EXPECT_EQ(drawn_poses(people, {320, 192}, {.hands = true, .faces = true}).pixels,
            annotator_picture("drawn_points").pixels);
}

TEST(Openpose, FindsAHandsPointsInTheRegionsOfMostSum) {
  std::vector<double> points(size_t{hand_side} * hand_side * 4);
  const auto at = [&](int x, int y, int point) -> double& {
    return points.at(static_cast<size_t>((y * hand_side + x) * 4 + point));
  };
  at(100, 20, 0) = 20;  // likelier than any other place
  for (int y = 40; y < 50; ++y)
    for (int x = 0; x < 10; ++x) at(30 + x, y, 0) = at(x, y, 1) = 1;
  at(33, 44, 0) = at(0, 44, 1) = 1.5;
  const Keypoints found = find_hand(points, {10, 20, {64, 64}});
  ASSERT_EQ(found.size(), 3U);
  EXPECT_EQ(found[0], (Keypoint{10 + 16, 20 + 22}));
  EXPECT_FALSE(found[1]);  // at the border
  EXPECT_FALSE(found[2]);
}

TEST(Openpose, RefusesPeaksWithoutEnd) {
  const FloatResize size({64, 64}, {64, 64}, Interpolation::lanczos);
  const std::vector<float> limbs(size_t{64} * 64 * 38), parts(size_t{64} * 64 * 19, 1.0f);
  EXPECT_TRUE(testing::fails_with(ErrorKind::bad_file, {"openpose", "1000"},
                                  [&] { find_poses(limbs, parts, size); }));
  EXPECT_TRUE(find_poses(limbs, std::vector<float>(parts.size()), size).empty());
}

TEST(Annotator, EveryNetworkHasAReader) {
  for (const Preprocessor& preprocessor : preprocessors()) {
    if (!preprocessor.is_network()) continue;
    EXPECT_TRUE(testing::fails_with(ErrorKind::unsupported, {"sd15.safetensors"}, [&] {
      const std::vector files(3, testing::tiny_model_path());
      NetworkFiles networks;
      read_hint_maker(preprocessor.name, files, networks);
    })) << preprocessor.name;
  }
}

/// What is in files of networks without a use in them.
bool is_idle(const std::string& tensor) {
  constexpr std::string_view idle[] = {"refinenet4.resConfUnit1.", "pretrained.model.norm.",
                                       "pretrained.model.head.",   "original_model.bn2.",
                                       "pretrained.mask_token",    "num_batches_tracked"};
  return std::ranges::any_of(
      idle, [&](std::string_view part) { return tensor.find(part) != tensor.npos; });
}

/// What a list says that a network's file holds is what it holds.
void expect_listed(const std::string& name, const std::vector<TensorSpec>& listed) {
  NamedTensors file = annotator_tensors(name);
  for (const auto& [tensor, shape] : listed) {
    const std::string stored = (file.has(tensor) ? "" : "module.") + tensor;
    ASSERT_TRUE(file.has(stored)) << name << ": " << tensor;
    EXPECT_EQ(file.at(stored).shape(), shape) << name << ": " << tensor;
    file.tensors.erase(stored);
  }
  for (const auto& [tensor, _] : file.tensors)
    EXPECT_TRUE(is_idle(tensor)) << name << ": " << tensor;
}

/// The list of such a network with the first of a transformer's blocks alone.
template <class Config>
std::vector<TensorSpec> with_one_block(const Config& config, const Transformer& transformer) {
  std::vector<TensorSpec> all = tensors_of(config);
  const std::string blocks = transformer.blocks;
  std::erase_if(all, [&](const TensorSpec& spec) {
    return spec.name.starts_with(blocks) && !spec.name.starts_with(blocks + "0.");
  });
  return all;
}

TEST(Annotator, FilesHoldWhatIsListed) {
  const auto file = [](const std::string& name) { return annotator_path(name + ".safetensors"); };
  expect_listed("hed", tensors_of(read_hed(file("hed")).config));
  expect_listed("lineart", tensors_of(read_lineart(file("lineart")).config));
  expect_listed("lineart_anime", tensors_of(read_lineart_anime(file("lineart_anime")).config));
  expect_listed("mlsd", tensors_of(read_mlsd(file("mlsd")).config));
  expect_listed("normal_bae", tensors_of(read_normal_bae(file("normal_bae")).config));
  expect_listed("openpose", tensors_of(read_openpose(file("openpose")).config));
  expect_listed("pidinet", tensors_of(read_pidinet(file("pidinet")).config));
  for (const auto& [name, kind] :
       {std::pair("hand_pose", hand_machine), std::pair("face_pose", face_machine)})
    expect_listed(name, tensors_of(read_pose_machine(file(name), kind).config));
  for (const auto& [name, transformer] :
       {std::pair("midas_hybrid", hybrid), std::pair("midas_large", large)})
    expect_listed(
        name, with_one_block(read_midas(Weights(name, transformer).path()).config, transformer));
  for (const auto& [name, version] :
       {std::pair("depth_anything", 1), std::pair("depth_anything_v2", 2)})
    expect_listed(
        name,
        with_one_block(read_depth_anything(Weights(name, dinov2).path(), version).config, dinov2));
}

TEST(Annotator, EveryFileCanBeSynthesized) {
  const auto is_published = [](std::string_view file) {
    return std::ranges::any_of(published_networks(), [&](const PublishedNetwork& network) {
      return std::ranges::find(network.files, file) != network.files.end();
    });
  };
  for (const Preprocessor& preprocessor : preprocessors())
    for (const auto& files : {preprocessor.files, preprocessor.further_files})
      for (const std::string_view file : files) EXPECT_TRUE(is_published(file)) << file;
}

struct SynthCase {
  const char *arch, *preprocessor;
};
class SynthesizedNetwork : public ::testing::TestWithParam<SynthCase> {};

TEST_P(SynthesizedNetwork, GivesAHint) {
  const testing::TemporaryFolder folder;
  const std::filesystem::path weights = folder / "weights.safetensors";
  synthesize(weights, {.arch = GetParam().arch, .seed = 1});
  const Image hint = Annotator(GetParam().preprocessor, weights, testing::tested_device())
                         .annotate(annotator_picture("picture"));
  EXPECT_EQ(hint.width, 64);
  EXPECT_EQ(hint.height, 64);
}
INSTANTIATE_TEST_SUITE_P(
    Archs, SynthesizedNetwork,
    ::testing::Values(SynthCase{"hed", "softedge_hed"}, SynthCase{"pidinet", "softedge_pidinet"},
                      SynthCase{"lineart", "lineart_realistic"}, SynthCase{"mlsd", "mlsd"},
                      SynthCase{"normal_bae", "normal_bae"}, SynthCase{"openpose", "openpose"},
                      SynthCase{"depth_anything_vits", "depth_anything_v2"}),
    [](const auto& test) { return std::string(test.param.arch); });

TEST(Annotator, FindsItsWeightsInAFolder) {
  const testing::TemporaryFolder folder;
  const Image picture = annotator_picture("picture");
  EXPECT_TRUE(testing::fails_with(
      ErrorKind::bad_argument, {"softedge_hed", "ControlNetHED.pth", folder.path().string()},
      [&] { Annotator("hed", folder.path(), testing::tested_device()); }));
  std::filesystem::create_directory(folder / "hed");
  std::filesystem::copy_file(annotator_path("hed.safetensors"),
                             folder / "hed/ControlNetHED.safetensors");
  Annotator network("hed", folder.path(), testing::tested_device());
  EXPECT_TRUE(like(network.annotate(picture), annotator_picture("hed")));
}

TEST(Annotator, SeesTheBorderWhereSidesAreNoMultiplesOf64) {
  const Image people = annotator_picture("people");
  const Image part = part_of(people, {0, 0, {72, 136}});
  Image whole{128, 192, 3, {}};
  for (int y = 0; y < whole.height; ++y)
    for (int x = 0; x < whole.width; ++x)
      for (int c = 0; c < 3; ++c)
        whole.pixels.push_back(
            part.pixels.at(static_cast<size_t>((std::min(y, 135) * 72 + std::min(x, 71)) * 3 + c)));
  for (const auto& [kind, weights] : {std::pair("mlsd", "mlsd"), {"softedge_hed", "hed"}}) {
    Annotator network(kind, annotator_path(std::string(weights) + ".safetensors"),
                      testing::tested_device());
    const Image hint = network.annotate(part);
    EXPECT_EQ(hint.pixels, part_of(network.annotate(whole), {0, 0, {72, 136}}).pixels) << kind;
  }
}

TEST(Annotator, NeedsTheFilesOfAllItsNetworks) {
  const testing::TemporaryFolder folder;
  const auto put_in = [&](const char* file, const char* name) {
    std::filesystem::copy_file(annotator_path(file), folder / name,
                               std::filesystem::copy_options::overwrite_existing);
  };
  const auto full = [&](const std::filesystem::path& weights) {
    return Annotator("openpose_full", weights, testing::tested_device());
  };
  put_in("openpose.safetensors", "body_pose_model.safetensors");
  put_in("face_pose.safetensors", "facenet.safetensors");
  EXPECT_TRUE(testing::fails_with(
      ErrorKind::bad_argument,
      {"openpose_full needs body_pose_model.pth and hand_pose_model.pth and facenet.pth",
       "found only body_pose_model.safetensors and facenet.safetensors", folder.path().string()},
      [&] { full(folder.path()); }));
  const AnnotatorLibrary library(folder.path(),
                                 std::make_shared<OpenDevice>(testing::tested_device()));
  EXPECT_TRUE(library.has_weights(preprocessor_named("openpose_face")));
  EXPECT_FALSE(library.has_weights(preprocessor_named("openpose_full")));
  EXPECT_TRUE(testing::fails_with(ErrorKind::bad_argument, {"a folder with", "hand_pose_model"},
                                  [&] { full(folder / "facenet.safetensors"); }));
  put_in("face_pose.safetensors", "hand_pose_model.safetensors");
  EXPECT_TRUE(testing::fails_with(ErrorKind::unsupported,
                                  {"hand_pose_model.safetensors", "70 points", "expected 21"},
                                  [&] { full(folder.path()); }));
  put_in("hand_pose.safetensors", "hand_pose_model.safetensors");
  const Image hint = full(folder.path()).annotate(annotator_picture("picture"));
  EXPECT_EQ(hint.width, 64);
  EXPECT_EQ(hint.height, 64);
}

TEST(Annotator, PreprocessorsShareTheNetworkOfAFile) {
  const std::filesystem::path body = annotator_path("openpose.safetensors"),
                              face = annotator_path("face_pose.safetensors"),
                              other_name =
                                  body.parent_path() / "../annotators/openpose.safetensors";
  NetworkFiles files;
  std::set<const Network*> networks;
  const auto see = [&](const char* kind, const std::vector<std::filesystem::path>& weights) {
    const std::vector<float> nothing(size_t{38} * 64 * 64);
    read_hint_maker(kind, weights, files)
        ->make(annotator_picture("picture"), {},
               [&](const Network& network, ImageSize seen, const NetworkInputs&) {
                 networks.insert(&network);
                 const auto results = static_cast<size_t>(seen.width / 8 * seen.height / 8);
                 return [&nothing, results](const std::string& output) {
                   return std::span(nothing).first(results * (output == "parts" ? 19 : 38));
                 };
               });
  };
  see("openpose", {body});
  see("openpose_face", {other_name, face});
  EXPECT_EQ(networks.size(), 1U);
}

TEST(Annotator, RefusesWhatItIsNot) {
  EXPECT_TRUE(testing::fails_with(ErrorKind::bad_argument, {"\"head\"", "hed"}, [] {
    Annotator("head", annotator_path("hed.safetensors"), testing::tested_device());
  }));
  EXPECT_TRUE(testing::fails_with(ErrorKind::bad_argument, {"canny", "no network"}, [] {
    Annotator("canny", annotator_path("hed.safetensors"), testing::tested_device());
  }));
  EXPECT_TRUE(testing::fails_with(ErrorKind::unsupported, {"sd15.safetensors", "HED"}, [] {
    Annotator("hed", testing::tiny_model_path(), testing::tested_device());
  }));
  const testing::TemporaryFolder folder;
  auto tensors = annotator_tensors("hed").tensors;
  tensors.erase("block3.projection.bias");
  write_safetensors(folder / "less.safetensors", tensors);
  EXPECT_TRUE(testing::fails_with(ErrorKind::bad_file, {"less", "block3.projection.bias"}, [&] {
    Annotator("hed", folder / "less.safetensors", testing::tested_device());
  }));
}

TEST(Annotator, ServesAModelsControls) {
  const testing::TemporaryFolder folder;
  std::filesystem::copy_file(annotator_path("hed.safetensors"),
                             folder / "ControlNetHED.safetensors");
  ModelFiles files{.model = testing::tiny_model_path(), .control = testing::tiny_control_path()};
  const auto asked = [](const Pipeline& pipeline) {
    Request request = pipeline.defaults();
    request.steps = 1;
    request.size = {64, 64};
    request.controls = {{.image = annotator_picture("picture"), .preprocessor = "hed"}};
    return request;
  };
  Pipeline without(files, testing::tested_device());
  EXPECT_TRUE(testing::fails_with(
      ErrorKind::bad_argument, {"controls[0]", "softedge_hed", "ControlNetHED.pth", "annotators"},
      [&] { without.generate(asked(without)); }));
  Request own = asked(without);
  own.controls[0].preprocessor = "hed:" + (folder / "ControlNetHED.safetensors").string();
  EXPECT_TRUE(like(without.generate(own).hints.at(0), annotator_picture("hed")));
  for (const auto& [wrong, told] : {std::pair("hed:", "behind the colon"),
                                    {"hed:none.pth", "none.pth"},
                                    {"canny:hed.pth", "no network"},
                                    {"head:hed.pth", "\"head\""}}) {
    own.controls[0].preprocessor = wrong;
    try {
      without.generate(own);
      ADD_FAILURE() << wrong;
    } catch (const Error& error) {
      EXPECT_NE(std::string_view(error.what()).find(told), std::string_view::npos) << error.what();
    }
  }
  files.annotators = folder.path();
  Pipeline pipeline(files, testing::tested_device());
  const Result result = pipeline.generate(asked(pipeline));
  EXPECT_TRUE(like(result.hints.at(0), annotator_picture("hed")));
  EXPECT_NE(result.parameters.at(0).find("softedge_hed"), std::string::npos);
}

}  // namespace
}  // namespace drypoint
