"""Makes tests/data/upscalers: tiny networks with random weights, written as BasicSR's rrdbnet_arch.py and srvgg_arch.py
have them, in the naming of each of the codes whose files people have, and what they make of a picture.

  python3 tests/golden/upscalers.py tests/data      (torch 2.15, safetensors)
"""
import sys
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import nn
from torch.nn import functional as F

out = Path(sys.argv[1]) / "upscalers"
out.mkdir(exist_ok=True)
generator = torch.Generator().manual_seed(5)
picture = torch.rand(1, 3, 12, 20, generator=generator)


def conv(inputs, outputs):
    return nn.Conv2d(inputs, outputs, 3, 1, 1)


class Dense(nn.Module):
    def __init__(self, features, growth):
        super().__init__()
        for i in range(5):
            setattr(self, f"conv{i + 1}", conv(features + i * growth, growth if i < 4 else features))

    def forward(self, x):
        seen = [x]
        for i in range(4):
            seen.append(F.leaky_relu(getattr(self, f"conv{i + 1}")(torch.cat(seen, 1)), 0.2))
        return self.conv5(torch.cat(seen, 1)) * 0.2 + x


class Block(nn.Module):
    def __init__(self, features, growth):
        super().__init__()
        self.rdb1, self.rdb2, self.rdb3 = (Dense(features, growth) for _ in range(3))

    def forward(self, x):
        return self.rdb3(self.rdb2(self.rdb1(x))) * 0.2 + x


class Rrdb(nn.Module):
    def __init__(self, unshuffle, features=8, growth=4, blocks=2):
        super().__init__()
        self.unshuffle = unshuffle
        self.conv_first = conv(3 * unshuffle**2, features)
        self.body = nn.Sequential(*(Block(features, growth) for _ in range(blocks)))
        self.conv_body, self.conv_up1, self.conv_up2, self.conv_hr = (conv(features, features) for _ in range(4))
        self.conv_last = conv(features, 3)

    def forward(self, x):
        x = self.conv_first(F.pixel_unshuffle(x, self.unshuffle) if self.unshuffle > 1 else x)
        x = x + self.conv_body(self.body(x))
        for up in (self.conv_up1, self.conv_up2):
            x = F.leaky_relu(up(F.interpolate(x, scale_factor=2, mode="nearest")), 0.2)
        return self.conv_last(F.leaky_relu(self.conv_hr(x), 0.2))


class Compact(nn.Module):
    def __init__(self, factor, features=8, convolutions=3):
        super().__init__()
        self.factor = factor
        self.body = nn.ModuleList([conv(3, features), nn.PReLU(features)])
        for _ in range(convolutions):
            self.body += [conv(features, features), nn.PReLU(features)]
        self.body.append(conv(features, 3 * factor**2))

    def forward(self, x):
        h = x
        for module in self.body:
            h = module(h)
        return F.pixel_shuffle(h, self.factor) + F.interpolate(x, scale_factor=self.factor, mode="nearest")


def filled(network):
    for weight in network.parameters():
        scale = weight[0].numel() ** -0.5 if weight.dim() > 1 else 0.2
        weight.data = (torch.randn(weight.shape, generator=generator) * scale).half().float()
    return network.eval()


def first_code(name):
    parts = name.split(".")
    if parts[0] == "body":
        return f"model.1.sub.{parts[1]}.{parts[2].upper()}.{parts[3]}.0.{parts[4]}"
    places = {"conv_first": "0", "conv_body": "1.sub.2", "conv_up1": "3", "conv_up2": "6", "conv_hr": "8", "conv_last": "10"}
    return f"model.{places[parts[0]]}.{parts[1]}"


def second_code(name):
    parts = name.split(".")
    if parts[0] == "body":
        return ".".join(["RRDB_trunk", parts[1], parts[2].upper(), *parts[3:]])
    places = {"conv_body": "trunk_conv", "conv_up1": "upconv1", "conv_up2": "upconv2", "conv_hr": "HRconv"}
    return ".".join([places.get(parts[0], parts[0]), parts[1]])


def half(network):
    return {name: weight.half().contiguous() for name, weight in network.state_dict().items()}


expected = {"picture": picture}
with torch.no_grad():
    x4, x2 = filled(Rrdb(1)), filled(Rrdb(2))
    for name, network in {"rrdb_x4": x4, "rrdb_x2": x2, "srvgg_x2": filled(Compact(2)), "srvgg_x4": filled(Compact(4))}.items():
        save_file(half(network), out / f"{name}.safetensors")
        expected[name] = network(picture)
    save_file({first_code(name): weight for name, weight in half(x4).items()}, out / "rrdb_x4_first_code.safetensors")
    torch.save({"params_ema": {second_code(name): weight for name, weight in half(x4).items()}}, out / "rrdb_x4_second_code.pth")
save_file({name: tensor.contiguous() for name, tensor in expected.items()}, out / "expected.safetensors")
