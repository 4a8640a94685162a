#include "ops/quantize.h"

#include "backend/cpu/kernels.h"
#include "backend/cpu/targets.h"
#include "backend/in_floats.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "backend/cpu/quantize.cc"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "backend/cpu/vector_math-inl.h"

HWY_BEFORE_NAMESPACE();
namespace drypoint::cpu::HWY_NAMESPACE {

/// As `to_eight_bits` of i8, for values of one scale.
void quantize_i8(const float* from, int64_t count, float scale, uint8_t* to) {
  const F32 d;
  const hn::Rebind<int8_t, F32> i8;
  const auto size = static_cast<int64_t>(hn::Lanes(d));
  const auto round = [&](Vector value) HWY_ATTR {
    const Vector quotient = hn::Div(value, hn::Set(d, scale));
    const Vector cut = hn::Min(hn::Max(quotient, hn::Set(d, -127)), hn::Set(d, 127));
    return hn::DemoteTo(i8, hn::NearestInt(cut));
  };
  int64_t i = 0;
  for (; i + size <= count; i += size)
    hn::StoreU(round(hn::LoadU(d, from + i)), i8, reinterpret_cast<int8_t*>(to) + i);
  if (i == count) return;
  HWY_ALIGN int8_t rest[HWY_MAX_BYTES / 4];
  hn::Store(round(load_first(d, from + i, static_cast<size_t>(count - i))), i8, rest);
  for (int64_t r = 0; i < count; ++i, ++r) to[i] = static_cast<uint8_t>(rest[r]);
}

}  // namespace drypoint::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace drypoint::cpu {
HWY_EXPORT(quantize_i8);

KernelPtr make(const Quantize& op, const KernelRequest& request, const Context& context) {
  const int64_t count = request.output.elements(), shares = request.inputs[1].shape[0];
  return make_kernel([=](const Launch& launch) {
    auto* to = static_cast<uint8_t*>(launch.output);
    parallel_ranges(context, count, elements_per_task, [&](int64_t begin, int64_t end) {
      if (op.to != DType::i8)
        return quantize(launch.f32(0), op.to, launch.f32(1), shares, count, begin, end, to);
      const int64_t size = count / shares;
      for (int64_t share = begin / size; begin < end; ++share) {
        const int64_t there = std::min(end, (share + 1) * size) - begin;
        HWY_DYNAMIC_DISPATCH(quantize_i8)
        (launch.f32(0) + begin, there, launch.f32(1)[share], to + begin);
        begin += there;
      }
    });
  });
}

}  // namespace drypoint::cpu
#endif
