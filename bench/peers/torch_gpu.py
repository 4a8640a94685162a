"""The peer on a GPU: diffusers' Stable Diffusion 1.5 with ControlNet in PyTorch, random weights.

Times the text encoder (2 prompts), one denoiser call (batch 2), the VAE's decoder and whole pictures
of 20 steps in half precision, channels last, compiled with CUDA graphs; prints one JSON object.
usage: torch_gpu.py HEIGHT WIDTH [MODE [LATENTS [TYPES]]]   MODE: eager, reduce-overhead (the default), or
eight-bits: the denoiser alone, compiled with CUDA graphs, for so many latents (1), in bfloat16, which torchao asks
for, and with linear layers in torchao's float8 and int8 (activations rounded as they come, by rows)
TYPES: of bf16,fp8,int8 those that are wanted; all of them
"""
import json
import os
import statistics
import sys
import time

os.environ["HF_HUB_OFFLINE"] = "1"
import torch
from diffusers import AutoencoderKL, ControlNetModel, DDIMScheduler, UNet2DConditionModel
from transformers import CLIPTextConfig, CLIPTextModel

height, width = int(sys.argv[1]), int(sys.argv[2])
mode = sys.argv[3] if len(sys.argv) > 3 else "reduce-overhead"
latents = int(sys.argv[4]) if len(sys.argv) > 4 else 1
types = (sys.argv[5] if len(sys.argv) > 5 else "bf16,fp8,int8").split(",")
in_eight_bits = mode == "eight-bits"
if in_eight_bits:
    mode = "reduce-overhead"
dtype = torch.bfloat16 if in_eight_bits else torch.float16
steps = 20
torch.manual_seed(0)
torch.backends.cudnn.benchmark = True


def ready(module):
    return module.to("cuda", dtype).eval().to(memory_format=torch.channels_last)


unet = UNet2DConditionModel(
    sample_size=64, cross_attention_dim=768, attention_head_dim=8,
    block_out_channels=(320, 640, 1280, 1280), layers_per_block=2)
control = ready(ControlNetModel.from_unet(unet))
unet = ready(unet)
vae = ready(AutoencoderKL(
    in_channels=3, out_channels=3, latent_channels=4, block_out_channels=(128, 256, 512, 512),
    layers_per_block=2, down_block_types=["DownEncoderBlock2D"] * 4,
    up_block_types=["UpDecoderBlock2D"] * 4, sample_size=512))
clip = CLIPTextModel(CLIPTextConfig(
    vocab_size=49408, hidden_size=768, intermediate_size=3072, num_hidden_layers=12,
    num_attention_heads=12, max_position_embeddings=77, hidden_act="quick_gelu",
    projection_dim=768)).to("cuda", torch.float16).eval()
for parameter in control.parameters():
    if parameter.abs().sum() == 0:
        torch.nn.init.normal_(parameter, std=0.02)
latent = torch.randn(latents, 4, height // 8, width // 8, device="cuda", dtype=dtype)
hint = torch.rand(2 * latents, 3, height, width, device="cuda", dtype=dtype)
hint = hint.contiguous(memory_format=torch.channels_last)
ids = torch.randint(0, 49407, (2, 77), device="cuda")
scheduler = DDIMScheduler(
    num_train_timesteps=1000, beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear",
    clip_sample=False, set_alpha_to_one=False, steps_offset=1)
scheduler.set_timesteps(steps, device="cuda")


def denoise(x, t, context):
    down, middle = control(
        x, t, encoder_hidden_states=context, controlnet_cond=hint, return_dict=False)
    return unet(x, t, encoder_hidden_states=context, down_block_additional_residuals=down,
                mid_block_additional_residual=middle, return_dict=False)[0]


def text(tokens):
    return clip(tokens)[0]


def decode(z):
    return vae.decode(z / 0.18215, return_dict=False)[0]


if mode != "eager" and not in_eight_bits:
    torch._inductor.config.conv_1x1_as_mm = True
    denoise, text, decode = (torch.compile(f, mode=mode, fullgraph=True)
                             for f in (denoise, text, decode))


def seconds(run, repeats=30, warm=5):
    for _ in range(warm):
        run()
    torch.cuda.synchronize()
    times = []
    for _ in range(repeats):
        start, end = torch.cuda.Event(True), torch.cuda.Event(True)
        start.record()
        run()
        end.record()
        end.synchronize()
        times.append(start.elapsed_time(end) / 1e3)
    return sorted(times)


def eight_bits():
    """Times of the denoiser by type of its linear layers, and how far results are off the uncompiled network's."""
    import copy
    import torchao
    from torchao.quantization import (
        Float8DynamicActivationFloat8WeightConfig, Int8DynamicActivationInt8WeightConfig, PerRow, quantize_)
    configs = {"bf16": None, "fp8": Float8DynamicActivationFloat8WeightConfig(granularity=PerRow()),
               "int8": Int8DynamicActivationInt8WeightConfig()}
    global unet, control
    both = torch.cat([latent, latent]).contiguous(memory_format=torch.channels_last)
    t = torch.tensor(500, device="cuda")
    context = torch.randn(2 * latents, 77, 768, device="cuda", dtype=dtype)
    exact = denoise(both, t, context).float()
    plain, result = (unet, control), {"torchao": torchao.__version__}
    for name in types:
        unet, control = copy.deepcopy(plain)
        for network in (unet, control) if configs[name] else ():
            quantize_(network, configs[name], filter_fn=lambda module, name:  # int8 takes no two rows
                      isinstance(module, torch.nn.Linear) and "time_emb" not in name)
        torch._dynamo.reset()
        compiled = torch.compile(denoise, mode=mode, fullgraph=True)
        try:
            off = compiled(both, t, context).float() - exact
            result[name] = {"step_median": statistics.median(seconds(lambda: compiled(both, t, context))),
                            "relative_error": (off.square().mean() / exact.square().mean()).sqrt().item()}
        except Exception as error:
            result[name] = f"{type(error).__name__}: {error}"[:300]
        print(name, result[name], file=sys.stderr, flush=True)
    return result


def picture():
    context = text(ids).clone()
    x = latent
    for t in scheduler.timesteps:
        both = torch.cat([x, x]).contiguous(memory_format=torch.channels_last)
        negative, positive = denoise(both, t, context).chunk(2)
        x = scheduler.step(negative + 9.0 * (positive - negative), t, x, return_dict=False)[0]
    image = decode(x)
    return ((image / 2 + 0.5).clamp(0, 1) * 255).to(torch.uint8).cpu()


if in_eight_bits:
    torch._inductor.config.conv_1x1_as_mm = True
    with torch.no_grad():
        print(json.dumps({"peer": f"diffusers in PyTorch {torch.__version__}, {mode}",
                          "device": torch.cuda.get_device_name(), **eight_bits()}, indent=2))
    sys.exit()
with torch.inference_mode():
    context = text(ids).clone()
    both = torch.cat([latent, latent]).contiguous(memory_format=torch.channels_last)
    t = torch.tensor(500, device="cuda")
    text(ids), denoise(both, t, context), decode(latent)  # all is compiled before anything is timed
    print("compiled", file=sys.stderr, flush=True)
    result = {
        "peer": f"diffusers in PyTorch {torch.__version__}, {mode}",
        "device": torch.cuda.get_device_name(),
        "text_seconds": seconds(lambda: text(ids)),
        "step_seconds": seconds(lambda: denoise(both, t, context)),
        "decode_seconds": seconds(lambda: decode(latent)),
    }
    for _ in range(3):
        picture()
    times = []
    for _ in range(10):
        torch.cuda.synchronize()
        start = time.perf_counter()
        picture()
        times.append(time.perf_counter() - start)
    result["picture_seconds"] = sorted(times)
for part in ("text", "step", "decode", "picture"):
    result[part + "_median"] = statistics.median(result[part + "_seconds"])
print(json.dumps(result, indent=2))
