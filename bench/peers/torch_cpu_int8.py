"""The peer in eight bits on a CPU: diffusers' UNet and ControlNet, compiled, in float32 and with linear
layers in torchao's int8 (dynamic activations). Random weights; one denoiser call (batch 2).

Prints one JSON object: for each of f32 and int8 the times of a call, by the clock and of the processor
(which others' work does not lengthen), and how far int8's result is off.
usage: torch_cpu_int8.py HEIGHT WIDTH [REPEATS [THREADS [WIDTHS [CONTEXT]]]]
WIDTHS: 320,640,1280,1280 (Stable Diffusion 1.5, the default); the demo model's are 64,64,96,96, its CONTEXT 128
"""
import json
import os
import statistics
import sys
import time

os.environ["HF_HUB_OFFLINE"] = "1"
import torch
import torchao
from diffusers import ControlNetModel, UNet2DConditionModel
from torchao.quantization import Int8DynamicActivationInt8WeightConfig, quantize_

height, width = int(sys.argv[1]), int(sys.argv[2])
repeats = int(sys.argv[3]) if len(sys.argv) > 3 else 5
if len(sys.argv) > 4:
    torch.set_num_threads(int(sys.argv[4]))
widths = tuple(map(int, sys.argv[5].split(","))) if len(sys.argv) > 5 else (320, 640, 1280, 1280)
context_width = int(sys.argv[6]) if len(sys.argv) > 6 else 768
torch.manual_seed(0)
torch.set_grad_enabled(False)
torch._inductor.config.conv_1x1_as_mm = True


def channels_last(values):
    return values.to(memory_format=torch.channels_last)


unet = UNet2DConditionModel(
    sample_size=64, cross_attention_dim=context_width, attention_head_dim=8,
    block_out_channels=widths, layers_per_block=2)
control = channels_last(ControlNetModel.from_unet(unet).eval())
unet = channels_last(unet.eval())
for parameter in control.parameters():
    if parameter.abs().sum() == 0:
        torch.nn.init.normal_(parameter, std=0.02)
x = channels_last(torch.randn(2, 4, height // 8, width // 8))
context = torch.randn(2, 77, context_width)
hint = channels_last(torch.rand(2, 3, height, width))
t = torch.tensor(501)


def step():
    down, middle = control(
        x, t, encoder_hidden_states=context, controlnet_cond=hint, return_dict=False)
    return unet(x, t, encoder_hidden_states=context, down_block_additional_residuals=down,
                mid_block_additional_residual=middle, return_dict=False)[0]


def measured():
    torch._dynamo.reset()
    compiled = torch.compile(step)
    start = time.perf_counter()
    out = compiled().clone()
    first = time.perf_counter() - start
    seconds, processor = [], []
    for _ in range(repeats):
        start, busy = time.perf_counter(), time.process_time()
        compiled()
        seconds.append(time.perf_counter() - start)
        processor.append(time.process_time() - busy)
    return out, {"first_seconds": first, "step_seconds": sorted(seconds),
                 "step_median": statistics.median(seconds),
                 "step_processor_median": statistics.median(processor)}


exact, f32 = measured()
for network in (unet, control):
    quantize_(network, Int8DynamicActivationInt8WeightConfig())
rounded, int8 = measured()
off = ((rounded - exact).square().mean() / exact.square().mean()).sqrt().item()
print(json.dumps({
    "peer": f"diffusers in PyTorch {torch.__version__}, compiled, torchao {torchao.__version__}",
    "threads": torch.get_num_threads(), "f32": f32, "int8": int8, "int8_relative_error": off},
    indent=2))
