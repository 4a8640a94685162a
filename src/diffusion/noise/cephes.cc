#include "diffusion/noise/cephes.h"

#include <cmath>
#include <initializer_list>
#include <numbers>

namespace drypoint {

float cephes_log(float x) {
  // x = mantissa * 2^exponent with the mantissa in [sqrt 0.5, sqrt 2); then log(1 + m) as a
  // polynomial, and log 2 in two parts, of which the second is exact.
  int exponent;
  float m = std::frexp(x, &exponent);
  if (m < std::numbers::sqrt2_v<float> / 2) {
    --exponent;
    m = (m - 1) + m;
  } else {
    m -= 1;
  }
  const auto e = static_cast<float>(exponent);
  const float square = m * m;
  float y = 7.0376836292e-2f;
  for (const float coefficient :
       {-1.1514610310e-1f, 1.1676998740e-1f, -1.2420140846e-1f, 1.4249322787e-1f, -1.6668057665e-1f,
        2.0000714765e-1f, -2.4999993993e-1f, 3.3333331174e-1f})
    y = std::fma(y, m, coefficient);
  y = std::fma(y * m, square, e * -2.12194440e-4f);
  y = std::fma(square, -0.5f, y);
  return std::fma(e, 0.693359375f, m + y);
}

SineCosine cephes_sine_cosine(float x) {
  // The nearest even multiple of pi/4 is taken off in three parts; the rest lies within pi/4 of 0.
  const int octant = (static_cast<int>(x * (4 / std::numbers::pi_v<float>)) + 1) & ~1;
  const auto turns = static_cast<float>(octant);
  for (const float part : {-0.78515625f, -2.4187564849853515625e-4f, -3.77489497744594108e-8f})
    x = std::fma(turns, part, x);
  const float square = x * x;

  float cosine = 2.443315711809948e-5f;
  cosine = std::fma(cosine, square, -1.388731625493765e-3f);
  cosine = std::fma(cosine, square, 4.166664568298827e-2f);
  cosine = std::fma(cosine * square, square, square * -0.5f) + 1;

  float sine = -1.9515295891e-4f;
  sine = std::fma(sine, square, 8.3321608736e-3f);
  sine = std::fma(sine, square, -1.6666654611e-1f);
  sine = std::fma(sine * square, x, x);

  switch (octant & 6) {
    case 0: return {sine, cosine};
    case 2: return {cosine, -sine};
    case 4: return {-sine, -cosine};
    default: return {-cosine, sine};
  }
}

}  // namespace drypoint
