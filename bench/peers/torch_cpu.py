"""The peer on a CPU: diffusers' Stable Diffusion 1.5 with ControlNet in PyTorch, random weights.

Times one denoiser call (batch 2, as guidance needs it) and the VAE's decoder, channels last, and
prints one JSON object. usage: torch_cpu.py HEIGHT WIDTH [REPEATS [THREADS]]
"""
import json
import os
import sys

os.environ["HF_HUB_OFFLINE"] = "1"
import torch
from diffusers import AutoencoderKL, ControlNetModel, UNet2DConditionModel
from seconds import times, told

height, width = int(sys.argv[1]), int(sys.argv[2])
repeats = int(sys.argv[3]) if len(sys.argv) > 3 else 5
if len(sys.argv) > 4:
    torch.set_num_threads(int(sys.argv[4]))
torch.manual_seed(0)
torch.set_grad_enabled(False)
channels_last = torch.channels_last


def ready(module):
    return module.eval().to(memory_format=channels_last)


unet = UNet2DConditionModel(
    sample_size=64, cross_attention_dim=768, attention_head_dim=8,
    block_out_channels=(320, 640, 1280, 1280), layers_per_block=2)
control = ready(ControlNetModel.from_unet(unet))
unet = ready(unet)
x = torch.randn(2, 4, height // 8, width // 8).contiguous(memory_format=channels_last)
context = torch.randn(2, 77, 768)
hint = torch.rand(2, 3, height, width).contiguous(memory_format=channels_last)


def step():
    down, middle = control(
        x, 501, encoder_hidden_states=context, controlnet_cond=hint, return_dict=False)
    unet(x, 501, encoder_hidden_states=context, down_block_additional_residuals=down,
         mid_block_additional_residual=middle, return_dict=False)


steps = times(step, repeats)
del unet, control
vae = ready(AutoencoderKL(
    in_channels=3, out_channels=3, latent_channels=4, block_out_channels=(128, 256, 512, 512),
    layers_per_block=2, down_block_types=["DownEncoderBlock2D"] * 4,
    up_block_types=["UpDecoderBlock2D"] * 4))
z = torch.randn(1, 4, height // 8, width // 8)
decodes = times(lambda: vae.decode(z), repeats)
print(json.dumps({
    "peer": f"diffusers in PyTorch {torch.__version__}", "threads": torch.get_num_threads(),
    **told(step=steps, decode=decodes)}, indent=2))
