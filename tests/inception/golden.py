"""Computes tests/data/inception/features.safetensors with pytorch-fid's own network.

  drypoint synth --arch inception --seed 1 --dtype f32 -o random.safetensors
  python golden.py random.safetensors            (needs pytorch-fid, safetensors)
  python golden.py random.safetensors --check    compares instead of writing
"""

import pathlib
import sys
from unittest import mock

import numpy as np
import torch
from PIL import Image
from pytorch_fid import inception
from safetensors.numpy import load_file, save_file

DATA = pathlib.Path(__file__).parents[1] / "data"
GOLDEN = DATA / "inception" / "features.safetensors"


def network(weights):
    """pytorch-fid's network, with our weights where it would download its own."""
    state = {name: torch.from_numpy(values) for name, values in load_file(weights).items()}
    original = torch.nn.Module.load_state_dict

    def filled(self, given, strict=True):
        missing, unexpected = original(self, state, strict=False)
        assert not unexpected, unexpected
        assert all(n.startswith("fc.") or n.endswith("num_batches_tracked") for n in missing), missing

    with mock.patch.object(inception, "load_state_dict_from_url", lambda *a, **k: {}), \
            mock.patch.object(torch.nn.Module, "load_state_dict", filled):
        return inception.InceptionV3([3]).eval()


def main():
    features = {}
    net = network(sys.argv[1])
    with torch.no_grad():
        for name in "cat", "coffee":
            pixels = np.asarray(Image.open(DATA / "images" / f"{name}.png").convert("RGB"))
            x = torch.from_numpy(pixels.copy()).permute(2, 0, 1)[None].float() / 255
            features[name] = net(x)[0].flatten().numpy()
            print(name, features[name].shape, np.linalg.norm(features[name]))
    if "--check" in sys.argv:
        for name, expected in load_file(GOLDEN).items():
            print(name, "largest difference", np.abs(expected - features[name]).max())
    else:
        save_file(features, GOLDEN)


if __name__ == "__main__":
    main()
