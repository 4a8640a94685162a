"""Stable Diffusion 1.5 with ControlNet, narrow. Modules carry the official LDM names, so that a state dict is a checkpoint.

Shapes: B pictures, C channels, H x W pixels, S tokens. Widths are multiples of 32 (group norm has 32 groups).
"""
import math
import torch
from torch import nn
from torch.nn import functional as F

WIDTHS, TEXT_WIDTH, TEXT_LAYERS, TOKENS, HEADS = (64, 64, 96, 96), 128, 2, 77, 8
VAE_WIDTHS, SCALE = (32, 64, 64, 96), 0.18215


class Conv(nn.Conv2d):
    """Channels under 8 (pictures, latents) are padded while training: tensor cores want multiples of 8."""

    def forward(self, x):
        extra_in, extra_out = -self.in_channels % 8, -self.out_channels % 8
        if not (self.training and x.is_cuda and extra_in + extra_out):
            return super().forward(x)
        weight = F.pad(self.weight, (0, 0, 0, 0, 0, extra_in, 0, extra_out))
        y = F.conv2d(F.pad(x, (0, 0, 0, 0, 0, extra_in)), weight, F.pad(self.bias, (0, extra_out)), self.stride, self.padding)
        return y[:, : self.out_channels]


def conv(a, b, size=3, stride=1, padding=None):
    return Conv(a, b, size, stride, size // 2 if padding is None else padding)


def zero(module):
    for p in module.parameters():
        nn.init.zeros_(p)
    return module


def named(**children):
    module = nn.Module()
    for name, child in children.items():
        module.add_module(name, child)
    return module


# ---------------------------------------------------------------- VAE

class VaeBlock(nn.Module):
    def __init__(self, a, b):
        super().__init__()
        self.norm1, self.conv1 = nn.GroupNorm(32, a, 1e-6), conv(a, b)
        self.norm2, self.conv2 = nn.GroupNorm(32, b, 1e-6), conv(b, b)
        if a != b:
            self.nin_shortcut = conv(a, b, 1)

    def forward(self, x):
        h = self.conv2(F.silu(self.norm2(self.conv1(F.silu(self.norm1(x))))))
        return h + (self.nin_shortcut(x) if hasattr(self, "nin_shortcut") else x)


class VaeAttention(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.norm = nn.GroupNorm(32, c, 1e-6)
        self.q, self.k, self.v, self.proj_out = (conv(c, c, 1) for _ in range(4))

    def forward(self, x):
        h, tokens = self.norm(x), lambda y: y.flatten(2).transpose(1, 2)[:, None]  # (B, 1, HW, C)
        y = F.scaled_dot_product_attention(tokens(self.q(h)), tokens(self.k(h)), tokens(self.v(h)))
        return x + self.proj_out(y[:, 0].transpose(1, 2).reshape(x.shape))


def vae_middle(c):
    return named(block_1=VaeBlock(c, c), attn_1=VaeAttention(c), block_2=VaeBlock(c, c))


def run_middle(mid, x):
    return mid.block_2(mid.attn_1(mid.block_1(x)))


class Encoder(nn.Module):
    def __init__(self, widths):
        super().__init__()
        self.conv_in, self.down, a = conv(3, widths[0]), nn.ModuleList(), widths[0]
        for i, w in enumerate(widths):
            self.down.append(named(block=nn.ModuleList([VaeBlock(a, w), VaeBlock(w, w)])))
            if i + 1 < len(widths):
                self.down[i].add_module("downsample", named(conv=conv(w, w, 3, 2, 0)))
            a = w
        self.mid, self.norm_out, self.conv_out = vae_middle(a), nn.GroupNorm(32, a, 1e-6), conv(a, 8)

    def forward(self, x):
        x = self.conv_in(x)
        for level in self.down:
            for block in level.block:
                x = block(x)
            if hasattr(level, "downsample"):
                x = level.downsample.conv(F.pad(x, (0, 1, 0, 1)))
        return self.conv_out(F.silu(self.norm_out(run_middle(self.mid, x))))


class Decoder(nn.Module):
    def __init__(self, widths):
        super().__init__()
        a = widths[-1]
        self.conv_in, self.mid = conv(4, a), vae_middle(a)
        levels = []
        for i in reversed(range(len(widths))):
            w = widths[i]
            level = named(block=nn.ModuleList([VaeBlock(a, w), VaeBlock(w, w), VaeBlock(w, w)]))
            if i:
                level.add_module("upsample", named(conv=conv(w, w)))
            levels.insert(0, level)
            a = w
        self.up, self.norm_out, self.conv_out = nn.ModuleList(levels), nn.GroupNorm(32, a, 1e-6), conv(a, 3)

    def forward(self, z):
        x = run_middle(self.mid, self.conv_in(z))
        for level in reversed(self.up):
            for block in level.block:
                x = block(x)
            if hasattr(level, "upsample"):
                x = level.upsample.conv(F.interpolate(x, scale_factor=2.0, mode="nearest"))
        return self.conv_out(F.silu(self.norm_out(x)))


class Vae(nn.Module):
    """Latents here are the sampler's: scaled to unit variance."""

    def __init__(self):
        super().__init__()
        self.encoder, self.decoder = Encoder(VAE_WIDTHS), Decoder(VAE_WIDTHS)
        self.quant_conv, self.post_quant_conv = conv(8, 8, 1), conv(4, 4, 1)
        self.quant_conv.weight.data /= SCALE
        self.post_quant_conv.weight.data *= SCALE

    def encode(self, picture):  # (B, 3, H, W) in [-1, 1] -> (B, 4, H/8, W/8)
        return self.quant_conv(self.encoder(picture))[:, :4] * SCALE

    def decode(self, latent):
        return self.decoder(self.post_quant_conv(latent / SCALE))

    @torch.no_grad()
    def normalise(self, mean, std, noise):
        """Folds zero mean and unit deviation per channel into the 1x1 convolutions; the variance half gets a constant."""
        q, p = self.quant_conv, self.post_quant_conv
        p.bias += p.weight[:, :, 0, 0] @ (mean / SCALE)
        p.weight *= std.view(1, 4, 1, 1)
        q.bias[:4] = (q.bias[:4] - mean / SCALE) / std
        q.weight[:4] /= std.view(4, 1, 1, 1)
        q.weight[4:] = 0
        q.bias[4:] = 2 * math.log(noise / SCALE)


# ---------------------------------------------------------------- text

class TextLayer(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.self_attn = named(**{k: nn.Linear(c, c) for k in ("q_proj", "k_proj", "v_proj", "out_proj")})
        self.layer_norm1, self.layer_norm2 = nn.LayerNorm(c), nn.LayerNorm(c)
        self.mlp = named(fc1=nn.Linear(c, 4 * c), fc2=nn.Linear(4 * c, c))

    def forward(self, x):
        a, h = self.self_attn, self.layer_norm1(x)
        heads = lambda y: y.unflatten(2, (-1, 64)).transpose(1, 2)
        h = F.scaled_dot_product_attention(heads(a.q_proj(h)), heads(a.k_proj(h)), heads(a.v_proj(h)), is_causal=True)
        x = x + a.out_proj(h.transpose(1, 2).flatten(2))
        h = self.mlp.fc1(self.layer_norm2(x))
        return x + self.mlp.fc2(h * torch.sigmoid(1.702 * h))


class Text(nn.Module):
    def __init__(self, vocabulary):
        super().__init__()
        embeddings = named(token_embedding=nn.Embedding(vocabulary, TEXT_WIDTH), position_embedding=nn.Embedding(TOKENS, TEXT_WIDTH))
        for e in embeddings.children():
            nn.init.normal_(e.weight, std=0.05)
        layers = nn.ModuleList(TextLayer(TEXT_WIDTH) for _ in range(TEXT_LAYERS))
        self.transformer = named(text_model=named(
            embeddings=embeddings, encoder=named(layers=layers), final_layer_norm=nn.LayerNorm(TEXT_WIDTH)))

    def forward(self, ids):  # (B, 77) -> (B, 77, C)
        m = self.transformer.text_model
        x = m.embeddings.token_embedding(ids) + m.embeddings.position_embedding.weight
        for layer in m.encoder.layers:
            x = layer(x)
        return m.final_layer_norm(x)


# ---------------------------------------------------------------- denoiser

class ResBlock(nn.Module):
    def __init__(self, a, b):
        super().__init__()
        self.in_layers = nn.Sequential(nn.GroupNorm(32, a), nn.SiLU(), conv(a, b))
        self.emb_layers = nn.Sequential(nn.SiLU(), nn.Linear(4 * WIDTHS[0], b))
        self.out_layers = nn.Sequential(nn.GroupNorm(32, b), nn.SiLU(), nn.Identity(), zero(conv(b, b)))
        self.skip_connection = conv(a, b, 1) if a != b else nn.Identity()

    def forward(self, x, time, text):
        h = self.in_layers(x) + self.emb_layers(time)[:, :, None, None]
        return self.skip_connection(x) + self.out_layers(h)


class CrossAttention(nn.Module):
    def __init__(self, c, context):
        super().__init__()
        self.to_q, self.to_k, self.to_v = (nn.Linear(n, c, bias=False) for n in (c, context, context))
        self.to_out = nn.Sequential(nn.Linear(c, c))

    def forward(self, x, context):
        heads = lambda y: y.unflatten(2, (HEADS, -1)).transpose(1, 2)
        y = F.scaled_dot_product_attention(heads(self.to_q(x)), heads(self.to_k(context)), heads(self.to_v(context)))
        return self.to_out(y.transpose(1, 2).flatten(2))


class GatedGelu(nn.Module):
    def __init__(self, c, inner):
        super().__init__()
        self.proj = nn.Linear(c, 2 * inner)

    def forward(self, x):
        x, gate = self.proj(x).chunk(2, -1)
        return x * F.gelu(gate)


class TransformerBlock(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.attn1, self.attn2 = CrossAttention(c, c), CrossAttention(c, TEXT_WIDTH)
        self.norm1, self.norm2, self.norm3 = (nn.LayerNorm(c) for _ in range(3))
        self.ff = named(net=nn.Sequential(GatedGelu(c, 4 * c), nn.Identity(), nn.Linear(4 * c, c)))

    def forward(self, x, text):
        h = self.norm1(x)
        x = x + self.attn1(h, h)
        x = x + self.attn2(self.norm2(x), text)
        return x + self.ff.net(self.norm3(x))


class SpatialTransformer(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.norm, self.proj_in, self.proj_out = nn.GroupNorm(32, c, 1e-6), conv(c, c, 1), zero(conv(c, c, 1))
        self.transformer_blocks = nn.ModuleList([TransformerBlock(c)])

    def forward(self, x, time, text):
        h = self.proj_in(self.norm(x)).permute(0, 2, 3, 1).flatten(1, 2)  # (B, HW, C)
        h = self.transformer_blocks[0](h, text).unflatten(1, x.shape[2:]).permute(0, 3, 1, 2)
        return x + self.proj_out(h)


class Downsample(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.op = conv(c, c, 3, 2)

    def forward(self, x, time, text):
        return self.op(x)


class Upsample(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.conv = conv(c, c)

    def forward(self, x, time, text):
        return self.conv(F.interpolate(x, scale_factor=2.0, mode="nearest"))


class Plain(Conv):
    def forward(self, x, time, text):
        return super().forward(x)


def run(block, x, time, text):
    for layer in block:
        x = layer(x, time, text)
    return x


class Trunk(nn.Module):
    """What UNet and ControlNet share: time embedding, encoder, middle. `skips` holds the widths of the encoder's outputs."""

    def __init__(self):
        super().__init__()
        c = WIDTHS[0]
        self.time_embed = nn.Sequential(nn.Linear(c, 4 * c), nn.SiLU(), nn.Linear(4 * c, 4 * c))
        self.input_blocks, self.skips = nn.ModuleList([nn.ModuleList([Plain(4, c, 3, padding=1)])]), [c]
        for i, w in enumerate(WIDTHS):
            for _ in range(2):
                attention = [SpatialTransformer(w)] if i < 3 else []
                self.input_blocks.append(nn.ModuleList([ResBlock(c, w)] + attention))
                self.skips.append(w)
                c = w
            if i < 3:
                self.input_blocks.append(nn.ModuleList([Downsample(c)]))
                self.skips.append(c)
        self.middle_block = nn.ModuleList([ResBlock(c, c), SpatialTransformer(c), ResBlock(c, c)])

    def time(self, t):  # (B,) -> (B, 4C); cosines first
        half = WIDTHS[0] // 2
        angle = t.float()[:, None] * torch.exp(torch.arange(half, device=t.device) * (-math.log(10000) / half))
        return self.time_embed(torch.cat([angle.cos(), angle.sin()], 1))


class UNet(Trunk):
    def __init__(self):
        super().__init__()
        c, skips, self.output_blocks = WIDTHS[-1], list(self.skips), nn.ModuleList()
        for i in reversed(range(len(WIDTHS))):
            w = WIDTHS[i]
            for j in range(3):
                layers = [ResBlock(c + skips.pop(), w)] + ([SpatialTransformer(w)] if i < 3 else [])
                layers += [Upsample(w)] if i and j == 2 else []
                self.output_blocks.append(nn.ModuleList(layers))
                c = w
        self.out = nn.Sequential(nn.GroupNorm(32, c), nn.SiLU(), zero(conv(c, 4)))

    def forward(self, x, t, text, control=None):
        time, skips = self.time(t), []
        for block in self.input_blocks:
            x = run(block, x, time, text)
            skips.append(x)
        x = run(self.middle_block, x, time, text)
        if control is not None:
            x = x + control[-1]
            skips = [s + c for s, c in zip(skips, control)]
        for block in self.output_blocks:
            x = run(block, torch.cat([x, skips.pop()], 1), time, text)
        return self.out(x)


class ControlNet(Trunk):
    def __init__(self):
        super().__init__()
        hint, a = [], 3
        for b, stride in ((16, 1), (16, 1), (32, 2), (32, 1), (96, 2), (96, 1), (256, 2)):
            hint += [conv(a, b, 3, stride), nn.SiLU()]
            a = b
        self.input_hint_block = nn.Sequential(*hint, zero(conv(256, WIDTHS[0])))
        self.zero_convs = nn.ModuleList(nn.ModuleList([zero(conv(c, c, 1))]) for c in self.skips)
        self.middle_block_out = nn.ModuleList([zero(conv(WIDTHS[-1], WIDTHS[-1], 1))])

    def forward(self, x, hint, t, text):
        time, control = self.time(t), []
        hint = self.input_hint_block(hint)
        for i, (block, out) in enumerate(zip(self.input_blocks, self.zero_convs)):
            x = run(block, x, time, text) + (hint if i == 0 else 0)
            control.append(out[0](x))
        return control + [self.middle_block_out[0](run(self.middle_block, x, time, text))]


PREFIXES = dict(vae="first_stage_model.", text="cond_stage_model.", unet="model.diffusion_model.", control="control_model.")


def make(vocabulary):
    """All four parts, by the name of the file that a training stage keeps them in."""
    return dict(vae=Vae(), text=Text(vocabulary), unet=UNet(), control=ControlNet())
