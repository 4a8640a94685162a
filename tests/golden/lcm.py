"""Makes tests/data/golden/lcm.safetensors: what diffusers' UNet gives that is told the guidance scale, as those of latent
consistency models are.

  python3 tests/golden/lcm.py tests/data      (torch 2.15, diffusers 0.42.1, safetensors)
"""
import sys
from pathlib import Path

import torch
from diffusers import LatentConsistencyModelPipeline, UNet2DConditionModel
from safetensors.torch import save_file

WIDTH, SCALE = 16, 8.5

data = Path(sys.argv[1])
plain = UNet2DConditionModel.from_pretrained(data / "checkpoint/small", subfolder="unet", variant="fp16").float()
unet = UNet2DConditionModel.from_config({**plain.config, "time_cond_proj_dim": WIDTH}).eval()
generator = torch.Generator().manual_seed(3)
weight = torch.randn(plain.config.block_out_channels[0], WIDTH, generator=generator) / WIDTH**0.5
unet.load_state_dict({**plain.state_dict(), "time_embedding.cond_proj.weight": weight})
x = torch.randn(1, 4, 8, 16, generator=generator)
context = torch.randn(1, 77, plain.config.cross_attention_dim, generator=generator)
told = LatentConsistencyModelPipeline.get_guidance_scale_embedding(None, torch.tensor([SCALE - 1]), embedding_dim=WIDTH)
tensors = {"cond_proj": weight, "x": x, "context": context, "told": told}
with torch.no_grad():
    for t in (999, 499):
        tensors[f"output.{t}"] = unet(x, t, context, timestep_cond=told).sample
        tensors[f"untold.{t}"] = plain(x, t, context).sample
save_file(tensors, data / "golden/lcm.safetensors")
