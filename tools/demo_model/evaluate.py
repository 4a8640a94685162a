"""Measures the demo model through the drypoint program, with the model's own defaults, on 200 pictures of held-out drawings.

Needs what render.py needs, and Pillow, numpy, opencv-python-headless. About 6 minutes for each second that a picture takes.
usage: evaluate.py [--drypoint build/release/apps/cli/drypoint] [--count 200] [--keep FOLDER]
Exits with 1 if a figure misses its bound.
"""
import argparse, io, json, pathlib, random, subprocess, sys, tempfile, zipfile
import cv2
import numpy as np
from PIL import Image

HERE = pathlib.Path(__file__).parent
SIDE = 256
HUES = dict(red=(214, 36, 36), orange=(240, 140, 20), yellow=(244, 222, 40), green=(44, 160, 60), cyan=(40, 200, 210),
            blue=(40, 80, 214), purple=(130, 50, 180), pink=(244, 120, 180))
COLOURS = HUES | dict(brown=(130, 84, 44), gray=(140, 140, 140), white=(255, 255, 255), black=(16, 16, 16))
BOUNDS = {"edges kept": 0.75, "edges kept, over strength 0": 0.3, "edges owed to the input": 0.6, "background": 0.9, "hue": 0.7}


def a(words):
    return ("an " if words[0] in "aeiou" else "a ") + words


def held_out(folder):
    """Entries and RGBA drawings that training never saw."""
    file = folder / "held_out.zip"
    subprocess.run([sys.executable, HERE / "render.py", "--only-held-out", "-o", file], check=True)
    with zipfile.ZipFile(file) as z:
        index = json.loads(z.read("index.json"))
        return [(e, Image.open(io.BytesIO(z.read(f"{i:05}.webp"))).convert("RGBA")) for i, e in enumerate(index)]


def tinted(rgb, alpha, colour):
    """As in training: light and dark stay, the hue is replaced."""
    light = rgb @ [0.3, 0.59, 0.11]
    light = np.clip(light + 0.7 * (0.5 - (light * alpha).sum() / max(alpha.sum(), 1)), 0, 1)[..., None] * 0.55 + 0.2
    colour = np.array(colour) / 255
    return np.where(light < 0.5, colour * light / 0.5, colour + (1 - colour) * (light - 0.5) / 0.5)


def scene(entry, drawing, choice):
    """(picture, prompt, tint or None, background, where the object is): a drawing upright on a plain background."""
    tint = choice.choice(list(HUES)) if choice.random() < 0.6 else None
    background = choice.choice([c for c in COLOURS if c != tint])
    frame, size = Image.new("RGBA", (SIDE, SIDE)), round(0.9 * SIDE)
    frame.paste(drawing.resize((size, size), Image.LANCZOS), ((SIDE - size) // 2,) * 2)
    pixels = np.asarray(frame) / 255
    rgb, alpha = pixels[..., :3], pixels[..., 3]
    rgb = tinted(rgb, alpha, HUES[tint]) if tint else rgb
    picture = rgb * alpha[..., None] + np.array(COLOURS[background]) / 255 * (1 - alpha[..., None])
    thing = f"{tint} {entry['nouns'][0]}" if tint else entry["nouns"][0]
    return (picture * 255).astype(np.uint8), f"{a(thing)} on {a(background)} background", tint, background, alpha > 0.9


def near(these, those):
    """Of the edge pixels in `these`, the share with one of `those` within 2 pixels; None without any."""
    wide = cv2.dilate(those, np.ones((5, 5), np.uint8))
    return float((wide[these > 0] > 0).mean()) if these.any() else None


def background_of(picture):
    border = np.concatenate([x.reshape(-1, 3) for x in (picture[:6], picture[-6:], picture[:, :6], picture[:, -6:])])
    return min(COLOURS, key=lambda c: np.square(np.median(border, 0) - COLOURS[c]).sum())


def hue(colour):
    return int(cv2.cvtColor(np.uint8([[colour]]), cv2.COLOR_RGB2HSV)[0, 0, 0]) * 2


def main_hue(picture, inside):
    found = hue(picture[inside].mean(0)) if inside.any() else 0
    distance = lambda c: min(abs(found - hue(HUES[c])), 360 - abs(found - hue(HUES[c])))
    return min(HUES, key=distance)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--drypoint", default="build/release/apps/cli/drypoint")
    parser.add_argument("--model", default="models/demo/demo.safetensors")
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--keep", type=pathlib.Path, help="keep inputs and outputs here")
    options = parser.parse_args()

    with tempfile.TemporaryDirectory() as temporary:
        folder = options.keep or pathlib.Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)

        def drawn(name, number, prompt, strength, seed):
            out = folder / f"{name}.png"
            command = [options.drypoint, "generate", "-m", options.model, "-i", folder / f"{number:03}.png", "-p", prompt,
                       "--strength", str(strength), "--seed", str(seed), "-o", out]
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
            return np.asarray(Image.open(out).convert("RGB"))

        choice, shares = random.Random(5), {}
        add = lambda name, value: value is None or shares.setdefault(name, []).append(value)
        drawings = held_out(folder)
        choice.shuffle(drawings)
        for number in range(options.count):  # there are somewhat fewer drawings than pictures
            entry, drawing = drawings[number % len(drawings)]
            picture, prompt, tint, background, inside = scene(entry, drawing, choice)
            Image.fromarray(picture).save(folder / f"{number:03}.png")
            with_edges = drawn(f"{number:03}_drawn", number, prompt, 1, number)
            without = drawn(f"{number:03}_without_edges", number, prompt, 0, number)
            wanted, found = cv2.Canny(picture, 100, 200), cv2.Canny(with_edges, 100, 200)
            add("edges kept", near(wanted, found))
            add("edges kept at strength 0", near(wanted, cv2.Canny(without, 100, 200)))
            add("edges owed to the input", near(found, wanted))
            add("background", background_of(with_edges) == background)
            add("hue", main_hue(with_edges, inside) == tint if tint else None)
            if number == 0:
                same, other = drawn("same_seed", 0, prompt, 1, 0), drawn("other_seed", 0, prompt, 1, 1)
                assert (same == with_edges).all(), "the same seed gave another picture"
                assert (other != with_edges).any(), "another seed gave the same picture"
            if number % 20 == 19:
                print(number + 1, {k: round(float(np.mean(v)), 3) for k, v in shares.items()}, flush=True)
        figures = {k: float(np.mean(v)) for k, v in shares.items()}
        figures["edges kept, over strength 0"] = figures["edges kept"] - figures["edges kept at strength 0"]
        for name, value in figures.items():
            print(f"{name:30} {value:.3f}" + (f"   at least {BOUNDS[name]}" if name in BOUNDS else ""))
        sys.exit(any(figures[name] < bound for name, bound in BOUNDS.items()))


if __name__ == "__main__":
    main()
