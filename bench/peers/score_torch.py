"""The peer of `drypoint score`: diffusers draws a folder of pictures, one by one.

score_torch.py PICTURES --model M --control C --output FOLDER > torch.json
    M and C: diffusers folders or single checkpoint files. Needs torch, diffusers, transformers,
    opencv-python-headless; nothing is downloaded.

Writes each drawing as FOLDER/NAME.png, fit for `drypoint score --references FOLDER`, and the JSON
of `drypoint score --json` with its times; what compares is null. The time of a picture is from its
pixels to its drawing's; the first of each size is drawn twice, and the second time counts.
"""

import argparse
import json
import os
import pathlib
import statistics
import sys
import time

os.environ["HF_HUB_OFFLINE"] = "1"

import cv2
import numpy as np
import torch
from diffusers import ControlNetModel, DDIMScheduler, StableDiffusionControlNetPipeline
from PIL import Image

ADDED = "best quality, extremely detailed"
NEGATIVE = ("longbody, lowres, bad anatomy, bad hands, missing fingers, extra digit, fewer digits, "
            "cropped, worst quality, low quality")


def arguments():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pictures", type=pathlib.Path)
    parser.add_argument("--model", required=True)
    parser.add_argument("--control", required=True)
    parser.add_argument("--output", type=pathlib.Path, required=True)
    parser.add_argument("--prompt", default="a bird")
    parser.add_argument("--resolution", type=int, default=256)
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--scale", type=float, default=9.0)
    parser.add_argument("--strength", type=float, default=1.0)
    parser.add_argument("--seed", type=int, default=2946901)
    parser.add_argument("--low-threshold", type=float, default=100)
    parser.add_argument("--high-threshold", type=float, default=200)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--precision", choices=["fp32", "fp16"], default="fp32")
    return parser.parse_args()


def load(kind, path, dtype):
    read = kind.from_pretrained if os.path.isdir(path) else kind.from_single_file
    return lambda **more: read(path, torch_dtype=dtype, local_files_only=True, **more)


def pipeline(options):
    dtype = torch.float16 if options.precision == "fp16" else torch.float32
    control = load(ControlNetModel, options.control, dtype)()
    pipe = load(StableDiffusionControlNetPipeline, options.model, dtype)(
        controlnet=control, safety_checker=None)
    pipe.scheduler = DDIMScheduler(
        beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", clip_sample=False,
        set_alpha_to_one=False, steps_offset=1)
    pipe.set_progress_bar_config(disable=True)
    return pipe.to(options.device)


def edges(pixels, options):
    """As ControlNet's own code resizes and finds them."""
    height, width = pixels.shape[:2]
    k = options.resolution / min(height, width)
    size = [max(64, round(side * k / 64) * 64) for side in (width, height)]
    pixels = cv2.resize(pixels, size, interpolation=cv2.INTER_LANCZOS4 if k > 1 else cv2.INTER_AREA)
    found = cv2.Canny(pixels, options.low_threshold, options.high_threshold)
    return Image.fromarray(np.stack([found] * 3, axis=2))


def draw(pipe, pixels, options):
    start = time.perf_counter()
    hint = edges(pixels, options)
    image = pipe(f"{options.prompt}, {ADDED}", negative_prompt=NEGATIVE, image=hint,
                 width=hint.width, height=hint.height, num_inference_steps=options.steps,
                 guidance_scale=options.scale, controlnet_conditioning_scale=options.strength,
                 generator=torch.Generator("cpu").manual_seed(options.seed)).images[0]
    return image, time.perf_counter() - start


def main():
    options = arguments()
    files = sorted(f for f in options.pictures.iterdir()
                   if f.suffix.lower() in {".png", ".jpg", ".jpeg", ".webp"})
    if not files:
        sys.exit(f"{options.pictures}: holds no pictures")
    pipe = pipeline(options)
    options.output.mkdir(parents=True, exist_ok=True)
    pictures, sizes = [], set()
    for file in files:
        pixels = np.asarray(Image.open(file).convert("RGB"))
        image, seconds = draw(pipe, pixels, options)
        if image.size not in sizes:
            sizes.add(image.size)
            image, seconds = draw(pipe, pixels, options)
        image.save(options.output / f"{file.stem}.png")
        pictures.append({"name": file.name, "seconds": seconds, "psnr": None, "ssim": None,
                         "distance": None, "quality": None, "failed": False})
    print(json.dumps({
        "model": options.model, "device": f"{options.device}, PyTorch {torch.__version__}",
        "threads": torch.get_num_threads(), "threshold": None, "references": None,
        "variants": [{"name": options.precision, "total": None,
                      "median_seconds": statistics.median(p["seconds"] for p in pictures),
                      "mean_psnr": None, "mean_ssim": None, "mean_distance": None, "failed": 0,
                      "pictures": pictures}],
        "notices": []}, indent=2))


if __name__ == "__main__":
    main()
