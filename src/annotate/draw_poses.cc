#include <cmath>
#include <numbers>

#include "annotate/poses.h"

namespace drypoint {
namespace {

constexpr Rgb colours[OpenposeConfig::parts] = {
    {255, 0, 0}, {255, 85, 0}, {255, 170, 0}, {255, 255, 0}, {170, 255, 0}, {85, 255, 0},
    {0, 255, 0}, {0, 255, 85}, {0, 255, 170}, {0, 255, 255}, {0, 170, 255}, {0, 85, 255},
    {0, 0, 255}, {85, 0, 255}, {170, 0, 255}, {255, 0, 255}, {255, 0, 170}, {255, 0, 85}};
constexpr size_t drawn_limbs[17][2] = {{1, 2}, {1, 5},  {2, 3},   {3, 4},  {5, 6},   {6, 7},
                                       {1, 8}, {8, 9},  {9, 10},  {1, 11}, {11, 12}, {12, 13},
                                       {1, 0}, {0, 14}, {14, 16}, {0, 15}, {15, 17}};

/// Of each finger's four bones, from the wrist on: once around the hues.
constexpr Rgb bone_colours[20] = {{255, 0, 0},   {255, 77, 0},  {255, 153, 0}, {255, 229, 0},
                                  {204, 255, 0}, {128, 255, 0}, {51, 255, 0},  {0, 255, 25},
                                  {0, 255, 102}, {0, 255, 179}, {0, 255, 255}, {0, 178, 255},
                                  {0, 102, 255}, {0, 25, 255},  {51, 0, 255},  {128, 0, 255},
                                  {204, 0, 255}, {255, 0, 230}, {255, 0, 153}, {255, 0, 77}};

/// controlnet-aux passes keypoints on as shares of the picture's sides: those of bodies as doubles,
/// those of hands and faces as floats.
template <class Number>
Number by_share(int place, int side) {
  const auto whole = static_cast<Number>(side);
  return static_cast<Number>(place) / whole * whole;
}
template <class Number>
Keypoint by_shares(const Keypoint& at, const Image& image) {
  return {static_cast<int>(by_share<Number>(at.x, image.width)),
          static_cast<int>(by_share<Number>(at.y, image.height))};
}

void draw_limb(Image& image, const Keypoint& a, const Keypoint& b, Rgb colour) {
  constexpr int thickness = 4;
  const double ax = by_share<double>(a.x, image.width), ay = by_share<double>(a.y, image.height);
  const double bx = by_share<double>(b.x, image.width), by = by_share<double>(b.y, image.height);
  const double length = std::sqrt((ay - by) * (ay - by) + (ax - bx) * (ax - bx));
  const double degrees = std::atan2(ay - by, ax - bx) * (180 / std::numbers::pi);
  for (uint8_t& value : colour) value = static_cast<uint8_t>(value * 0.6);
  fill_ellipse(image, {static_cast<int>((ax + bx) / 2), static_cast<int>((ay + by) / 2)},
               static_cast<int>(length / 2), thickness, static_cast<int>(degrees), colour);
}

void draw_body(Image& image, const Pose& body) {
  for (size_t i = 0; i < std::size(drawn_limbs); ++i) {
    const auto &a = body[drawn_limbs[i][0]], &b = body[drawn_limbs[i][1]];
    if (a && b) draw_limb(image, *a, *b, colours[i]);
  }
  for (size_t i = 0; i < body.size(); ++i)
    if (body[i]) fill_disc(image, by_shares<double>(*body[i], image), 4, colours[i]);
}

/// Where points are drawn; none for those that are not there or at the picture's border.
Keypoints places_of(const Keypoints& points, const Image& image) {
  Keypoints places = points;
  for (std::optional<Keypoint>& one : places) {
    if (one) one = by_shares<float>(*one, image);
    if (one && (one->x <= 0 || one->y <= 0)) one.reset();
  }
  return places;
}

void draw_hand(Image& image, const Keypoints& hand) {
  const Keypoints places = places_of(hand, image);
  for (size_t i = 0; i < std::size(bone_colours) && !places.empty(); ++i) {
    const auto &a = places[i % 4 == 0 ? 0 : i], &b = places[i + 1];
    if (a && b) draw_line(image, *a, *b, bone_colours[i]);
  }
  for (const auto& one : places)
    if (one) fill_disc(image, *one, 4, {0, 0, 255});
}

void draw_face(Image& image, const Keypoints& face) {
  for (const auto& one : places_of(face, image))
    if (one) fill_disc(image, *one, 3, {255, 255, 255});
}

}  // namespace

Image drawn_poses(std::span<const Person> people, ImageSize size, const PoseParts& parts) {
  Image image{
      size.width, size.height, 3,
      std::vector<uint8_t>(3 * static_cast<size_t>(size.width) * static_cast<size_t>(size.height))};
  for (const Person& person : people) {
    if (parts.bodies) draw_body(image, person.body);
    if (parts.hands)
      for (const Keypoints* hand : {&person.left_hand, &person.right_hand}) draw_hand(image, *hand);
    if (parts.faces) draw_face(image, person.face);
  }
  return image;
}

}  // namespace drypoint
