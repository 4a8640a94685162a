"""Makes tests/data/preprocess: hints by the formulas of sd-webui-controlnet (scripts/preprocessor), with OpenCV 5.0 and NumPy.

preprocess.py PICTURE OUT
"""
import sys

import cv2
import numpy as np


def blurred(x, sigma):
    return cv2.GaussianBlur(x, (0, 0), sigma)


def scribble_xdog(img, threshold=32):
    x = img.astype(np.float32)
    dog = (255 - np.min(blurred(x, 5.0) - blurred(x, 0.5), axis=2)).clip(0, 255).astype(np.uint8)
    return np.where(2 * (255 - dog) > threshold, 255, 0).astype(np.uint8)


def lineart_standard(img):
    x = img.astype(np.float32)
    intensity = np.min(blurred(x, 6.0) - x, axis=2).clip(0, 255)
    intensity /= max(16, np.median(intensity[intensity > 8]))
    return (intensity * 127).clip(0, 255).astype(np.uint8)


def tile_resample(img, rate):
    height, width, _ = img.shape
    small = cv2.resize(img, (int(width / rate), int(height / rate)), interpolation=cv2.INTER_AREA)
    return cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC)


def gamma(levels, g):
    return ((levels.astype(np.float32) / 255.0) ** g * 255.0).clip(0, 255).astype(np.uint8)


def noise_disk(height, width, f=256):
    noise = np.random.uniform(low=0, high=1, size=((height // f) + 2, (width // f) + 2, 1))
    noise = cv2.resize(noise, (width + 2 * f, height + 2 * f), interpolation=cv2.INTER_CUBIC)
    noise = noise[f : f + height, f : f + width]
    noise -= np.min(noise)
    return noise / np.max(noise)


def shuffle(img, seed):
    np.random.seed(seed)
    height, width, _ = img.shape
    x = noise_disk(height, width) * float(width - 1)
    y = noise_disk(height, width) * float(height - 1)
    flow = np.stack([x, y], axis=2).astype(np.float32)
    return cv2.remap(img, flow, None, cv2.INTER_LINEAR)


def within(img, height, width):
    """As large as it can be."""
    old_h, old_w, _ = img.shape
    k = min(height / old_h, width / old_w)
    size = round(old_w * k), round(old_h * k)
    if size == (old_w, old_h):
        return img
    few = 2 < len(np.unique(img.reshape(-1, 3), axis=0)) < 200
    smaller = size[0] * size[1] < old_w * old_h
    return cv2.resize(img, size, interpolation=cv2.INTER_NEAREST if few else cv2.INTER_AREA if smaller else cv2.INTER_CUBIC)


def edges(img):
    return cv2.cvtColor(cv2.Canny(img, 100, 200), cv2.COLOR_GRAY2RGB)


def fill(img, height, width):
    old_h, old_w, _ = img.shape
    k = min(height / old_h, width / old_w)
    borders = np.concatenate([img[0], img[-1], img[:, 0], img[:, -1]], axis=0)
    out = np.tile(np.median(borders, axis=0).astype(np.uint8)[None, None], [height, width, 1])
    part = within(img, height, width)
    top, left = (height - part.shape[0]) // 2, (width - part.shape[1]) // 2
    out[top : top + part.shape[0], left : left + part.shape[1]] = part
    return out


def main(picture, out):
    img = cv2.cvtColor(cv2.imread(picture), cv2.COLOR_BGR2RGB)
    img = cv2.resize(img, (192, 128), interpolation=cv2.INTER_AREA)
    results = {
        "picture": img,
        "invert": 255 - img,
        "threshold": np.where(np.min(img, axis=2) > 127, 255, 0).astype(np.uint8),
        "scribble_xdog": scribble_xdog(img),
        "lineart_standard": lineart_standard(img),
        "blur_gaussian": blurred(img, 9.0),
        "tile_resample": tile_resample(img, 2.5),
        # Red and blue are in each other's place there.
        "recolor_luminance": gamma(cv2.cvtColor(img, cv2.COLOR_BGR2LAB)[:, :, 0], 1.3),
        "recolor_intensity": gamma(cv2.cvtColor(img, cv2.COLOR_BGR2HSV)[:, :, 2], 1.0),
        "shuffle": shuffle(img, 7),
    }
    results |= {
        "fill": fill(img, 128, 128),
        "fill_larger": fill(img, 160, 200),
        "fill_few_colours": fill(img // 85 * 85, 160, 200),
        "fill_canny": fill(edges(within(img, 160, 200)), 160, 200),
    }
    for name, result in results.items():
        if result.ndim == 3:
            result = cv2.cvtColor(result, cv2.COLOR_RGB2BGR)
        cv2.imwrite(f"{out}/{name}.png", result, [cv2.IMWRITE_PNG_COMPRESSION, 9])


if __name__ == "__main__":
    main(*sys.argv[1:])
