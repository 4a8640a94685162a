"""Pictures, captions, edges and the tokenizer for training, from the drawings.zip that render.py makes."""
import io, json, pathlib, random, zipfile
from concurrent.futures import ThreadPoolExecutor
import cv2
import numpy as np
import torch
from PIL import Image
from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers, trainers
from torch.nn import functional as F

SIDE, TOKENS, VOCABULARY = 256, 77, 2048
HUES = dict(red=(214, 36, 36), orange=(240, 140, 20), yellow=(244, 222, 40), green=(44, 160, 60), cyan=(40, 200, 210),
            blue=(40, 80, 214), purple=(130, 50, 180), pink=(244, 120, 180))
COLOURS = HUES | dict(brown=(130, 84, 44), gray=(140, 140, 140), white=(255, 255, 255), black=(16, 16, 16))
NAMES = list(COLOURS)
TINTS = 10  # objects are tinted in the first ten

cv2.setNumThreads(1)
pool = ThreadPoolExecutor(16)


def a(words):
    return ("an " if words[0] in "aeiou" else "a ") + words


def caption(noun, tint, background):
    """In many wordings; half of them name the background. Empty captions are made later, when batches are drawn."""
    thing = f"{tint} {noun}" if tint else noun
    return random.choices(
        [f"{a(thing)} on {a(background)} background", f"{thing}, {background} background", f"{a(thing)} on {background}",
         f"a drawing of {a(thing)}, {background} background", f"{background} background, {thing}",
         a(thing), thing, f"{background} background", f"the {noun} is {tint}, {background} background" if tint else noun],
        [30, 12, 8, 8, 6, 12, 8, 4, 6])[0]


# CLIP's way of splitting text into words before byte pairs are merged
SPLIT = r"'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"


def byte_letters():
    """The letter that stands for each byte, in CLIP's order."""
    kept = [*range(33, 127), *range(161, 173), *range(174, 256)]
    letters = {b: chr(b) for b in kept}
    for b in range(256):
        letters.setdefault(b, chr(256 + len(letters) - len(kept)))
    return [letters[b] for b in kept] + [letters[b] for b in range(256) if b not in kept]


def train_tokenizer(captions, folder):
    """vocab.json and merges.txt as CLIP lays them out: bytes, bytes that end a word, merged pieces, two special tokens."""
    tokenizer = Tokenizer(models.BPE(end_of_word_suffix="</w>"))
    tokenizer.normalizer = normalizers.Sequence([normalizers.NFC(), normalizers.Replace(Regex(r"\s+"), " "), normalizers.Lowercase()])
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Split(Regex(SPLIT), "removed", invert=True), pre_tokenizers.ByteLevel(add_prefix_space=False)])
    trainer = trainers.BpeTrainer(vocab_size=VOCABULARY - 2, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
                                  end_of_word_suffix="</w>", show_progress=False)
    tokenizer.train_from_iterator(captions, trainer)
    merges = [tuple(m) for m in json.loads(tokenizer.to_str())["model"]["merges"]]
    letters = byte_letters()
    pieces = letters + [x + "</w>" for x in letters]
    merges = merges[: VOCABULARY - 2 - len(pieces)]
    pieces += ["".join(m) for m in merges] + ["<|startoftext|>", "<|endoftext|>"]
    assert len(set(pieces)) == len(pieces) <= VOCABULARY
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "vocab.json").write_text(json.dumps({p: i for i, p in enumerate(pieces)}, ensure_ascii=False))
    (folder / "merges.txt").write_text("#version: 0.2\n" + "".join(f"{x} {y}\n" for x, y in merges))
    settings = dict(tokenizer_class="CLIPTokenizer", model_max_length=TOKENS, bos_token="<|startoftext|>",
                    eos_token="<|endoftext|>", pad_token="<|endoftext|>", unk_token="<|endoftext|>", add_prefix_space=False,
                    do_lower_case=True)
    (folder / "tokenizer_config.json").write_text(json.dumps(settings, indent=1) + "\n")


class Words:
    """Texts to ids: begin, pieces, end, padded with the end token to 77."""

    def __init__(self, folder):
        vocab = json.loads((folder / "vocab.json").read_text())
        merges = [tuple(line.split(" ")) for line in (folder / "merges.txt").read_text().splitlines()[1:]]
        self.begin, self.end = vocab["<|startoftext|>"], vocab["<|endoftext|>"]
        self.tokenizer = Tokenizer(models.BPE(vocab, merges, end_of_word_suffix="</w>"))
        self.tokenizer.normalizer = normalizers.Sequence(
            [normalizers.NFC(), normalizers.Replace(Regex(r"\s+"), " "), normalizers.Lowercase()])
        self.tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
            [pre_tokenizers.Split(Regex(SPLIT), "removed", invert=True), pre_tokenizers.ByteLevel(add_prefix_space=False)])

    def __call__(self, texts):
        ids = np.full((len(texts), TOKENS), self.end, np.int64)
        for row, e in zip(ids, self.tokenizer.encode_batch(texts)):
            row[: len(e.ids[:75]) + 1] = [self.begin] + e.ids[:75]
        return torch.from_numpy(ids)


def edges(pictures, low=None, high=None):
    """OpenCV's Canny of (B, 3, H, W) in [0, 1]; thresholds at random unless given. Returns (B, 1, H, W) bytes, 0 or 255."""
    pixels = (pictures * 255).byte().permute(0, 2, 3, 1).contiguous().cpu().numpy()

    def one(picture):
        bottom = random.uniform(40, 150) if low is None else low
        return cv2.Canny(picture, bottom, bottom + random.uniform(40, 130) if high is None else high)

    return torch.from_numpy(np.stack(list(pool.map(one, pixels))))[:, None]


class Drawings:
    """All drawings on the device; makes pictures of them: tinted, turned, on coloured backgrounds."""

    def __init__(self, path, folder, device):
        self.device, folder = device, pathlib.Path(folder) / "tokenizer"
        with zipfile.ZipFile(path) as z:
            self.index = json.loads(z.read("index.json"))
            data = [z.read(f"{i:05}.webp") for i in range(len(self.index))]
        load = lambda d: np.array(Image.open(io.BytesIO(d)).convert("RGBA"))
        self.pixels = torch.from_numpy(np.stack(list(pool.map(load, data)))).permute(0, 3, 1, 2).contiguous().to(device)
        held = torch.tensor([e["held_out"] for e in self.index])
        self.weight = (torch.tensor([e["weight"] for e in self.index]) * ~held).to(device)
        self.held_out = held.nonzero()[:, 0].to(device)
        self.colours = torch.tensor(list(COLOURS.values()), device=device) / 255
        if not (folder / "vocab.json").exists():
            random.seed(0)
            train_tokenizer([caption(n, random.choice(NAMES), random.choice(NAMES)) for e in self.index for n in e["nouns"] * 4], folder)
        self.words = Words(folder)

    def choose(self, count):
        return torch.multinomial(self.weight, count, True)

    def tinted(self, rgb, alpha, tint, chosen):
        """Keeps light and dark, replaces hue: dark parts towards black, light ones towards white."""
        light = (rgb * rgb.new_tensor([0.3, 0.59, 0.11]).view(1, 3, 1, 1)).sum(1, keepdim=True)
        mean = (light * alpha).sum((1, 2, 3), True) / alpha.sum((1, 2, 3), True).clamp(min=1)
        light = (light + 0.7 * (0.5 - mean)).clamp(0, 1) * 0.55 + 0.2
        colour = (self.colours[tint] + 0.12 * (torch.rand(len(tint), 3, device=self.device) - 0.5)).clamp(0, 1)[:, :, None, None]
        made = torch.where(light < 0.5, colour * light / 0.5, colour + (1 - colour) * (light - 0.5) / 0.5)
        return torch.where(chosen.view(-1, 1, 1, 1), made, rgb)

    def placed(self, which, tint, chosen, scale, shift, turn):
        """Drawings turned, mirrored and moved, with colour multiplied by alpha: (B, 4, 256, 256)."""
        count, rand = len(which), lambda *shape: torch.rand(*shape, device=self.device)
        drawing = self.pixels[which].float() / 255
        rgb, alpha = drawing[:, :3], drawing[:, 3:]
        rgb = self.tinted(rgb, alpha, tint, chosen)
        angle, mirror = (rand(count) - 0.5) * turn, torch.where(rand(count) < 0.5 * (turn > 0), -1.0, 1.0)
        matrix = torch.zeros(count, 2, 3, device=self.device)
        matrix[:, 0, 0], matrix[:, 0, 1] = angle.cos() * mirror / scale, -angle.sin() / scale
        matrix[:, 1, 0], matrix[:, 1, 1] = angle.sin() * mirror / scale, angle.cos() / scale
        matrix[:, :, 2] = (rand(count, 2) - 0.5) * shift
        grid = F.affine_grid(matrix, (count, 4, SIDE, SIDE), align_corners=False)
        return F.grid_sample(torch.cat([rgb * alpha, alpha], 1), grid, align_corners=False)

    def pictures(self, which, plain=False):
        """(pictures in [0, 1], tint, whether tinted, background, alpha of the object). `plain`: upright and centred."""
        count, rand = len(which), lambda *shape: torch.rand(*shape, device=self.device)
        tint, chosen = torch.randint(0, 8 if plain else TINTS, (count,), device=self.device), rand(count) < 0.6
        background = torch.randint(0, len(NAMES), (count,), device=self.device)
        background = torch.where(chosen & (background == tint), (background + 1) % len(NAMES), background)
        full, none = torch.full((count,), 0.9, device=self.device), 0.0
        scale = full if plain else 0.55 + 0.65 * rand(count)
        front = self.placed(which, tint, chosen, scale, none if plain else 0.35, none if plain else 0.7)
        colour = self.colours[background] + 0.1 * (rand(count, 3) - 0.5) * (not plain)
        picture = colour.clamp(0, 1).view(-1, 3, 1, 1).expand(-1, -1, SIDE, SIDE)
        if not plain:  # now and then something else stands behind
            back = self.placed(self.choose(count), torch.randint(0, TINTS, (count,), device=self.device), chosen, 0.4 + rand(count), 1.2, 0.7)
            back = back * (rand(count) < 0.12).view(-1, 1, 1, 1)
            picture = back[:, :3] + picture * (1 - back[:, 3:])
        picture = front[:, :3] + picture * (1 - front[:, 3:])
        return picture.clamp(0, 1), tint, chosen, background, front[:, 3:]

    def captions(self, which, tint, chosen, background, plain=False):
        texts = []
        for w, t, c, b in zip(which.tolist(), tint.tolist(), chosen.tolist(), background.tolist()):
            noun = self.index[w]["nouns"][0] if plain else random.choice(self.index[w]["nouns"])
            thing = f"{NAMES[t]} {noun}" if c else noun
            texts.append(f"{a(thing)} on {a(NAMES[b])} background" if plain else caption(noun, NAMES[t] if c else "", NAMES[b]))
        return texts
