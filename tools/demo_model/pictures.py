"""The README's picture: for some inputs the input, its edges, and drawings of it for three prompts, side by side.

usage: pictures.py [--drypoint build/release/apps/cli/drypoint] [-o docs/demo.jpg]      needs Pillow
"""
import argparse, pathlib, subprocess, tempfile
from PIL import Image

SIDE, GAP = 256, 6
ROWS = {  # file in models/demo/examples: prompts
    "bear.png": ("a brown bear on a yellow background", "a pink bear, white background", "a blue bear on an orange background"),
    "ladybug.png": ("a red ladybug on a green background", "a blue ladybug, yellow background", "a purple ladybug on a pink background"),
    "house.png": ("a red house on a cyan background", "a yellow house, purple background", "a pink house on a black background"),
}

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--drypoint", default="build/release/apps/cli/drypoint")
parser.add_argument("--model", type=pathlib.Path, default="models/demo/demo.safetensors")
parser.add_argument("-o", "--output", default="docs/demo.jpg")
options = parser.parse_args()
sheet = Image.new("RGB", (5 * (SIDE + GAP) - GAP, len(ROWS) * (SIDE + GAP) - GAP), "white")
with tempfile.TemporaryDirectory() as folder:
    for y, (name, prompts) in enumerate(ROWS.items()):
        image, edges = options.model.parent / "examples" / name, f"{folder}/edges.png"
        row = [Image.open(image)]
        for prompt in prompts:
            out = f"{folder}/out.png"
            subprocess.run([options.drypoint, "generate", "-m", options.model, "-i", image, "-p", prompt, "--seed", "1",
                            "--save-edges", edges, "-o", out], check=True, stdout=subprocess.DEVNULL)
            row.append(Image.open(out).copy())
        row.insert(1, Image.open(edges))
        for x, picture in enumerate(row):
            sheet.paste(picture.convert("RGB").resize((SIDE, SIDE)), (x * (SIDE + GAP), y * (SIDE + GAP)))
sheet.save(options.output, quality=88)
print(options.output)
