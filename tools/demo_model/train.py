"""Stages 2 to 4: train the VAE, then text encoder and UNet, then the ControlNet; one GPU, resumable.

usage: train.py [--data drawings.zip] [--state state] STAGE:SECONDS ...      STAGE: vae, denoiser, control, evaluate

Each stage starts from what the state folder holds (averaged weights in half precision, fresh optimizer moments), trains
for the given seconds while the learning rate falls to zero, and writes its parts back. `vae` and `evaluate` also print figures
and write sheets of sample pictures.
"""
import argparse, math, pathlib, time
import cv2
import numpy as np
import torch
from PIL import Image
from safetensors.torch import load_file, save_file
from torch.nn import functional as F
from data import VOCABULARY, Drawings, edges
from model import PREFIXES, make

device = "cuda" if torch.cuda.is_available() else "cpu"
batch = dict(vae=64, denoiser=512, control=384, bank=256)
bank_size, bank_refresh = 49152, 6144
learning_rate, vae_noise = 1.5e-3, 0.06
alphas = torch.cumprod(1 - torch.linspace(0.00085**0.5, 0.012**0.5, 1000, dtype=torch.float64) ** 2, 0).float().to(device)
autocast = lambda: torch.autocast(device, torch.bfloat16)


# ---------------------------------------------------------------- optimisation

class Muon(torch.optim.Optimizer):
    """Momentum made orthogonal by five Newton-Schulz steps (Keller Jordan, 2024), matrices of one shape together;
    steps scaled by 0.2 sqrt(longer side), so that AdamW's learning rates fit (Liu et al., 2025)."""

    def __init__(self, parameters, lr, momentum=0.95, weight_decay=0.01):
        super().__init__(parameters, dict(lr=lr, momentum=momentum, weight_decay=weight_decay))

    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            shapes = {}
            for p in group["params"]:
                shapes.setdefault(p.flatten(1).shape, []).append(p)
            for (rows, columns), ps in shapes.items():
                gradient = torch.stack([p.grad.flatten(1) for p in ps])
                state = self.state[ps[0]].setdefault("momentum", torch.zeros_like(gradient))
                state.lerp_(gradient, 1 - group["momentum"])
                x = gradient.lerp(state, group["momentum"]).bfloat16()
                x = x.mT if rows > columns else x
                x = x / (x.norm(dim=(1, 2), keepdim=True) + 1e-7)
                for _ in range(5):
                    square = x @ x.mT
                    x = 3.4445 * x + (-4.7750 * square + 2.0315 * square @ square) @ x
                x = (x.mT if rows > columns else x).float()
                torch._foreach_mul_(ps, 1 - group["lr"] * group["weight_decay"])
                torch._foreach_add_(ps, [u.view(p.shape) for u, p in zip(x, ps)], alpha=-0.2 * max(rows, columns) ** 0.5 * group["lr"])


def optimizers(modules):
    """Muon for hidden matrices (in 30 seconds it brought the VAE to 16.5 dB, AdamW alone to 13.0), AdamW for the rest."""
    matrices, others = [], []
    for module in modules:
        for name, p in module.named_parameters():
            orthogonal = p.ndim >= 2 and min(p.flatten(1).shape) >= 16 and "embedding" not in name
            (matrices if orthogonal else others).append(p)
    return [torch.optim.AdamW(others, learning_rate, (0.9, 0.99), weight_decay=0.01, fused=device == "cuda"), Muon(matrices, learning_rate)]


def optimise(name, seconds, modules, loss, each=lambda: None):
    """Minimises loss() over the modules' weights until the time is over; leaves their moving averages in them."""
    weights = [p for m in modules for p in m.parameters()]
    averages, chosen, done, start = [p.detach().clone() for p in weights], optimizers(modules), 0, None
    while True:
        if done % 20 == 0 and device == "cuda":
            torch.cuda.synchronize()
        if done == 2:  # compiled by now
            start, last = time.time(), 0
        passed = time.time() - start if start else 0
        if passed >= seconds:
            break
        rate = min(1, (done + 1) / 150) * (0.5 + 0.5 * math.cos(math.pi * passed / seconds)) * options.rate + 0.003
        for optimizer in chosen:
            for group in optimizer.param_groups:
                group["lr"] = learning_rate * rate
        with autocast():
            value = loss()
        value.backward()
        torch.nn.utils.clip_grad_norm_(weights, 1.0)
        for optimizer in chosen:
            optimizer.step()
        for p in weights:
            p.grad = None
        torch._foreach_lerp_(averages, [p.detach() for p in weights], 1 - min(0.999, (1 + done) / (10 + done)))
        done += 1
        if start and passed - last > 20:
            last = passed
            print(f"{name}: {passed:.0f} s, batch {done}, loss {value.item():.4f}", flush=True)
            each()
    for p, average in zip(weights, averages):
        p.data.copy_(average)
    print(f"{name}: {done} batches in {passed:.0f} s, loss {value.item():.4f}", flush=True)


# ---------------------------------------------------------------- VAE

def slopes(x):
    return x[..., 1:, :] - x[..., :-1, :], x[..., :, 1:] - x[..., :, :-1]


def vae_loss(vae, picture):
    """Absolute and squared error, and the error of the slopes at three scales, which keeps lines crisp. Noise on the
    latents makes the decoder bear with an imperfect denoiser; the last term keeps them near unit variance."""
    x = picture * 2 - 1
    z = vae.encode(x)
    y = vae.decode(z + vae_noise * torch.randn_like(z)).float()
    total = F.l1_loss(y, x) + 0.5 * F.mse_loss(y, x) + 1e-3 * z.float().square().mean()
    for _ in range(3):
        total = total + sum(F.l1_loss(p, q) for p, q in zip(slopes(y), slopes(x)))
        x, y = F.avg_pool2d(x, 2), F.avg_pool2d(y, 2)
    return total


def train_vae(parts, drawings, seconds):
    vae = parts["vae"].train().requires_grad_(True)
    step = torch.compile(vae_loss)
    picture = lambda: drawings.pictures(drawings.choose(batch["vae"]))[0].contiguous(memory_format=torch.channels_last)
    optimise("vae", seconds, [vae], lambda: step(vae, picture()))
    vae.eval().requires_grad_(False)
    with torch.no_grad():
        z = torch.cat([vae.encode(drawings.pictures(drawings.choose(128))[0] * 2 - 1) for _ in range(8)])
        print("latent mean", z.mean((0, 2, 3)).tolist(), "deviation", z.std((0, 2, 3)).tolist())
        vae.normalise(z.mean((0, 2, 3)), z.std((0, 2, 3)), vae_noise)
        torch.manual_seed(9)
        originals = drawings.pictures(drawings.held_out[:192])[0]
        copies = torch.cat([vae.decode(vae.encode(x * 2 - 1)) for x in originals.split(32)]) / 2 + 0.5
        error = (copies.clamp(0, 1) - originals).square().mean((1, 2, 3))
        print(f"held-out drawings: PSNR {-10 * error.mean().log10():.2f} dB of all, {(-10 * error.log10()).mean():.2f} dB mean", flush=True)
    sheet([originals[:10], copies[:10], originals[10:20], copies[10:20]], "sheet_vae.png")


# ---------------------------------------------------------------- denoiser and ControlNet

class Bank:
    """Latents, captions and edges of ready pictures, each used with many noises; the oldest are replaced now and then."""

    def __init__(self, vae, drawings):
        self.vae, self.drawings, self.next = vae, drawings, 0
        self.encode = torch.compile(vae.encode)
        self.latents = torch.empty(bank_size, 4, 32, 32, device=device)
        self.ids = torch.empty(bank_size, 77, dtype=torch.int64, device=device)
        self.edges = torch.empty(bank_size, 1, 256, 256, dtype=torch.uint8, device=device)
        self.empty = drawings.words([""]).to(device)
        self.fill(bank_size)

    @torch.no_grad()
    def fill(self, count):
        for _ in range(0, count, batch["bank"]):
            here = slice(self.next, self.next + batch["bank"])
            which = self.drawings.choose(batch["bank"])
            picture, *facts, _ = self.drawings.pictures(which)
            with autocast():
                self.latents[here] = self.encode((picture * 2 - 1).contiguous(memory_format=torch.channels_last))
            self.edges[here] = edges(picture).to(device)
            self.ids[here] = self.drawings.words(self.drawings.captions(which, *facts)).to(device)
            self.next = (self.next + batch["bank"]) % bank_size

    def draw(self, count, empty_share):
        i = torch.randint(0, bank_size, (count,), device=device)
        ids = torch.where(torch.rand(count, 1, device=device) < empty_share, self.empty, self.ids[i])
        return self.latents[i].contiguous(memory_format=torch.channels_last), ids, self.edges[i]


def noised(z):
    """(noisy latents, t, the noise to predict, loss weight). A sampler starts from pure noise, while even t = 999 of the
    schedule lets 0.5 % of the picture through, from which a background's colour can be read. So at high t half of the
    inputs are pure noise: the prediction must then come from the words (and edges) alone. High t weigh more, since
    colour and composition are settled there."""
    t = torch.randint(0, 1000, (len(z),), device=z.device)
    a, noise = alphas[t].view(-1, 1, 1, 1), torch.randn_like(z)
    pure = ((t > 880) & (torch.rand(len(z), device=z.device) < 0.5)).view(-1, 1, 1, 1)
    x = torch.where(pure, noise, a.sqrt() * z + (1 - a).sqrt() * noise)
    return x, t, (x - a.sqrt() * z) / (1 - a).sqrt(), ((1 - a) / a).sqrt().clamp(0.5, 4)


def denoiser_loss(text, unet, z, ids):
    x, t, noise, weight = noised(z)
    return (weight * (unet(x, t, text(ids)).float() - noise).square()).mean()


def control_loss(text, unet, control, z, ids, hint):
    """A sixth without edges, so that the UNet keeps drawing on its own."""
    x, t, noise, weight = noised(z)
    words = text(ids)
    kept = (torch.rand(len(z), device=z.device) < 0.84).view(-1, 1, 1, 1)
    controls = [c * kept for c in control(x, hint.float().div(255).expand(-1, 3, -1, -1), t, words)]
    return (weight * (unet(x, t, words, controls).float() - noise).square()).mean()


def train_denoiser(parts, drawings, seconds, bank):
    modules = [parts[p].train().requires_grad_(True) for p in ("text", "unet")]
    step = torch.compile(denoiser_loss)
    optimise("denoiser", seconds, modules, lambda: step(*modules, *bank.draw(batch["denoiser"], 0.1)[:2]),
             lambda: bank.fill(bank_refresh))


def train_control(parts, drawings, seconds, bank):
    """The ControlNet starts as a copy of the UNet's encoder; UNet and text encoder go on learning beside it."""
    if not (options.state / "control.safetensors").exists():
        parts["control"].load_state_dict(parts["unet"].state_dict(), strict=False)
    modules = [parts[p].train().requires_grad_(True) for p in ("text", "unet", "control")]
    step = torch.compile(control_loss)
    optimise("control", seconds, modules, lambda: step(*modules, *bank.draw(batch["control"], 0.3)), lambda: bank.fill(bank_refresh))


# ---------------------------------------------------------------- judging

@torch.no_grad()
def sample(parts, drawings, texts, hint, strength=1.0, scale=4.0, steps=20, seed=1):
    """DDIM as the engine does it."""
    text, unet, control, vae = (parts[p] for p in ("text", "unet", "control", "vae"))
    noise = torch.Generator(device).manual_seed(seed)
    x = torch.randn(len(texts), 4, hint.shape[2] // 8, hint.shape[3] // 8, device=device, generator=noise)
    words = text(drawings.words([""] * len(texts) + list(texts)).to(device))
    hint = hint.to(device).float().div(255).expand(-1, 3, -1, -1).repeat(2, 1, 1, 1)
    times = list(range(1, 1000, 1000 // steps))
    for k in reversed(range(steps)):
        t = torch.full((2 * len(x),), times[k], device=device)
        a, before = alphas[times[k]], alphas[times[k - 1]] if k else alphas[0]
        with autocast():
            twice = torch.cat([x, x])
            controls = [c * strength for c in control(twice, hint, t, words)]
            without, with_words = unet(twice, t, words, controls).float().chunk(2)
        e = without + scale * (with_words - without)
        x = before.sqrt() * (x - (1 - a).sqrt() * e) / a.sqrt() + (1 - before).sqrt() * e
    return torch.cat([vae.decode(z) for z in x.split(32)]).div(2).add(0.5).clamp(0, 1)


def near(these, those):
    """Of the edge pixels in `these`, the share with one of `those` within 2 pixels, mean over pictures."""
    wide = F.max_pool2d(those.float(), 5, 1, 2) > 0
    count = (these > 0).sum((1, 2, 3))
    return (((these > 0) & wide).sum((1, 2, 3))[count > 0] / count[count > 0]).mean().item()


def hue(colours):
    pixels = (colours.cpu().numpy()[None] * 255).astype(np.uint8)
    return torch.from_numpy(cv2.cvtColor(pixels, cv2.COLOR_RGB2HSV)[0, :, 0].astype(int) * 2)


@torch.no_grad()
def judge(parts, drawings, strength=1.0, scale=4.0):
    for part in parts.values():
        part.eval().requires_grad_(False)
    torch.manual_seed(5)
    which = drawings.held_out[:192]
    picture, tint, chosen, background, alpha = drawings.pictures(which, True)
    texts, hint = drawings.captions(which, tint, chosen, background, True), edges(picture, 100, 200)
    out = sample(parts, drawings, texts, hint, strength, scale)
    found = edges(out, 100, 200)
    border = torch.cat([out[:, :, :6].flatten(2), out[:, :, -6:].flatten(2)], 2).median(2).values
    named = (border[:, None] - drawings.colours).square().sum(2).argmin(1)
    inside = alpha > 0.9
    difference = (hue((out * inside).sum((2, 3)) / inside.sum((2, 3)).clamp(min=1))[:, None] - hue(drawings.colours[:8])).abs()
    obeyed = torch.minimum(difference, 360 - difference).argmin(1) == tint.cpu()
    print(f"strength {strength} scale {scale}: edges kept {near(hint, found):.3f}, edges owed to the input {near(found, hint):.3f}, "
          f"background {(named == background).float().mean():.3f}, hue {obeyed[chosen.cpu()].float().mean():.3f}", flush=True)
    return picture, hint, texts, out


def sheet(rows, name):
    rows = torch.cat([torch.cat(list(row.clamp(0, 1)), 2) for row in rows], 1)
    Image.fromarray((rows * 255).byte().permute(1, 2, 0).cpu().numpy()).save(options.state / name)


def evaluate(parts, drawings):
    for scale in options.scales:
        picture, hint, texts, out = judge(parts, drawings, 1.0, scale)
    free = judge(parts, drawings, 0.0, scale)[3]
    grey = lambda h: h.to(device).float().div(255).expand(-1, 3, -1, -1)
    shown = torch.arange(0, 192, 16)
    again = sample(parts, drawings, [texts[i] for i in shown], hint[shown], scale=scale, seed=2)
    sheet([picture[shown], grey(hint[shown]), out[shown], again, free[shown]], "sheet.png")
    print([texts[i] for i in shown])
    photos = []
    for path in sorted(options.photos.glob("*")) if options.photos else []:
        image = np.array(Image.open(path).convert("RGB"))
        k = 256 / min(image.shape[:2])
        size = [round(side * k / 64) * 64 for side in image.shape[1::-1]]
        image = torch.from_numpy(cv2.resize(image, size, interpolation=cv2.INTER_AREA)).permute(2, 0, 1)[None].to(device) / 255
        hint, noun = edges(image, 100, 200), path.stem.split("_")[0]
        texts = [f"{c} {noun}, {b} background" for c, b in (("orange", "blue"), ("gray", "green"), ("red", "white"))] + [noun]
        out = sample(parts, drawings, texts, hint.repeat(4, 1, 1, 1), scale=scale)
        row = torch.cat([image, grey(hint), out])
        photos.append(F.pad(row, (0, 384 - row.shape[3]) if row.shape[3] < 384 else (0, 0)))
    if photos:
        sheet([p[..., :256, :384] for p in photos], "sheet_photos.png")


PARTS = dict(vae=["vae"], denoiser=["text", "unet"], control=["text", "unet", "control"], evaluate=[])  # what a stage writes


def main():
    torch.set_float32_matmul_precision("high")
    torch.backends.cudnn.benchmark = True
    options.state.mkdir(parents=True, exist_ok=True)
    start, bank = time.time(), None
    drawings = Drawings(options.data, options.state, device)
    parts = make(VOCABULARY)
    for name, part in parts.items():
        file = options.state / f"{name}.safetensors"
        if file.exists():
            part.load_state_dict({k.removeprefix(PREFIXES[name]): v.float() for k, v in load_file(file).items()})
        part.to(device, memory_format=torch.channels_last)
    print(f"{len(drawings.index)} drawings, ready after {time.time() - start:.0f} s", flush=True)
    for stage in options.stages:
        stage, _, seconds = stage.partition(":")
        if stage == "vae":
            train_vae(parts, drawings, float(seconds))
            bank = None
        elif stage == "evaluate":
            evaluate(parts, drawings)
        else:
            parts["vae"].eval().requires_grad_(False)
            bank = bank or Bank(parts["vae"], drawings)
            print(f"bank filled after {time.time() - start:.0f} s", flush=True)
            dict(denoiser=train_denoiser, control=train_control)[stage](parts, drawings, float(seconds), bank)
        for name in PARTS[stage]:
            weights = {PREFIXES[name] + k: v.half().contiguous() for k, v in parts[name].state_dict().items()}
            save_file(weights, options.state / f"{name}.safetensors")
        print(f"{stage} over after {time.time() - start:.0f} s", flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("stages", nargs="+", metavar="STAGE[:SECONDS]")
    parser.add_argument("--data", default="drawings.zip")
    parser.add_argument("--state", type=pathlib.Path, default="state")
    parser.add_argument("--photos", type=pathlib.Path, help="a folder of photographs to draw from, named for what they show")
    parser.add_argument("--scales", type=float, nargs="+", default=[4.0])
    parser.add_argument("--rate", type=float, default=1.0, help="share of the learning rate, lower when resuming")
    options = parser.parse_args()
    main()
