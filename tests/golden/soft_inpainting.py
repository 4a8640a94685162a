"""Makes tests/data/soft_inpainting: runs of the tiny model with the web UI's soft inpainting, by its formulas
(extensions-builtin/soft-inpainting) written out plainly, over k-diffusion's Euler.

  python3 tests/golden/soft_inpainting.py FOLDER tests/data
      (torch 2.15, diffusers 0.42.1, transformers 5.24.0, Pillow 13.0, opencv-python-headless, safetensors)

FOLDER is the tiny model (tests/data/tiny) as a diffusers folder. Of each case cases.json has the request, `float64_difference` how
far float32 is from float64, as a share of the largest magnitude; runs.safetensors `NAME.latents` [n + 1, 4, h, w], the start and then
after every step, and `NAME.overlay` [H, W], what of 255 is to be seen of what was drawn; NAME.png is the picture.
"""
import json
import math
import sys
from pathlib import Path

import cv2
import numpy as np
import torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from PIL import Image, ImageDraw, ImageFilter
from safetensors.torch import load_file, save_file
from transformers import CLIPTextModel, CLIPTokenizer

folder, data = Path(sys.argv[1]), Path(sys.argv[2])
out = data / "soft_inpainting"
inpainting_weight = load_file(data / "golden2/image/inpainting_conv_in.safetensors")

WIDTH, HEIGHT, SEED, SCALE = 192, 128, 15, 5.0
PROMPT, NEGATIVE = "a cup of coffee, best quality", "longbody, lowres, bad anatomy"
USUAL = {"soft_schedule_bias": 1, "soft_preservation_strength": 0.5, "soft_transition_contrast_boost": 4,
         "soft_mask_influence": 0, "soft_difference_threshold": 0.5, "soft_difference_contrast": 2}
CASES = {
    "usual": {"steps": 8, "denoising_strength": 0.75, "mask_blur": 8, "mask": "mask.png"},
    "otherwise": {"steps": 6, "denoising_strength": 1, "mask_blur": 12, "mask": "mask.png",
                  "soft_schedule_bias": 2, "soft_preservation_strength": 1.5, "soft_transition_contrast_boost": 16,
                  "soft_mask_influence": 0.5, "soft_difference_threshold": 4, "soft_difference_contrast": 3},
    "only_masked": {"steps": 5, "denoising_strength": 0.9, "mask_blur": 4, "mask": "small_mask.png", "only_masked": True,
                    "mask_padding": 8, "soft_difference_threshold": 8, "soft_mask_influence": 0.25},
    "nine_inputs": {"steps": 5, "denoising_strength": 0.8, "mask_blur": 8, "mask": "mask.png", "soft_difference_threshold": 6},
}


class Model:
    """The tiny model in one precision."""

    def __init__(self, dtype):
        self.dtype = dtype
        unet = UNet2DConditionModel.from_pretrained(folder, subfolder="unet")
        self.unet = unet.to(dtype).eval()
        nine = UNet2DConditionModel.from_config({**unet.config, "in_channels": 9})
        nine.load_state_dict({**unet.state_dict(), "conv_in.weight": next(iter(inpainting_weight.values()))})
        self.nine = nine.to(dtype).eval()
        self.vae = AutoencoderKL.from_pretrained(folder, subfolder="vae").to(dtype).eval()
        tokenizer = CLIPTokenizer.from_pretrained(folder, subfolder="tokenizer")
        text = CLIPTextModel.from_pretrained(folder, subfolder="text_encoder").to(dtype).eval()
        ids = [tokenizer(words, padding="max_length", max_length=77).input_ids for words in (NEGATIVE, PROMPT)]
        self.contexts = text(torch.tensor(ids)).last_hidden_state
        betas = torch.linspace(0.00085**0.5, 0.012**0.5, 1000, dtype=torch.float64) ** 2
        kept = torch.cumprod(1 - betas, 0)
        self.sigmas = ((1 - kept) / kept) ** 0.5

    def encoded(self, picture):
        x = torch.from_numpy(picture.transpose(2, 0, 1)[None]).to(self.dtype)
        return self.vae.encode(x).latent_dist.mean * 0.18215

    def decoded(self, latent):
        x = self.vae.decode(latent / 0.18215).sample[0].permute(1, 2, 0)
        return Image.fromarray(((x.clamp(-1, 1) + 1) * 127.5).to(torch.uint8).numpy())

    def timestep(self, sigma):
        """Between the trained ones, in the logarithm of sigma."""
        logs, log = self.sigmas.log(), math.log(sigma)
        low = int((logs <= log).sum().clamp(1, 999)) - 1
        share = min(max((log - logs[low]) / (logs[low + 1] - logs[low]), 0), 1)
        return low + float(share)

    def denoised(self, x, sigma, told):
        seen = torch.cat([x / (sigma**2 + 1) ** 0.5] + ([told] if told is not None else []), 1).repeat(2, 1, 1, 1)
        unet = self.unet if told is None else self.nine
        eps = unet(seen, torch.tensor(self.timestep(sigma), dtype=self.dtype), self.contexts).sample
        return x - sigma * (eps[:1] + SCALE * (eps[1:] - eps[:1]))


def karras(sigmas, steps):
    low, high = float(sigmas[0]) ** (1 / 7), float(sigmas[-1]) ** (1 / 7)
    return [(high + i / (steps - 1) * (low - high)) ** 7 for i in range(steps)] + [0.0]


def mixed(settings, known, drawn, mask, sigma):
    """Of two latents: vectors of a pixel mixed by t, and made as long as the mean of their lengths' powers says."""
    t = mask ** (sigma ** settings["soft_schedule_bias"] * settings["soft_preservation_strength"])
    power = settings["soft_transition_contrast_boost"]
    length = lambda x: torch.linalg.vector_norm(x.double(), dim=1, keepdim=True)
    vector = (1 - t) * known + t * drawn
    wanted = ((1 - t) * length(known) ** power + t * length(drawn) ** power) ** (1 / power)
    return vector * (wanted / (length(vector) + 1e-5)).to(vector.dtype)


def kernel():
    gaussian = lambda squared: math.exp(-squared / 1.5**2)
    end = gaussian(9)
    return np.array([[max(0, (gaussian(x * x + y * y) - end) / (1 - end)) for x in range(-2, 3)] for y in range(-2, 3)])


def filtered(plane, first, last):
    """Each value becomes the mean of those around it between two shares of their weights, in the order of values."""
    weights, result = kernel(), plane.copy()
    for y, x in np.ndindex(plane.shape):
        rows, columns = slice(max(y - 2, 0), y + 3), slice(max(x - 2, 0), x + 3)
        values = plane[rows, columns].ravel()
        own = weights[rows.start - y + 2:, columns.start - x + 2:]
        own = own[:plane[rows, columns].shape[0], :plane[rows, columns].shape[1]].ravel()
        order = np.argsort(values, kind="stable")
        values, own = values[order], own[order]
        ends = np.cumsum(own)
        low, high = ends[-1] * first, ends[-1] * last
        if high - low < 1:
            low, high = (low + high) / 2 - 0.5, (low + high) / 2 + 0.5
            if high > ends[-1]:
                low, high = ends[-1] - 1, ends[-1]
            if low < 0:
                low, high = 0, 1
        shares = np.clip(np.minimum(high, ends) - np.maximum(low, ends - own), 0, None)
        result[y, x] = (values * shares).sum() / shares.sum()
    return result


def overlay_of(settings, mask, known, drawn):
    m = mask[0, 0].float().numpy()
    influence = np.float32(settings["soft_mask_influence"])
    scalar = 0.5 * (1 - influence) + (1 - m ** np.float32(settings["soft_preservation_strength"] / 2)) * influence
    half = settings["soft_difference_threshold"] * (scalar / (np.float32(1.00001) - scalar))
    distance = torch.linalg.vector_norm((drawn - known).float(), dim=1)[0].numpy()
    distance = filtered(filtered(distance, 0.9, 1), 0.25, 0.75)
    x = 1 / (1 + (distance / half) ** np.float32(settings["soft_difference_contrast"]))
    x = 1 - x * x * x * (x * (6 * x - 15) + 10)
    small = Image.fromarray((255 * x).astype(np.uint8))
    return small.resize((WIDTH, HEIGHT), Image.LANCZOS).filter(ImageFilter.GaussianBlur(4))


def blurred(mask, sigma):
    size = 2 * int(2.5 * sigma + 0.5) + 1
    plane = cv2.GaussianBlur(np.array(mask), (size, 1), sigma)
    return Image.fromarray(cv2.GaussianBlur(plane, (1, size), sigma))


def region_of(mask, padding):
    """What is not black, with padding, as wide and high as what is drawn."""
    x1, y1, x2, y2 = mask.getbbox()
    x1, y1, x2, y2 = max(x1 - padding, 0), max(y1 - padding, 0), min(x2 + padding, mask.width), min(y2 + padding, mask.height)
    if (x2 - x1) / (y2 - y1) > WIDTH / HEIGHT:
        more = int((x2 - x1) / (WIDTH / HEIGHT) - (y2 - y1))
        y1, y2 = y1 - more // 2, y2 + more - more // 2
    else:
        more = int((y2 - y1) * (WIDTH / HEIGHT) - (x2 - x1))
        x1, x2 = x1 - more // 2, x2 + more - more // 2
    assert x1 >= 0 and y1 >= 0 and x2 <= mask.width and y2 <= mask.height  # it need not move
    return x1, y1, x2, y2


def numbers(picture):
    return np.array(picture).astype(np.float32) / 255 * 2 - 1


def run(model, name, case):
    settings = {**USUAL, **case}
    photo = Image.open(data / "golden2/image/photo.png").convert("RGB")
    mask = Image.open((out if case["mask"].startswith("small") else data / "golden2/image") / case["mask"]).convert("L")
    mask = blurred(mask, case["mask_blur"])
    region, picture = None, photo
    if case.get("only_masked"):
        region = region_of(mask, case["mask_padding"])
        fitting = lambda image: image.crop(region).resize((WIDTH, HEIGHT), Image.LANCZOS)
        assert (region[2] - region[0]) * HEIGHT == (region[3] - region[1]) * WIDTH  # nothing to fill
        picture, mask = fitting(photo), fitting(mask)
    small = np.array(mask.convert("RGB").resize((WIDTH // 8, HEIGHT // 8)))[..., 0].astype(np.float32) / 255
    m = torch.from_numpy(small)[None, None].to(model.dtype)
    known = model.encoded(numbers(picture))
    noise = torch.randn(known.shape, generator=torch.Generator().manual_seed(SEED)).to(model.dtype)
    told = None
    if name == "nine_inputs":
        shown = 1 - np.array(mask).astype(np.float32)[..., None] / 255
        planes = torch.from_numpy(1 - shown[::8, ::8, 0])[None, None].to(model.dtype)
        told = torch.cat([planes, model.encoded(numbers(picture) * shown)], 1)
    walked = int(min(case["denoising_strength"], 0.999) * case["steps"]) + 1
    sigmas = karras(model.sigmas, case["steps"])[case["steps"] - walked:]
    x = known + noise * sigmas[0]
    latents = [x]
    for sigma, after in zip(sigmas, sigmas[1:]):
        clean = mixed(settings, known, model.denoised(x, sigma, told), m, sigma)
        x = x + (x - clean) / sigma * (after - sigma)
        latents.append(x)
    overlay, drawn = overlay_of(settings, m, known, x), model.decoded(x)
    if region:
        size = region[2] - region[0], region[3] - region[1]
        whole, placed = Image.new("L", photo.size), photo.copy()
        whole.paste(overlay.resize(size, Image.LANCZOS), region[:2])
        placed.paste(drawn.resize(size, Image.LANCZOS), region[:2])
        overlay, drawn = whole, placed
    return torch.cat(latents), overlay, Image.composite(drawn, photo, overlay)


def request_of(case):
    request = {"prompt": PROMPT, "added_prompt": "", "negative_prompt": NEGATIVE, "size": f"{HEIGHT}x{WIDTH}", "seed": SEED,
               "guidance_scale": SCALE, "sampler": "Euler", "schedule": "karras", "soft_inpainting": True}
    return {**request, **{name: value for name, value in case.items() if name != "mask"}}


@torch.no_grad()
def main():
    small_mask = Image.new("L", (192, 128))
    ImageDraw.Draw(small_mask).ellipse((70, 44, 121, 77), fill=255)
    small_mask.save(out / "small_mask.png")
    usual, exact = Model(torch.float32), Model(torch.float64)
    tensors, entries = {}, []
    for name, case in CASES.items():
        latents, overlay, picture = run(usual, name, case)
        of_exact = run(exact, name, case)[0]
        difference = float((latents - of_exact).abs().max() / of_exact.abs().max())
        tensors[f"{name}.latents"] = latents
        tensors[f"{name}.overlay"] = torch.from_numpy(np.array(overlay))
        picture.save(out / f"{name}.png")
        entries.append({"name": name, "mask": case["mask"], "nine_inputs": name == "nine_inputs", "request": request_of(case),
                        "float64_difference": float(f"{difference:.3g}")})
        print(name, difference, np.array(overlay).mean(), np.array(overlay).min(), np.array(overlay).max())
    save_file(tensors, out / "runs.safetensors")
    (out / "cases.json").write_text(json.dumps(entries, indent=1) + "\n")


main()
