"""Makes tests/data/golden/taesd.safetensors: what diffusers' AutoencoderTiny gives, with small random weights, in its
names.

  python3 tests/golden/taesd.py tests/data      (torch 2.15, diffusers 0.42.1, safetensors)
"""
import sys
from pathlib import Path

import torch
from diffusers import AutoencoderTiny
from safetensors.torch import save_file

generator = torch.Generator().manual_seed(5)
vae = AutoencoderTiny(
    encoder_block_out_channels=(8,) * 4, decoder_block_out_channels=(8,) * 4, num_encoder_blocks=(1, 3, 3, 3),
    num_decoder_blocks=(3, 3, 3, 1),
).eval()
tensors = {}
with torch.no_grad():
    for weight in vae.parameters():
        scale = weight[0].numel() ** -0.5 if weight.dim() > 1 else 0.1
        weight.copy_((torch.randn(weight.shape, generator=generator) * scale).half().float())
    latent = 3 * torch.randn(1, 4, 6, 9, generator=generator)
    image = 2 * torch.rand(1, 3, 48, 72, generator=generator) - 1
    tensors |= {"latent": latent, "image": image}
    tensors["decoded"] = vae.decode(latent).sample
    tensors["encoded"] = vae.encode(image).latents
tensors |= {f"taesd.{name}": weight.half() for name, weight in vae.state_dict().items()}
save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, Path(sys.argv[1]) / "golden/taesd.safetensors")
