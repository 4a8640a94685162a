#include "backend/cpu/onednn.h"

#include <fmt/ranges.h>
#include <omp.h>

#include "base/error.h"

namespace drypoint::cpu {

ThreadScope::ThreadScope(int threads) : before_(omp_get_max_threads()) {
  omp_set_num_threads(threads);
}
ThreadScope::~ThreadScope() { omp_set_num_threads(before_); }

dnnl::primitive_attr attributes(bool residual, ActivationKind activation) {
  dnnl::post_ops ends;
  if (residual) ends.append_sum(1.0f);
  switch (activation) {
    case ActivationKind::none: break;
    case ActivationKind::silu: ends.append_eltwise(1, dnnl::algorithm::eltwise_swish, 1, 0); break;
    case ActivationKind::gelu:
      ends.append_eltwise(1, dnnl::algorithm::eltwise_gelu_erf, 0, 0);
      break;
    case ActivationKind::quick_gelu:
      ends.append_eltwise(1, dnnl::algorithm::eltwise_swish, 1.702f, 0);
      break;
    case ActivationKind::relu: ends.append_eltwise(1, dnnl::algorithm::eltwise_relu, 0, 0); break;
  }
  dnnl::primitive_attr attributes;
  attributes.set_scratchpad_mode(dnnl::scratchpad_mode::user);
  attributes.set_post_ops(ends);
  return attributes;
}

std::string format_of(const dnnl::memory::desc& desc) {
  const dnnl_memory_desc_t& d = desc.data;
  if (d.format_kind != dnnl_blocked) {
    const auto* bytes = reinterpret_cast<const uint8_t*>(&d.format_desc);
    return fmt::format("dnnl:{}:{}:{:02x}", static_cast<int>(d.format_kind),
                       fmt::join(d.padded_dims, d.padded_dims + d.ndims, "x"),
                       fmt::join(bytes, bytes + sizeof d.format_desc, ""));
  }
  const dnnl_blocking_desc_t& b = d.format_desc.blocking;
  std::string text =
      fmt::format("dnnl:{}:{}", fmt::join(d.padded_dims, d.padded_dims + d.ndims, "x"),
                  fmt::join(b.strides, b.strides + d.ndims, ","));
  for (int i = 0; i < b.inner_nblks; ++i)
    text += fmt::format("{}{}{}", i == 0 ? ":" : "", b.inner_blks[i],
                        static_cast<char>('a' + b.inner_idxs[i]));
  return text;
}

OneDnnLayer::OneDnnLayer(Context context, Description description)
    : context_(std::move(context)), layer_(std::move(description)), outputs_(1) {
  for (const auto extent : layer_.y.dims()) outputs_ *= extent;
}

std::optional<Packing> OneDnnLayer::packing(size_t input) const {
  if (input != 1 || !layer_.pack) return std::nullopt;
  const auto pack = [context = context_, from = layer_.plain_weight, to = layer_.weight](
                        const Tensor& weight, std::byte* packed) {
    const Tensor values = weight.to_f32();
    with_onednn(context, ErrorKind::device_failure, "packing a weight", [&] {
      const auto& engine = context.onednn->engine();
      dnnl::memory source(from, engine, const_cast<float*>(values.floats().data()));
      dnnl::memory target(to, engine, packed);
      dnnl::stream stream(engine);
      dnnl::reorder(source, target).execute(stream, source, target);
      stream.wait();
    });
  };
  return Packing{format_of(layer_.weight), layer_.weight.get_size(), 1, pack};
}

std::string OneDnnLayer::description() const {
  const char* implementation = "";
  dnnl_primitive_desc_query(layer_.primitive.get_primitive_desc(), dnnl_query_impl_info_str, 0,
                            &implementation);
  return std::string("onednn ") + implementation;
}

void OneDnnLayer::run(const Launch& launch) const {
  if (layer_.residual >= 0 && launch.inputs[layer_.residual] != launch.output)
    parallel_copy(context_, launch.f32(layer_.residual), outputs_, launch.out());
  with_onednn(context_, ErrorKind::device_failure, "a convolution or product", [&] {
    const auto& engine = context_.onednn->engine();
    const auto memory = [&](const dnnl::memory::desc& desc, const void* data) {
      return dnnl::memory(desc, engine, const_cast<void*>(data));
    };
    std::unordered_map<int, dnnl::memory> arguments{
        {DNNL_ARG_SRC, memory(layer_.x, launch.inputs[0])},
        {DNNL_ARG_WEIGHTS, memory(layer_.weight, launch.inputs[1])},
        {DNNL_ARG_DST, memory(layer_.y, launch.output)},
        {DNNL_ARG_SCRATCHPAD, memory(layer_.scratchpad, launch.workspace)}};
    if (layer_.has_bias) arguments.insert({DNNL_ARG_BIAS, memory(layer_.bias, launch.inputs[2])});
    dnnl::stream stream(engine);
    layer_.primitive.execute(stream, arguments);
    stream.wait();
  });
}

}  // namespace drypoint::cpu
