// The GPU interpolates: a quarter of the circle is cut into 64 segments with a parabola each, in
// fixed point. S. Oberman and M. Siu, "A High-Performance Area-Efficient Multifunction
// Interpolator" (ARITH 2005), describe the method. The numbers here were fitted to results measured
// on an H100, and give all of 6 million measured results to the bit, over the whole circle.
#include "diffusion/noise/gpu_sine.h"

#include <bit>
#include <cmath>
#include <cstdint>

namespace drypoint {
namespace {

struct Parabola {
  int64_t constant;   // in units of 2^-25
  int64_t slope;      // of 2^-37 for each 2^-25 of the circle
  int64_t curvature;  // subtracted; of 2^-37 for each 2^19 of the square
};

constexpr Parabola kParabolas[64] = {
    {0, 25737, 14},          {823463, 25730, 48},     {1646436, 25706, 76},
    {2468414, 25668, 110},   {3288906, 25613, 137},   {4107418, 25544, 171},
    {4923453, 25459, 201},   {5736526, 25358, 229},   {6546141, 25243, 262},
    {7351816, 25112, 292},   {8153060, 24966, 322},   {8949394, 24805, 352},
    {9740335, 24629, 381},   {10525413, 24438, 410},  {11304145, 24233, 441},
    {12076070, 24013, 470},  {12840725, 23778, 497},  {13597643, 23529, 525},
    {14346367, 23266, 553},  {15086452, 22989, 581},  {15817450, 22698, 608},
    {16538916, 22394, 637},  {17250422, 22076, 664},  {17951542, 21744, 688},
    {18641840, 21400, 715},  {19320916, 21042, 738},  {19988350, 20672, 763},
    {20643746, 20290, 790},  {21286703, 19895, 812},  {21916841, 19489, 839},
    {22533776, 19070, 859},  {23137138, 18640, 881},  {23726565, 18199, 904},
    {24301698, 17747, 926},  {24862194, 17284, 946},  {25407711, 16811, 967},
    {25937924, 16328, 988},  {26452518, 15834, 1004}, {26951170, 15332, 1025},
    {27433593, 14820, 1043}, {27899488, 14299, 1059}, {28348583, 13769, 1074},
    {28780594, 13232, 1093}, {29195273, 12686, 1107}, {29592364, 12133, 1123},
    {29971632, 11572, 1136}, {30332846, 11004, 1148}, {30675788, 10430, 1162},
    {31000253, 9849, 1172},  {31306042, 9263, 1185},  {31592974, 8671, 1196},
    {31860879, 8073, 1203},  {32109590, 7471, 1213},  {32338961, 6864, 1220},
    {32548845, 6254, 1230},  {32739132, 5639, 1236},  {32909694, 5021, 1242},
    {33060432, 4400, 1247},  {33191257, 3776, 1250},  {33302087, 3151, 1258},
    {33392857, 2523, 1260},  {33463517, 1893, 1260},  {33514014, 1263, 1263},
    {33544326, 632, 1265}};

constexpr int kAngleBits = 25;  // of the circle; 23 within a quarter, 17 within a segment

/// The angle squared in units of 2^19, with the products of bits below that left out as the
/// hardware does.
int64_t truncated_square(int64_t angle) {
  int64_t square = 0;
  for (int bit = 9; bit < 17; ++bit) {
    if (!(angle >> bit & 1)) continue;
    const int64_t lower = angle & ((int64_t{1} << bit) - 1);  // each counts twice: shift by 1
    const int lowest = 18 - bit;                              // 2^(bit + lowest + 1) = 2^19
    square +=
        (lower >> lowest << lowest << (bit + 1)) + (2 * bit >= 19 ? int64_t{1} << 2 * bit : 0);
  }
  return square >> 19;
}

/// The sine of `angle` / 2^25 of a circle.
float sine_of_circle(int64_t angle) {
  const int64_t quarter = angle >> (kAngleBits - 2);
  constexpr int64_t kMask = (int64_t{1} << (kAngleBits - 2)) - 1;
  angle &= kMask;
  if (quarter & 1) angle = kMask - angle;  // mirrored, one unit short
  const Parabola& parabola = kParabolas[angle >> 17];
  angle &= (1 << 17) - 1;
  int64_t value = (parabola.constant << 12) + parabola.slope * angle -
                  parabola.curvature * truncated_square(angle);  // in units of 2^-37
  // Cut, not rounded, to the 24 bits of a float.
  const int excess = std::bit_width(static_cast<uint64_t>(value)) - 24;
  if (excess > 0) value = value >> excess << excess;
  const float sine = std::ldexp(static_cast<float>(value), -37);
  return quarter & 2 ? -sine : sine;
}

/// x / (2 pi) in units of 2^-25. The product is cut to a float first.
int64_t fraction_of_circle(float x) {
  const double product = double{x} * double{0.15915494f};
  auto fraction = static_cast<float>(product);
  if (double{fraction} > product) fraction = std::nextafter(fraction, 0.0f);
  return static_cast<int64_t>(std::ldexp(fraction, kAngleBits));
}

}  // namespace

float gpu_sine(float x) { return sine_of_circle(fraction_of_circle(x)); }
float gpu_cosine(float x) {
  return sine_of_circle(fraction_of_circle(x) + (int64_t{1} << (kAngleBits - 2)));
}

}  // namespace drypoint
