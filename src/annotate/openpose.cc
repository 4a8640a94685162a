#include "models/openpose.h"

#include "annotate/filling.h"
#include "annotate/poses.h"
#include "image/preprocess/pixels.h"
#include "image/resample.h"
#include "image/resize_floats.h"
#include "models/pose_machine.h"

namespace drypoint {
namespace {

constexpr int stride = 8;  // pixels to a number of the networks' results

/// As controlnet-aux' smart_resize chooses, of sides that are yet to be rounded.
bool shrinks(double to, double from) { return to / from < 1; }
Image resized(const Image& image, ImageSize size, bool is_smaller) {
  return is_smaller ? resize_area(image, size) : resize_lanczos(image, size);
}

std::vector<float> as_seen(const Image& image) {
  return scaled_pixels(image, 1 / 256.0f, -0.5f, /*blue_first=*/true);
}

class BodyNetwork : public Network {
 public:
  explicit BodyNetwork(OpenposeFile file)
      : Network(std::move(file.tensors)), config_(std::move(file.config)) {}

  SizedGraph build(ImageSize seen) const override {
    return {build_openpose(config_, seen.height, seen.width)};
  }

  std::vector<Pose> find(const Image& picture, const RunNetwork& run) const {
    const ImageSize size{picture.width, picture.height}, scaled = scaled_size(size),
                                                         seen = filled_up(scaled, stride);
    Image canvas{seen.width, seen.height, 3, {}};
    canvas.pixels.assign(3 * pixels_of(canvas), 128);
    put(canvas, as_rgb(resized(picture, scaled, shrinks(0.5 * 368, picture.height))), 0, 0);
    const NetworkOutputs outputs = run(*this, seen, image_alone(as_seen(canvas)));
    // As large as the network saw the picture, without what filled that up.
    const FloatResize enlarge({seen.width / stride, seen.height / stride}, seen,
                              Interpolation::lanczos);
    const auto limbs = enlarge.first(outputs("limbs"), 2 * OpenposeConfig::limbs, scaled);
    const auto parts = enlarge.first(outputs("parts"), OpenposeConfig::parts + 1, scaled);
    const bool is_smaller = shrinks(size.width + size.height, scaled.width + scaled.height);
    return find_poses(limbs, parts,
                      {scaled, size, is_smaller ? Interpolation::area : Interpolation::lanczos});
  }

 private:
  /// The whole picture as the network sees it: half of 368 pixels high, before its sides are filled
  /// up to multiples of the stride.
  static ImageSize scaled_size(ImageSize picture) {
    const double scale = 0.5 * 368 / picture.height;
    return {std::max(static_cast<int>(picture.width * scale), 1),
            std::max(static_cast<int>(picture.height * scale), 1)};
  }

  OpenposeConfig config_;
};

/// For hands or faces: sees squares of fixed sizes, whatever the part of the picture.
class PoseMachine : public Network {
 public:
  explicit PoseMachine(PoseMachineFile file)
      : Network(std::move(file.tensors)), config_(std::move(file.config)) {}

  SizedGraph build(ImageSize seen) const override {
    return {build_pose_machine(config_, seen.height, seen.width)};
  }
  /// [side / 8, side / 8, points + 1].
  std::span<const float> see(const Image& part, int side, const RunNetwork& run) const {
    const ImageSize seen{side, side};
    const Image scaled = resized(part, seen, shrinks(2 * side, part.width + part.height));
    return run(*this, seen, image_alone(as_seen(scaled)))("points");
  }
  int planes() const { return static_cast<int>(config_.points + 1); }

 private:
  PoseMachineConfig config_;
};

/// A hand to be found: where, what is there, and whose it is.
struct SoughtHand {
  Region box;
  Image part;
  Keypoints* found;
};

/// Each is seen in four sizes, one size after the other, since each has a graph of its own.
void find_hands(std::span<const SoughtHand> hands, const PoseMachine& network,
                const RunNetwork& run) {
  constexpr int sides[] = {184, 368, 552, 736};
  const int planes = network.planes();
  const size_t values = size_t{hand_side} * hand_side * static_cast<size_t>(planes);
  std::vector<std::vector<double>> means(hands.size(), std::vector<double>(values));
  for (const int side : sides) {
    const ImageSize results{side / stride, side / stride}, seen{side, side};
    const FloatResize enlarge(results, seen, Interpolation::lanczos),
        shrink(seen, {hand_side, hand_side}, Interpolation::area);
    for (size_t i = 0; i < hands.size(); ++i) {
      const auto points =
          resize_twice(network.see(hands[i].part, side, run), planes, enlarge, shrink);
      for (size_t j = 0; j < values; ++j) means[i][j] += points[j] / std::size(sides);
    }
  }
  for (size_t i = 0; i < hands.size(); ++i) *hands[i].found = find_hand(means[i], hands[i].box);
}

void add_hands(std::vector<Person>& people, const PoseMachine& network, const Image& picture,
               const RunNetwork& run) {
  std::vector<SoughtHand> hands;
  const auto add = [&](const std::optional<Region>& box, Keypoints& found) {
    if (box) hands.push_back({*box, gaussian_blurred(part_of(picture, *box), 0.8), &found});
  };
  for (Person& person : people) {
    const HandBoxes boxes = hand_boxes(person.body, {picture.width, picture.height});
    add(boxes.left, person.left_hand);
    add(boxes.right, person.right_hand);
  }
  constexpr size_t most_at_once = 16;  // each takes 3 MB until its last size was seen
  for (size_t i = 0; i < hands.size(); i += most_at_once)
    find_hands(std::span(hands).subspan(i, std::min(most_at_once, hands.size() - i)), network, run);
}

void add_faces(std::vector<Person>& people, const PoseMachine& network, const Image& picture,
               const RunNetwork& run) {
  constexpr int side = 384;
  for (Person& person : people)
    if (const auto box = face_box(person.body, {picture.width, picture.height}))
      person.face = find_face(network.see(part_of(picture, *box), side, run), side / stride, *box);
}

std::unique_ptr<BodyNetwork> read_body_network(const std::filesystem::path& file) {
  return std::make_unique<BodyNetwork>(read_openpose(file));
}
template <const PoseMachineKind& kind>
std::unique_ptr<PoseMachine> read_machine(const std::filesystem::path& file) {
  return std::make_unique<PoseMachine>(read_pose_machine(file, kind));
}

class OpenposeMaker : public HintMaker {
 public:
  OpenposeMaker(WeightFiles files, const PoseParts& parts, NetworkFiles& networks)
      : parts_(parts), bodies_(networks.open<read_body_network>(files[0])) {
    size_t next = 1;
    if (parts.hands) hands_ = networks.open<read_machine<hand_machine>>(files[next++]);
    if (parts.faces) faces_ = networks.open<read_machine<face_machine>>(files[next]);
  }

  Image make(const Image& picture, const PreprocessOptions& /*numbers*/,
             const RunNetwork& run) const override {
    std::vector<Person> people;
    for (const Pose& body : bodies_->find(picture, run)) people.push_back({.body = body});
    const Image colours = as_rgb(picture);
    if (hands_) add_hands(people, *hands_, colours, run);
    if (faces_) add_faces(people, *faces_, colours, run);
    return drawn_poses(people, {picture.width, picture.height}, parts_);
  }

 private:
  PoseParts parts_;
  std::shared_ptr<const BodyNetwork> bodies_;
  std::shared_ptr<const PoseMachine> hands_, faces_;
};

}  // namespace

std::shared_ptr<const HintMaker> read_openpose_networks(WeightFiles files, const PoseParts& parts,
                                                        NetworkFiles& networks) {
  return std::make_shared<OpenposeMaker>(files, parts, networks);
}

}  // namespace drypoint
