"""Makes tests/data/annotators: the networks of controlnet-aux with few channels and random weights, and their hints.

  python3 tests/golden/annotators.py CONTROLNET_AUX tests/data      (controlnet-aux 0.0.10, torch 2.15, safetensors)

CONTROLNET_AUX is the folder that holds the package, of which the networks alone are loaded.
"""
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace

import numpy as np
import PIL.Image
import torch
from safetensors.torch import save_file

package, data = Path(sys.argv[1]), Path(sys.argv[2])
out = data / "annotators"
out.mkdir(exist_ok=True)


def networks_of(module):
    """The module's classes, without what it imports for files and pictures."""
    text = (package / "controlnet_aux" / module / "__init__.py").read_text()
    text = "\n".join(line for line in text.splitlines() if not line.startswith(("import cv2", "from ", "import warnings")))
    names = {}
    exec(compile(text, module, "exec"), names)
    return SimpleNamespace(**{name: value for name, value in names.items() if not isinstance(value, ModuleType)})


hed = networks_of("hed")
generator = torch.Generator().manual_seed(5)
network = hed.ControlNetHED_Apache2()
inputs = 3
for number, (channels, convolutions) in enumerate([(4, 2), (6, 2), (6, 3), (8, 3), (8, 3)], 1):
    setattr(network, f"block{number}", hed.DoubleConvBlock(inputs, channels, convolutions))
    inputs = channels
with torch.no_grad():
    for weight in network.parameters():
        scale = (weight[0].numel() / 2) ** -0.5 if weight.dim() > 1 else 0.1
        weight.copy_((torch.randn(weight.shape, generator=generator) * scale).half().float())
    network.norm.copy_(torch.tensor([120.0, 115.0, 100.0]).view(1, 3, 1, 1))
    for block in (network.block1, network.block2, network.block3, network.block4, network.block5):
        block.projection.weight.mul_(1 / 64)
    picture = np.asarray(PIL.Image.open(data / "images/cat.png").convert("RGB").resize((61, 47)))
    x = torch.from_numpy(picture.copy()).permute(2, 0, 1)[None].float()
    # cv2.resize's INTER_LINEAR, as HEDdetector has it
    edges = [torch.nn.functional.interpolate(edge, size=x.shape[2:], mode="bilinear") for edge in network(x)]
    hint = torch.sigmoid(torch.stack(edges).mean(0))[0, 0]
save_file({name: weight.contiguous() for name, weight in network.state_dict().items()}, out / "hed.safetensors")
PIL.Image.fromarray(picture).save(out / "picture.png")
PIL.Image.fromarray((hint * 255).clamp(0, 255).numpy().astype(np.uint8)).save(out / "hed.png")
print(hint.min(), hint.max())
