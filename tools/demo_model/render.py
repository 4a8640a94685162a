"""Stage 1: drawings.zip from two Debian packages (openclipart-svg with librsvg2-bin, fonts-noto-color-emoji).

Each drawing is one WebP of 256x256 RGBA, cropped to what is drawn, its longer side filling the frame; index.json lists
path, nouns (the words captions use), sampling weight and whether the drawing is held out from training.

usage: render.py [-o drawings.zip] [--processes 2] [--only-held-out]
"""
import argparse, hashlib, io, json, os, pathlib, re, subprocess, unicodedata, zipfile
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from PIL import Image, ImageDraw, ImageFont

CLIPART = pathlib.Path("/usr/share/openclipart/svg")
EMOJI = "/usr/share/fonts/truetype/noto/NotoColorEmoji.ttf"
SIDE = 256
SKIP = ("shapes/stars", "special/gradients", "special/patterns", "shapes/flowchart", "signs_and_symbols/led", "/text/",
        "computer/buttons", "unsorted/duplicates", "_nib_", "shapes/jigsaw")
CROWDED = ("computer/icons", "signs_and_symbols/flags")  # near-identical in number: every third one is enough
DULL = ("computer", "signs_and_symbols", "shapes", "special", "buttons", "logos", "transportation/aiga",
        "transportation/roadsigns", "geography", "office")
VAGUE = set("""hash computer icons icon theme application action clip art clipart cliparts various symbol symbols sign signs object
objects misc unsorted svg png etiquette filesystem device mime mimetype app apps part flat collection wed aug nicu buculei
architetto francesco rollandin black white and with the open library lineart line color colour colored cartoon drawing simple
basic sketch outline image picture shape red blue green yellow orange purple pink cyan gray grey brown menu""".split())


def fraction(key):
    """A fixed number in [0, 1) for a text: the same drawings are held out on every machine."""
    return int(hashlib.sha1(key.encode()).hexdigest()[:8], 16) / 2**32


def nouns_of_clipart(name, svg):
    """Up to five words or short phrases for a drawing: its title without the artist's additions, then its keywords."""
    title = re.search(r"<dc:title>([^<]*)<", svg)
    title = re.sub(r"\(.*?\)|[^a-z ]", " ", title[1].lower()) if title else ""
    title = [w for w in title.split() if w not in VAGUE and len(w) > 2]
    words = [" ".join(title)] if 1 <= len(title) <= 2 else []
    words += [title[-1]] if len(title) > 1 else []
    for keyword in re.findall(r"<rdf:li[^>]*>([^<]+)</rdf:li>", svg):
        keyword = keyword.strip().lower().replace("_", " ")
        if re.fullmatch(r"[a-z ]{3,16}", keyword) and not VAGUE & set(keyword.split()):
            words.append(keyword)
    folder = name.split("/")[-2].replace("_", " ")
    return list(dict.fromkeys(words))[:5] or [folder[:-1] if folder.endswith("s") else folder]


def fit(image):
    """Cropped to the visible part and centred; None for drawings that are empty or thin."""
    box = image.getchannel("A").point(lambda a: 255 if a > 8 else 0).getbbox()
    if not box:
        return None
    image = image.crop(box)
    scale = SIDE / max(image.size)
    size = [max(1, round(side * scale)) for side in image.size]
    if min(size) < SIDE / 5:
        return None
    frame = Image.new("RGBA", (SIDE, SIDE))
    frame.paste(image.resize(size, Image.LANCZOS), ((SIDE - size[0]) // 2, (SIDE - size[1]) // 2))
    return frame


def packed(frame):
    """Lossless where that is small (flat drawings), else lossy."""
    data = io.BytesIO()
    frame.save(data, "WEBP", lossless=True, method=3)
    if data.tell() > 5000:
        data = io.BytesIO()
        frame.save(data, "WEBP", quality=74, alpha_quality=70, method=4)
    return data.getvalue()


def clipart_entry(name, svg, twins):
    stem = re.sub(r"[\d_]*(bw_ganson|ganson|bw)?[\d_.]*svg$", "", name)  # variants of one drawing stay together
    dull = name.startswith(DULL)
    return dict(path=name, nouns=nouns_of_clipart(name, svg), weight=0.25 if dull else 1.0,
                held_out=not dull and not twins and fraction(stem) < 0.11)


def clipart_frame(entry):
    try:
        command = ["rsvg-convert", "-w", "360", "-h", "360", "-a", CLIPART / entry["path"]]
        return fit(Image.open(io.BytesIO(subprocess.run(command, capture_output=True, timeout=10).stdout)).convert("RGBA"))
    except (subprocess.TimeoutExpired, OSError):
        return None


def emoji_entry(code):
    """Only single code points that show a thing."""
    name = unicodedata.name(chr(code), "").lower()
    unwanted = "symbol|button|sign|squared|ideograph|arrow|letter|digit|regional|keycap|clock face|square|modifier"
    if not name or re.search(unwanted, name):
        return None
    words = [w for w in re.sub(r"[^a-z ]", " ", name).split() if w not in VAGUE]
    nouns = [" ".join(words[:3])] + ([words[-1]] if len(words) > 1 else []) if words else ["face"]
    return dict(path=f"emoji/{code:x}", nouns=nouns, weight=0.5, held_out=False)


def emoji_frame(entry):
    """The font holds bitmaps of 136x128."""
    frame = Image.new("RGBA", (180, 180))
    font = ImageFont.truetype(EMOJI, 109)
    ImageDraw.Draw(frame).text((20, 20), chr(int(entry["path"][6:], 16)), font=font, embedded_color=True)
    return fit(frame)


def clipart_entries():
    """Many drawings lie in several folders, sometimes under other names: none of these is held out."""
    svgs = {path: path.read_text(errors="ignore") for path in sorted(CLIPART.rglob("*.svg"))}
    outlines = {path: hash("".join(re.findall(r'\sd="([^"]*)"', svg))) for path, svg in svgs.items()}
    names, drawings = Counter(path.name for path in svgs), Counter(outlines.values())
    for path, svg in svgs.items():
        name, twins = str(path.relative_to(CLIPART)), names[path.name] > 1 or drawings[outlines[path]] > 1
        crowded = name.startswith(CROWDED) and fraction(name) > 0.33
        if path.stat().st_size < 600_000 and not crowded and not any(s in name for s in SKIP):
            yield clipart_entry(name, svg[:200000], twins)


def emoji_entries():
    codes = [*range(0x1F300, 0x1F650), *range(0x1F680, 0x1F6FD), *range(0x1F90C, 0x1FAF7)]
    return filter(None, map(emoji_entry, codes))


def draw(entry):
    frame = (emoji_frame if entry["path"].startswith("emoji/") else clipart_frame)(entry)
    return frame and packed(frame)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-o", "--output", default="drawings.zip")
    parser.add_argument("--processes", type=int, default=os.cpu_count())
    parser.add_argument("--only-held-out", action="store_true", help="what evaluate.py needs, in a few seconds")
    options = parser.parse_args()
    entries = [*clipart_entries()] + ([] if options.only_held_out else [*emoji_entries()])
    if options.only_held_out:
        entries = [e for e in entries if e["held_out"]]
    index = []
    with ThreadPoolExecutor(options.processes) as pool, zipfile.ZipFile(options.output, "w") as out:
        for entry, data in zip(entries, pool.map(draw, entries)):
            if data:
                out.writestr(f"{len(index):05}.webp", data)
                index.append(entry)
        out.writestr("index.json", json.dumps(index))
    held_out, size = sum(e["held_out"] for e in index), os.path.getsize(options.output) / 1e6
    print(f"{len(index)} drawings, {held_out} held out, {size:.1f} MB in {options.output}")


if __name__ == "__main__":
    main()
