"""Makes tests/data/controls/adapters.safetensors: what diffusers' T2I-Adapters give, what its UNet makes of that, and of
a ControlNet whose tensors are averaged over the picture. Small random weights, in diffusers' names.

  python3 tests/golden/controls.py FOLDER tests/data      (torch 2.15, diffusers 0.42.1, safetensors)

FOLDER is the tiny model (tests/data/tiny) as a diffusers folder with a ControlNet.
"""
import sys
from pathlib import Path

import torch
from diffusers import ControlNetModel, T2IAdapter, UNet2DConditionModel
from safetensors.torch import save_file

folder, data = Path(sys.argv[1]), Path(sys.argv[2])
unet = UNet2DConditionModel.from_pretrained(folder, subfolder="unet").float().eval()
channels = list(unet.config.block_out_channels)
generator = torch.Generator().manual_seed(3)
x = torch.randn(1, 4, 8, 16, generator=generator)
context = torch.randn(1, 77, unet.config.cross_attention_dim, generator=generator)
hint = torch.rand(1, 3, 64, 128, generator=generator)
tensors = {"x": x, "context": context, "hint": hint}
with torch.no_grad():
    for kind, settings in {"full": {"in_channels": 1, "num_res_blocks": 1}, "light": {"num_res_blocks": 2}}.items():
        adapter = T2IAdapter(channels=channels, adapter_type=f"{kind}_adapter", **settings) if kind == "full" else \
            T2IAdapter(channels=channels[:-1], adapter_type="light_adapter", **settings)
        for weight in adapter.parameters():
            scale = weight[0].numel() ** -0.5 if weight.dim() > 1 else 0.1
            weight.copy_((torch.randn(weight.shape, generator=generator) * scale).half().float())
        features = adapter(hint[:, : adapter.config.in_channels])
        for i, feature in enumerate(features):
            tensors[f"{kind}.feature{i}"] = feature
        added = [0.7 * feature for feature in features]
        tensors[f"{kind}.eps"] = unet(x, 499, context, down_intrablock_additional_residuals=added).sample
        for name, weight in adapter.state_dict().items():
            tensors[f"{kind}.{name}"] = weight.half()
    control = ControlNetModel.from_pretrained(folder, subfolder="controlnet").float().eval()
    control.register_to_config(global_pool_conditions=True)
    down, middle = control(x, 499, context, hint, conditioning_scale=0.7, return_dict=False)
    tensors["pooled.eps"] = unet(
        x, 499, context, down_block_additional_residuals=down, mid_block_additional_residual=middle
    ).sample
save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, data / "controls/adapters.safetensors")
